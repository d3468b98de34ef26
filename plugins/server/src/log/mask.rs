//! Secrets that may stand in no line of the log, whoever wrote it.

use aho_corasick::AhoCorasick;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use url::Url;

const SHOWN: &str = "***";

/// Shorter ones would mask ordinary words.
const SHORTEST: usize = 4;

/// Replaces known secrets, in every form that a line may hold them in.
#[derive(Clone, Default)]
pub(crate) struct Mask {
    forms: Option<Arc<(AhoCorasick, usize)>>,
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let forms = self.forms.as_ref().map_or(0, |forms| forms.1);
        f.debug_struct("Mask").field("forms", &forms).finish()
    }
}

impl Mask {
    /// Masks these; of a URL, the password within it.
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut forms = BTreeSet::new();
        for secret in secrets {
            match Url::parse(secret).ok().filter(|url| url.has_host() || url.password().is_some()) {
                Some(url) => {
                    let Some(encoded) = url.password() else { continue };
                    forms.insert(encoded.to_owned());
                    forms.extend(all_forms(&decoded(encoded)));
                }
                None => forms.extend(all_forms(secret)),
            }
        }
        forms.retain(|form| form.len() >= SHORTEST);
        if forms.is_empty() {
            return Self::default();
        }
        // The longest first: one form may begin another.
        let mut forms: Vec<String> = forms.into_iter().collect();
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        let count = forms.len();
        let found = AhoCorasick::builder()
            .match_kind(aho_corasick::MatchKind::LeftmostLongest)
            .build(forms);
        Self { forms: found.ok().map(|found| Arc::new((found, count))) }
    }

    /// The line without them.
    pub(crate) fn line<'a>(&self, line: &'a [u8]) -> Cow<'a, [u8]> {
        match &self.forms {
            Some(forms) if forms.0.is_match(line) => {
                let shown = vec![SHOWN; forms.1];
                forms.0.replace_all_bytes(line, &shown).into()
            }
            _ => line.into(),
        }
    }
}

/// A secret as it is, within JSON, within a URL, and in base64.
fn all_forms(secret: &str) -> [String; 4] {
    let quoted = serde_json::Value::from(secret).to_string();
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    [
        secret.to_owned(),
        quoted[1..quoted.len() - 1].to_owned(),
        encoded.replace('+', "%20"),
        STANDARD.encode(secret),
    ]
}

/// `%40` becomes `@`.
fn decoded(text: &str) -> String {
    // As in a form, but that `+` is itself.
    let text = format!("v={}", text.replace('+', "%2B").replace('&', "%26").replace(';', "%3B"));
    url::form_urlencoded::parse(text.as_bytes())
        .next()
        .map_or_else(String::new, |(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::Mask;

    #[test]
    fn a_secret_is_masked_in_every_form() {
        let mask = Mask::new(["postgres://u:p%40ss%22word%2B1@h/db", "tok-12345", ""]);
        for line in [
            "p@ss\"word+1",
            "{\"a\":\"p@ss\\\"word+1\"}",
            "postgres://u:p%40ss%22word%2B1@h/db",
            "cEBzcyJ3b3JkKzE=",
            "Bearer tok-12345",
        ] {
            let masked = String::from_utf8(mask.line(line.as_bytes()).into_owned()).unwrap();
            assert!(masked.contains("***"), "{line}: {masked}");
            assert!(!masked.contains("word") && !masked.contains("12345"), "{masked}");
        }
        assert_eq!(mask.line(b"nothing to hide").as_ref(), b"nothing to hide");
        assert_eq!(Mask::new(["abc"]).line(b"abc").as_ref(), b"abc");
    }
}
