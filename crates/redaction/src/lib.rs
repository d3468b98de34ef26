//! Masks secrets in whatever is shown or written down, before anything is formatted or cut.
//!
//! Secret are: values known to be (from the environment, URLs, configuration: `known`), what stands
//! under a name that says so (`names`), and what is recognised by itself (`tokens`, `url`). Known
//! values are looked for where somebody may have written them, and not in names, states and commands
//! of our own (`places`). A text is read
//! twice: JSON within it as the document that it is (`document`), at any depth and any level of
//! escaping, and the rest by the words that announce a secret (`scan`). Where it is uncertain what
//! ends a value, the mask goes on to the end of the word or the line.

mod apart;
mod block;
mod document;
mod encoded;
mod known;
mod markup;
pub mod names;
mod pairs;
mod places;
mod prose;
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

pub use known::KnownValues;
use known::Place;
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
    own: KnownValues,
    foreign: KnownValues,
}

impl Redactor {
    /// A redactor that also knows these values of our own; with `show` it masks nothing.
    #[must_use]
    pub fn new(secrets: &[String], show: bool) -> Self {
        Self { show, own: KnownValues::new(secrets), foreign: KnownValues::default() }
    }

    /// One that also knows values of other programs, which are masked in what others wrote alone.
    #[must_use]
    pub fn with_foreign(mut self, secrets: &[String]) -> Self {
        self.foreign = KnownValues::new(secrets);
        self
    }

    /// Whether these bytes may hold a secret. A whole batch is asked at once.
    #[must_use]
    pub fn suspects(&self, bytes: &[u8]) -> bool {
        !self.show
            && (scan::AUTOMATON.is_match(bytes)
                || self.own.is_match(bytes)
                || self.foreign.is_match(bytes))
    }

    /// The text, which anybody may have written, with every secret masked.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.text_at(text, Place::Free)
    }

    /// The text of such a place with every secret masked.
    pub(crate) fn text_at<'a>(&self, text: &'a str, place: Place) -> Cow<'a, str> {
        if !self.suspects(text.as_bytes()) {
            return Cow::Borrowed(text);
        }
        let Some((mut masked, mut whole)) = self.mask_once(text, place) else {
            return Cow::Borrowed(text);
        };
        // The texts of a document were masked until nothing changes already.
        for _ in 1..MAX_PASSES {
            if whole {
                break;
            }
            let Some(again) = self.mask_once(&masked, place) else { break };
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
    fn knows(&self, value: &str, place: Place) -> bool {
        match place {
            Place::Ours => false,
            Place::Plugin => self.own.contains(value),
            Place::Free => self.own.contains(value) || self.foreign.contains(value),
        }
    }

    /// Where known values stand in a text of such a place.
    fn find_known(&self, text: &str, place: Place) -> Vec<Secret> {
        let own = (place != Place::Ours).then(|| self.own.find(text));
        let foreign = (place == Place::Free).then(|| self.foreign.find(text));
        let own = own.into_iter().flatten();
        own.chain(foreign.into_iter().flatten()).map(Secret::from).collect()
    }

    /// The text with what was found masked, and whether it is a document as a whole; none where
    /// nothing was found.
    fn mask_once(&self, text: &str, place: Place) -> Option<(String, bool)> {
        let documents = document::find_documents(text);
        let mut secrets = Vec::new();
        for document in &documents {
            secrets.extend(document.secrets(text, self, place));
        }
        let whole = documents.first().is_some_and(|document| {
            text[..document.range.start].trim().is_empty()
                && text[document.range.end..].trim().is_empty()
        });
        if !whole {
            let known = self.find_known(text, place);
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
