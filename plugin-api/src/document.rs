//! JSON documents that are only passed on, with the text that they came with.
//!
//! A [`Value`] keeps a number as an integer of 64 bits or a float, and one value a key: `1.10`,
//! `18446744073709551617`, `1e400` and the first of two equal keys are lost in it. Where a value
//! would lose any of that, [`parse`] answers an object with the one key [`TEXT`], which holds the
//! whole text; everything that writes answers writes that text in its place ([`Verbatim`]).

use serde::de::IgnoredAny;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashSet;

/// The key that stands alone in an object which stands for a document's text.
pub const TEXT: &str = "$toygres.io/json";

/// A document as a value that keeps its digits and its keys; `None` where the text is not JSON.
#[must_use]
pub fn parse(text: &str) -> Option<Value> {
    if let Some(value) = lossless(text) {
        return Some(value);
    }
    let line = one_line(text)?;
    let object = [(TEXT.to_owned(), Value::String(line.into_owned()))];
    Some(Value::Object(object.into_iter().collect()))
}

/// The text of a document that [`parse`] kept as one.
#[must_use]
pub fn text(value: &Value) -> Option<&str> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    object.get(TEXT)?.as_str()
}

/// A document as a value, where that loses nothing but blanks.
#[must_use]
pub fn lossless(text: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(text).ok()?;
    let traits = Traits::of(text);
    (traits.keeps_digits && traits.has_unique_keys).then_some(value)
}

/// Whether no object of a document has two keys of one name. Of a text that is not JSON nothing is
/// said.
#[must_use]
pub fn has_unique_keys(text: &str) -> bool {
    Traits::of(text).has_unique_keys
}

/// Whether PostgreSQL's text of a number is one in JSON too.
#[must_use]
pub fn is_number(text: &str) -> bool {
    let starts = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    // What is skipped is read by JSON's grammar, and never as a float. Blanks may stand around it.
    starts
        && !text.ends_with(|last: char| last.is_ascii_whitespace())
        && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// The text of a document on one line, of any depth; `None` where it is not JSON.
#[must_use]
pub fn one_line(text: &str) -> Option<Cow<'_, str>> {
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    // Line breaks stand between values only; within a text JSON has them escaped.
    Some(match text.contains(['\n', '\r']) {
        true => Cow::Owned(text.replace(['\n', '\r'], " ")),
        false => Cow::Borrowed(text),
    })
}

/// A value whose documents are written as they came.
#[derive(Debug)]
pub struct Verbatim<'a>(pub &'a Value);

impl Serialize for Verbatim<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Array(values) => {
                let mut list = serializer.serialize_seq(Some(values.len()))?;
                for value in values {
                    list.serialize_element(&Self(value))?;
                }
                list.end()
            }
            Value::Object(fields) => {
                if let Some(text) = text(self.0) {
                    // A mask that took the place of the whole document is no document.
                    return match RawValue::from_string(text.to_owned()) {
                        Ok(raw) => raw.serialize(serializer),
                        Err(_) => serializer.serialize_str(text),
                    };
                }
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (key, value) in fields {
                    map.serialize_entry(key, &Self(value))?;
                }
                map.end()
            }
            other => other.serialize(serializer),
        }
    }
}

/// Whether a value holds a document that is kept as its text.
#[must_use]
pub fn holds_text(value: &Value) -> bool {
    match value {
        Value::Array(values) => values.iter().any(holds_text),
        Value::Object(fields) => text(value).is_some() || fields.values().any(holds_text),
        _ => false,
    }
}

/// What of a document's text a [`Value`] would keep.
struct Traits {
    keeps_digits: bool,
    has_unique_keys: bool,
}

impl Traits {
    /// Looks through the text of a document of any depth.
    fn of(document: &str) -> Self {
        let bytes = document.as_bytes();
        let mut traits = Self { keeps_digits: true, has_unique_keys: true };
        // The keys of the objects that are open; `None` for a list.
        let mut open: Vec<Option<HashSet<Cow<'_, str>>>> = Vec::new();
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            let start = at;
            match byte {
                b'"' => {
                    at = end_of_string(bytes, at);
                    let is_key = bytes[at.min(bytes.len())..]
                        .iter()
                        .find(|byte| !byte.is_ascii_whitespace())
                        == Some(&b':');
                    if let (true, Some(Some(keys))) = (is_key, open.last_mut()) {
                        traits.has_unique_keys &= keys.insert(decoded(&document[start..at]));
                    }
                    continue;
                }
                b'-' | b'0'..=b'9' => {
                    let digits = |byte: &&u8| {
                        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-')
                    };
                    at += bytes[start..].iter().take_while(digits).count();
                    traits.keeps_digits &= survives(&document[start..at]);
                    continue;
                }
                b'{' => open.push(Some(HashSet::new())),
                b'[' => open.push(None),
                b'}' | b']' => drop(open.pop()),
                _ => {}
            }
            at += 1;
        }
        traits
    }
}

/// The place behind a text in quotes that begins here.
fn end_of_string(bytes: &[u8], begin: usize) -> usize {
    let mut at = begin + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// A key without its quotes and escapes.
fn decoded(quoted: &str) -> Cow<'_, str> {
    match serde_json::from_str::<String>(quoted) {
        Ok(key) => Cow::Owned(key),
        Err(_) => Cow::Borrowed(quoted),
    }
}

/// Whether a number is written again with the letters that it was read from.
fn survives(number: &str) -> bool {
    serde_json::from_str::<serde_json::Number>(number).is_ok_and(|read| read.to_string() == number)
}

#[cfg(test)]
mod tests {
    use super::{Verbatim, has_unique_keys, holds_text, is_number, lossless, parse, text};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn written(document: &str) -> String {
        let data = json!({"rows": [parse(document).unwrap()]});
        let text = serde_json::to_string(&Verbatim(&data)).unwrap();
        let inside = text.strip_prefix("{\"rows\":[").and_then(|text| text.strip_suffix("]}"));
        inside.unwrap().to_owned()
    }

    #[test]
    fn documents_keep_their_text() {
        for document in [
            r#"{"id":18446744073709551617,"price":1.10}"#,
            r#"{"id": 1e400}"#,
            r#"{"a":1,"a":2}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"[1.0,-0,-0.0,1E5,1e+20,0.1]"#,
            r#"[9007199254740993,18446744073709551615,-9223372036854775808]"#,
            r#"{"a":{"b":[1,{"c":"d"}]},"e":"\ud800"}"#,
            r#""x""#,
            "12345678901234567890123",
        ] {
            assert_eq!(written(document), document);
        }
        assert_eq!(written("{\"a\":\n1.10}"), "{\"a\": 1.10}");
        let deep = format!("{}1.10{}", "[".repeat(5000), "]".repeat(5000));
        assert_eq!(written(&deep), deep);
        let masked = json!({super::TEXT: "***"});
        assert_eq!(serde_json::to_string(&Verbatim(&masked)).unwrap(), "\"***\"");
        assert!(parse("{").is_none() && parse("1.").is_none());
    }

    #[test]
    fn a_value_that_keeps_everything_stays_one() {
        for document in [r#"{"a":[1,2.5,"1.10",true,null]}"#, "{}", "[]", r#"{"a":{"b":1},"b":1}"#]
        {
            let value = parse(document).unwrap();
            assert_eq!(value, serde_json::from_str::<Value>(document).unwrap());
            assert!(text(&value).is_none() && !holds_text(&value));
        }
        assert!(holds_text(&json!([{"a": parse("1.10")}])));
        assert!(!has_unique_keys(r#"[{"a":1},{"b":{"c":1,"c":2}}]"#));
        assert!(has_unique_keys(r#"[{"a":"a"},{"a":{"a":["a","a"]}}]"#));
    }

    #[test]
    fn a_number_is_one_by_its_letters() {
        for text in ["0", "-1", "1.50", "1e+20", "1e400", "-0.0", &"9".repeat(900)] {
            assert!(is_number(text), "{text}");
        }
        for text in ["NaN", "Infinity", "-Infinity", "", "-", "1.", "01", "+1", " 1", "1 ", "1,2"] {
            assert!(!is_number(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost(document in "[\\[\\]{}:,\" a1.0e\\\\-]{0,24}") {
            if let Some(value) = parse(&document) {
                let written = serde_json::to_string(&Verbatim(&value)).unwrap();
                prop_assert_eq!(written.replace(' ', ""), document.replace(' ', ""));
            }
            let _either = lossless(&document);
        }

        #[test]
        fn digits_stay(digits in "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?(e[+-]?[0-9]{1,3})?") {
            prop_assert!(is_number(&digits));
            let document = format!("{{\"a\":[{digits}]}}");
            prop_assert_eq!(written(&document), document);
        }
    }
}
