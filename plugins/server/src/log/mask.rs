//! Secrets that may stand in no line of the log, whoever wrote it: the server's own, and what reads
//! like one, as in everything that the host shows.

use std::borrow::Cow;
use std::sync::Arc;
use toygres_redaction::Redactor;
use url::Url;

/// Shorter ones would mask ordinary words.
const MIN_SECRET_BYTES: usize = 4;

/// Replaces secrets, in every form that a line may hold them in.
#[derive(Clone)]
pub(crate) struct Mask {
    redactor: Arc<Redactor>,
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mask")
    }
}

impl Mask {
    /// Masks these; of a URL, the password within it.
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut known = Vec::new();
        for secret in secrets {
            match Url::parse(secret).ok().filter(|url| url.has_host() || url.password().is_some()) {
                Some(url) => {
                    let Some(encoded) = url.password() else { continue };
                    known.push(encoded.to_owned());
                    known.push(decode(encoded));
                }
                None => known.push(secret.to_owned()),
            }
        }
        known.retain(|secret| secret.len() >= MIN_SECRET_BYTES);
        Self { redactor: Arc::new(Redactor::new(&known, false)) }
    }

    /// The line without them.
    pub(crate) fn line<'a>(&self, line: &'a [u8]) -> Cow<'a, [u8]> {
        if !self.redactor.suspects(line) {
            return line.into();
        }
        match self.redactor.text(&String::from_utf8_lossy(line)) {
            Cow::Borrowed(_) => line.into(),
            Cow::Owned(masked) => masked.into_bytes().into(),
        }
    }
}

/// `%40` becomes `@`.
fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
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

    #[test]
    fn what_reads_like_a_secret_is_masked_and_the_line_stays_a_document() {
        let mask = Mask::new([]);
        for (line, expected) in [
            (r#"{"a":1,"message":"password=CANARY,x"}"#, r#"{"a":1,"message":"password=***"}"#),
            (
                r#"{"env":{"name":"PGPASSWORD","value":"CANARY"}}"#,
                r#"{"env":{"name":"PGPASSWORD","value":"***"}}"#,
            ),
            ("INFO to postgres://u:5432/CANARY@h", "INFO to postgres://u:***@h"),
            (r#"{"max_tokens":4096,"lock_token":"a"}"#, r#"{"max_tokens":4096,"lock_token":"a"}"#),
        ] {
            assert_eq!(String::from_utf8_lossy(&mask.line(line.as_bytes())), expected);
        }
        assert_eq!(mask.line(b"{\"token\":\"a\"}\n").as_ref(), b"{\"token\":\"***\"}\n");
    }
}
