//! `labelSelector`: `app=postgres,tier!=test,zone in (a,b),!old`.

use crate::kube::status::{ApiError, Result};
use crate::kube::validate::names;
use serde_json::{Map, Value};

/// What labels have to be. All requirements have to hold; none means everything.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct LabelSelector {
    requirements: Vec<Requirement>,
}

#[derive(Debug, Clone, PartialEq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    Exists,
    Missing,
    In(Vec<String>),
    NotIn(Vec<String>),
    Greater(i64),
    Less(i64),
}

#[derive(Debug, Clone, PartialEq)]
enum Token<'a> {
    Word(&'a str),
    Sign(&'static str),
    End,
}

impl LabelSelector {
    /// Reads a selector.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut parser = Parser { tokens: tokens(text), at: 0 };
        parser.selector().map_err(|why| {
            ApiError::bad_request(format!("unable to parse requirement: {why} in `{text}`"))
        })
    }

    /// Whether the object's labels are as they have to be.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        let labels = object.pointer("/metadata/labels").and_then(Value::as_object);
        self.requirements.iter().all(|requirement| requirement.holds(labels))
    }
}

impl Requirement {
    fn holds(&self, labels: Option<&Map<String, Value>>) -> bool {
        let value = labels.and_then(|labels| labels.get(&self.key)).and_then(Value::as_str);
        match &self.test {
            Test::Exists => value.is_some(),
            Test::Missing => value.is_none(),
            Test::In(values) => value.is_some_and(|value| values.iter().any(|one| one == value)),
            Test::NotIn(values) => {
                !value.is_some_and(|value| values.iter().any(|one| one == value))
            }
            Test::Greater(than) => compare(value).is_some_and(|value| value > *than),
            Test::Less(than) => compare(value).is_some_and(|value| value < *than),
        }
    }
}

fn compare(value: Option<&str>) -> Option<i64> {
    value?.parse().ok()
}

/// Splits the text into words and signs.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    'next: while !rest.is_empty() {
        for sign in ["==", "!=", "=", "!", ",", "(", ")", ">", "<"] {
            if let Some(after) = rest.strip_prefix(sign) {
                found.push(Token::Sign(sign));
                rest = after.trim_start();
                continue 'next;
            }
        }
        let ends = |c: char| c.is_whitespace() || "=!,()<>".contains(c);
        let (word, after) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
        found.push(Token::Word(word));
        rest = after.trim_start();
    }
    found.push(Token::End);
    found
}

struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
}

type Parsed<T> = std::result::Result<T, String>;

impl<'a> Parser<'a> {
    fn peek(&self) -> &Token<'a> {
        self.tokens.get(self.at).unwrap_or(&Token::End)
    }

    fn next(&mut self) -> Token<'a> {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn selector(&mut self) -> Parsed<LabelSelector> {
        let mut requirements = Vec::new();
        if *self.peek() == Token::End {
            return Ok(LabelSelector::default());
        }
        loop {
            requirements.push(self.requirement()?);
            match self.next() {
                Token::End => return Ok(LabelSelector { requirements }),
                Token::Sign(",") if *self.peek() != Token::End => {}
                other => return Err(format!("found {}, expected: ',' or end", shown(&other))),
            }
        }
    }

    fn requirement(&mut self) -> Parsed<Requirement> {
        if *self.peek() == Token::Sign("!") {
            self.next();
            return Ok(Requirement { key: self.key()?, test: Test::Missing });
        }
        let key = self.key()?;
        let test = self.test()?;
        Ok(Requirement { key, test })
    }

    fn key(&mut self) -> Parsed<String> {
        match self.next() {
            Token::Word(word) => {
                names::qualified(word).map_err(|why| format!("key: {word}: {why}"))?;
                Ok(word.to_owned())
            }
            other => Err(format!("found {}, expected: identifier", shown(&other))),
        }
    }

    fn test(&mut self) -> Parsed<Test> {
        match self.peek().clone() {
            Token::End | Token::Sign(",") => Ok(Test::Exists),
            Token::Sign(sign @ ("=" | "==" | "!=")) => {
                self.next();
                let values = vec![self.value()?];
                Ok(if sign == "!=" { Test::NotIn(values) } else { Test::In(values) })
            }
            Token::Sign(sign @ (">" | "<")) => {
                self.next();
                let value = self.value()?;
                let number =
                    value.parse().map_err(|_| format!("value {value} is not an integer"))?;
                Ok(if sign == ">" { Test::Greater(number) } else { Test::Less(number) })
            }
            Token::Word("in") => {
                self.next();
                Ok(Test::In(self.values()?))
            }
            Token::Word("notin") => {
                self.next();
                Ok(Test::NotIn(self.values()?))
            }
            other => {
                Err(format!("found {}, expected: in, notin, =, ==, !=, gt, lt", shown(&other)))
            }
        }
    }

    /// One value; nothing at all is the empty one.
    fn value(&mut self) -> Parsed<String> {
        match self.peek().clone() {
            Token::End | Token::Sign("," | ")") => Ok(String::new()),
            Token::Word(word) => {
                self.next();
                names::label_value(word).map_err(|why| format!("value {word}: {why}"))?;
                Ok(word.to_owned())
            }
            other => Err(format!("found {}, expected: identifier", shown(&other))),
        }
    }

    fn values(&mut self) -> Parsed<Vec<String>> {
        if self.next() != Token::Sign("(") {
            return Err("expected: '('".into());
        }
        let mut values = vec![self.value()?];
        loop {
            match self.next() {
                Token::Sign(")") => return Ok(values),
                Token::Sign(",") => values.push(self.value()?),
                other => return Err(format!("found {}, expected: ',' or ')'", shown(&other))),
            }
        }
    }
}

fn shown(token: &Token<'_>) -> String {
    match token {
        Token::Word(word) => format!("'{word}'"),
        Token::Sign(sign) => format!("'{sign}'"),
        Token::End => "the end".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn matches(selector: &str, labels: &Value) -> bool {
        let object = json!({"metadata": {"labels": labels}});
        LabelSelector::parse(selector).unwrap().matches(&object)
    }

    #[test]
    fn each_form_means_what_it_says() {
        let labels = json!({"app": "postgres", "tier": "test", "size": "12", "none": ""});
        for yes in [
            "",
            "app",
            "app=postgres",
            "app == postgres",
            "app!=mysql",
            "missing!=x",
            "!missing",
            "app in (postgres, mysql)",
            "app notin (mysql)",
            "missing notin (a,b)",
            "size>11",
            "size<13",
            "none=",
            "none in ()",
            "app=postgres,tier=test",
            " app , !missing ",
            "none in (,a)",
        ] {
            assert!(matches(yes, &labels), "{yes}");
        }
        for no in [
            "missing",
            "app=mysql",
            "app!=postgres",
            "!app",
            "app in (a,b)",
            "app in ()",
            "missing in (a)",
            "app notin (postgres)",
            "size>12",
            "size<12",
            "app>1",
            "app=postgres,tier=prod",
        ] {
            assert!(!matches(no, &labels), "{no}");
        }
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for bad in [
            ",",
            "a,",
            "=a",
            "a b",
            "a in",
            "a in b",
            "a in (b",
            "a in (b c)",
            "a=b=c",
            "!",
            "!a=b",
            "a>b",
            "-a=b",
            "a=b!",
            "a=(b)",
            "a notin",
            "x/y/z=1",
            "a=b c",
            "(",
            "a=-b",
        ] {
            let error = LabelSelector::parse(bad).expect_err(bad);
            assert_eq!(error.code, 400, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in "[ -~]{0,40}") {
            let _ = LabelSelector::parse(&text);
        }

        #[test]
        fn opposites_are_opposite(
            key in "[a-c]",
            values in prop::collection::vec("[x-z]{0,2}", 1..4),
            labels in prop::collection::btree_map("[a-c]", "[x-z]{0,2}", 0..4),
        ) {
            let object = json!({"metadata": {"labels": labels}});
            let list = values.join(",");
            let within = LabelSelector::parse(&format!("{key} in ({list})")).unwrap();
            let without = LabelSelector::parse(&format!("{key} notin ({list})")).unwrap();
            prop_assert_ne!(within.matches(&object), without.matches(&object));
            let expected = labels.get(&key).is_some_and(|value| values.contains(value));
            prop_assert_eq!(within.matches(&object), expected);
        }
    }
}
