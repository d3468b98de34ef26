//! Rules that let a known drift pass: `KIND:NAME/FIELD until DATE because REASON`.

use super::{Field, Finding};
use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// A rule. `*` in each part stands for any text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// As it was written.
    pub rule: String,
    /// The last day on which it holds, `YYYY-MM-DD`, by UTC.
    pub until: Option<String>,
    /// Why.
    pub reason: Option<String>,
    #[serde(skip)]
    kind: String,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    field: String,
}

/// A rule that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleError(pub String);

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RuleError {}

impl Rule {
    /// Whether it no longer holds on a day, `YYYY-MM-DD`.
    #[must_use]
    pub fn is_expired(&self, today: &str) -> bool {
        self.until.as_deref().is_some_and(|until| until < today)
    }

    /// Whether it lets a field of a finding pass.
    #[must_use]
    pub fn covers(&self, finding: &Finding, field: &Field) -> bool {
        let named = |name: &str| matches(&self.name, name);
        matches(&self.kind, finding.kind.word())
            && (named(&finding.k8s_name) || finding.instance.as_deref().is_some_and(named))
            && matches(&self.field, field.field)
    }
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let text = text.trim();
        let (text, reason) = cut(text, " because ");
        let (pattern, until) = cut(text, " until ");
        if let Some(until) = until.filter(|until| !is_date(until)) {
            return Err(RuleError(format!("`{until}` is no date such as 2027-01-31")));
        }
        if reason.is_some_and(str::is_empty) {
            return Err(RuleError("there is no reason behind `because`".to_owned()));
        }
        let (kind, rest) = pattern
            .split_once(':')
            .ok_or_else(|| RuleError(format!("there is no `:` in `{pattern}`")))?;
        let known = super::Kind::ALL.iter().map(|kind| kind.word());
        if kind != "*" && !known.clone().any(|known| known == kind) {
            let known: Vec<&str> = known.collect();
            return Err(RuleError(format!("`{kind}` is none of {}, *", known.join(", "))));
        }
        let (name, field) = rest.split_once('/').unwrap_or((rest, "*"));
        if name.is_empty() || field.is_empty() || pattern.contains(char::is_whitespace) {
            return Err(RuleError(format!("`{pattern}` is not of the form KIND:NAME/FIELD")));
        }
        Ok(Self {
            rule: pattern.to_owned(),
            until: until.map(str::to_owned),
            reason: reason.map(str::to_owned),
            kind: kind.to_owned(),
            name: name.to_owned(),
            field: field.to_owned(),
        })
    }
}

/// The text before a word, and behind it.
fn cut<'a>(text: &'a str, word: &str) -> (&'a str, Option<&'a str>) {
    match text.split_once(word) {
        Some((before, behind)) => (before.trim(), Some(behind.trim())),
        None => (text, None),
    }
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

/// Whether a text is as a pattern wants it.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    let mut rest = rest;
    while let Some((part, next)) = rest.split_once('*') {
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
        rest = next;
    }
    text.ends_with(rest)
}

#[cfg(test)]
mod tests {
    use super::{Rule, matches};

    #[test]
    fn a_rule_has_its_parts() {
        let rule: Rule =
            "mismatch:proddb-*/image until 2026-12-31 because the image is pinned".parse().unwrap();
        assert_eq!(rule.rule, "mismatch:proddb-*/image");
        assert_eq!(rule.reason.as_deref(), Some("the image is pinned"));
        assert!(!rule.is_expired("2026-12-31") && rule.is_expired("2027-01-01"));
        let rule: Rule = "*:a".parse().unwrap();
        assert_eq!((rule.field.as_str(), rule.until, rule.reason), ("*", None, None));
    }

    #[test]
    fn what_is_no_rule_is_told_so() {
        for wrong in [
            "",
            "mismatch",
            "mismatch:",
            "mismatch:a/",
            "gone:a",
            "mismatch:a b/image",
            "mismatch:a until tomorrow",
            "mismatch:a until 2026-02-30",
            "mismatch:a because ",
        ] {
            assert!(wrong.parse::<Rule>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, text, wanted) in [
            ("*", "", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*b*c", "axxbxxc", true),
            ("a*b*c", "axxc", false),
            ("a", "ab", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, text), wanted, "{pattern} {text}");
        }
    }
}
