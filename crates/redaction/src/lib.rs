//! Masks secrets in whatever is shown or written down, before anything is formatted or cut.
//!
//! Secret are: values known to be (from the environment, URLs, configuration), what stands under a
//! name that says so (`names`), and what is recognised by itself (`tokens`, `url`). A text is read
//! twice: JSON within it as the document that it is (`document`), at any depth and any level of
//! escaping, and the rest by the words that announce a secret (`scan`). Where it is uncertain what
//! ends a value, the mask goes on to the end of the word or the line.

mod apart;
mod block;
mod document;
mod encoded;
mod markup;
pub mod names;
mod pairs;
mod quotes;
mod report;
pub mod rows;
mod scan;
mod statement;
mod tokens;
mod triggers;
mod url;
mod value;
mod verifier;
mod word;

use aho_corasick::AhoCorasick;
use pairs::Secret;
use std::borrow::Cow;
use std::cmp::Reverse;

/// What stands in place of a secret.
pub const MASK: &str = "***";

/// A masked text is masked again until nothing changes, so that masking twice is masking once.
const MAX_PASSES: usize = 4;

/// Masks secrets.
#[derive(Debug, Clone)]
pub struct Redactor {
    show: bool,
    known: Option<AhoCorasick>,
    /// The same in any case, to look over a whole batch.
    values: Vec<String>,
}

impl Redactor {
    /// A redactor that also knows these values; with `show` it masks nothing.
    #[must_use]
    pub fn new(secrets: &[String], show: bool) -> Self {
        let mut forms: Vec<String> = secrets.iter().flat_map(|secret| forms(secret)).collect();
        forms.retain(|form| !form.is_empty());
        forms.sort();
        forms.dedup();
        // Building fails only for automata of gigabytes.
        let known = AhoCorasick::builder()
            .match_kind(aho_corasick::MatchKind::LeftmostLongest)
            .build(&forms)
            .ok()
            .filter(|_| !forms.is_empty());
        Self { show, known, values: secrets.to_vec() }
    }

    /// Whether these bytes may hold a secret. A whole batch is asked at once.
    #[must_use]
    pub fn suspects(&self, bytes: &[u8]) -> bool {
        !self.show
            && (scan::AUTOMATON.is_match(bytes)
                || self.known.as_ref().is_some_and(|known| known.is_match(bytes)))
    }

    /// The text with every secret masked.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !self.suspects(text.as_bytes()) {
            return Cow::Borrowed(text);
        }
        let Some((mut masked, mut whole)) = self.mask_once(text) else {
            return Cow::Borrowed(text);
        };
        // The texts of a document were masked until nothing changes already.
        for _ in 1..MAX_PASSES {
            if whole {
                break;
            }
            let Some(again) = self.mask_once(&masked) else { break };
            (masked, whole) = again;
        }
        Cow::Owned(masked)
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

    /// Whether this is one of the known values as a whole.
    fn knows(&self, value: &str) -> bool {
        self.values.iter().any(|known| known == value)
    }

    /// The text with what was found masked, and whether it is a document as a whole; none where
    /// nothing was found.
    fn mask_once(&self, text: &str) -> Option<(String, bool)> {
        let documents = document::find_documents(text);
        let mut secrets = Vec::new();
        for document in &documents {
            secrets.extend(document.secrets(text, self));
        }
        let whole = documents.first().is_some_and(|document| {
            text[..document.range.start].trim().is_empty()
                && text[document.range.end..].trim().is_empty()
        });
        if !whole {
            let known = self.known.iter().flat_map(|known| known.find_iter(text));
            let known = known.map(|found| Secret::from(found.range()));
            let around = scan::find_secrets(text).into_iter().chain(known);
            // Within a document the document knows better, and stays one.
            secrets.extend(around.filter(|secret| {
                let (start, end) = (secret.range.start, secret.range.end);
                let after = documents.partition_point(|document| document.range.end <= start);
                documents.get(after).is_none_or(|document| {
                    let within = document.range.start <= start && end <= document.range.end;
                    !within || document.range == secret.range
                })
            }));
        }
        secrets.retain(|secret| !secret.range.is_empty());
        let masked = (!secrets.is_empty()).then(|| replace_all(text, secrets))?;
        (masked != text).then_some((masked, whole))
    }
}

/// The place itself, or the begin of the letter that it is within.
fn floor_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The text with these parts replaced; what overlaps is one part.
fn replace_all(text: &str, mut secrets: Vec<Secret>) -> String {
    secrets.sort_by_key(|secret| (secret.range.start, Reverse(secret.range.end)));
    let mut merged: Vec<Secret> = Vec::with_capacity(secrets.len());
    for secret in secrets {
        match merged.last_mut() {
            Some(last) if secret.range.start < last.range.end => {
                last.range.end = last.range.end.max(secret.range.end);
            }
            _ => merged.push(secret),
        }
    }
    let mut masked = String::with_capacity(text.len());
    let mut at = 0;
    for secret in merged {
        masked.push_str(&text[at..secret.range.start]);
        masked.push_str(&secret.mask);
        at = secret.range.end;
    }
    masked.push_str(&text[at..]);
    masked
}

/// The forms in which a secret may appear: as it is, in a URL, in JSON, in base64.
#[must_use]
pub fn forms(secret: &str) -> Vec<String> {
    use base64::Engine as _;
    let json = serde_json::Value::from(secret).to_string();
    let json = json[1..json.len() - 1].to_owned();
    let twice = serde_json::Value::from(json.as_str()).to_string();
    let percent: String = ::url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
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
