//! Masks secrets in whatever a plugin answers, before anything is formatted or cut.
//!
//! Three things are secret: values known to be (from the environment, URLs, configuration), the
//! password within any URL, and what stands under a name that says so, at any depth of JSON and at
//! any level of escaping.

pub mod names;
mod text;
mod value;

use aho_corasick::AhoCorasick;
use std::borrow::Cow;

/// What stands in place of a secret.
pub const MASK: &str = "***";

/// Words that may announce a secret; text without any of them is left as it is at almost no cost.
const TRIGGERS: &[&str] = &[
    "passw",
    "pwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "api_key",
    "api-key",
    "apikey",
    "access_key",
    "access-key",
    "accesskey",
    "private_key",
    "private-key",
    "privatekey",
    "authorization",
    "bearer",
    "://",
];

/// Masks secrets.
#[derive(Debug, Clone)]
pub struct Redactor {
    show: bool,
    /// Triggers and known values at once: one pass over text that holds neither.
    any: AhoCorasick,
    triggers: AhoCorasick,
    known: Option<AhoCorasick>,
}

impl Redactor {
    /// A redactor that also knows these values; with `show` it masks nothing.
    #[must_use]
    pub fn new(secrets: &[String], show: bool) -> Self {
        let mut forms: Vec<String> = secrets.iter().flat_map(|secret| forms(secret)).collect();
        forms.sort();
        forms.dedup();
        // Building fails only for automata of gigabytes.
        let build = |patterns: &[String], insensitive: bool| {
            AhoCorasick::builder()
                .ascii_case_insensitive(insensitive)
                .match_kind(aho_corasick::MatchKind::LeftmostLongest)
                .build(patterns)
                .ok()
        };
        let words: Vec<String> = TRIGGERS.iter().map(|word| (*word).to_owned()).collect();
        let all: Vec<String> = words.iter().chain(&forms).cloned().collect();
        let small = || unreachable!("a few short texts make a small automaton");
        let triggers = build(&words, true).unwrap_or_else(small);
        let any = build(&all, true).unwrap_or_else(small);
        let known = if forms.is_empty() { None } else { build(&forms, false) };
        Self { show, any, triggers, known }
    }

    /// Whether these bytes may hold a secret. A whole batch is asked at once.
    #[must_use]
    pub fn suspects(&self, bytes: &[u8]) -> bool {
        !self.show && self.any.is_match(bytes)
    }

    /// The text with every secret masked.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !self.suspects(text.as_bytes()) {
            return Cow::Borrowed(text);
        }
        let masked = text::mask(&self.triggers, text);
        match &self.known {
            Some(known) if known.is_match(masked.as_ref()) => {
                let replacements = vec![MASK; known.patterns_len()];
                Cow::Owned(known.replace_all(&masked, &replacements))
            }
            _ => masked,
        }
    }

    /// The same for a text that is owned.
    #[must_use]
    pub fn string(&self, text: String) -> String {
        match self.text(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(masked) => masked,
        }
    }

    /// Nothing is masked.
    #[must_use]
    pub fn shows(&self) -> bool {
        self.show
    }
}

/// The forms in which a secret may appear: as it is, in a URL, in JSON, in base64.
pub(crate) fn forms(secret: &str) -> Vec<String> {
    use base64::Engine as _;
    let json = serde_json::Value::from(secret).to_string();
    let json = json[1..json.len() - 1].to_owned();
    let twice = serde_json::Value::from(json.as_str()).to_string();
    let percent: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let base64 = base64::engine::general_purpose::STANDARD.encode(secret);
    vec![
        secret.to_owned(),
        twice[1..twice.len() - 1].to_owned(),
        json,
        percent.replace('+', "%20"),
        percent,
        base64,
    ]
}

#[cfg(test)]
mod tests;
