//! Secrets that got where they should not be, in clear or encoded.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use std::fs;
use std::io;
use std::path::Path;

/// The forms of a secret that a text holds, each by name.
pub fn in_text(secret: &str, text: &str) -> Vec<&'static str> {
    in_bytes(secret, text.as_bytes())
}

/// Like [`in_text`], in every file below a folder: `path: form`.
///
/// # Errors
/// When a file cannot be read.
pub fn in_folder(secret: &str, folder: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(in_folder(secret, &path)?);
        } else if path.is_file() {
            let forms = in_bytes(secret, &fs::read(&path)?);
            found.extend(forms.into_iter().map(|form| format!("{}: {form}", path.display())));
        }
    }
    Ok(found)
}

fn in_bytes(secret: &str, bytes: &[u8]) -> Vec<&'static str> {
    assert!(secret.len() >= 8, "a short secret is found anywhere");
    let forms = forms(secret);
    let holds = |form: &str| bytes.windows(form.len()).any(|window| window == form.as_bytes());
    forms.into_iter().filter(|(_, form)| holds(form)).map(|(name, _)| name).collect()
}

fn forms(secret: &str) -> Vec<(&'static str, String)> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let json = serde_json::Value::from(secret).to_string();
    let url: String = secret
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect();
    let mut forms = vec![
        ("in clear", secret.to_owned()),
        ("within JSON", json[1..json.len() - 1].to_owned()),
        ("within JSON within JSON", {
            let twice = serde_json::Value::from(&json[1..json.len() - 1]).to_string();
            twice[1..twice.len() - 1].to_owned()
        }),
        ("within a URL", url),
        ("in hex", hex.to_uppercase()),
        ("in hex", hex),
    ];
    // What stands before it in a longer text moves its base64 by a part of a group.
    forms.extend((0..3).map(|before| ("in base64", base64_within(secret, before))));
    forms
}

/// The part of the base64 of a longer text that `secret` alone decides, `before` bytes into a group.
fn base64_within(secret: &str, before: usize) -> String {
    let text = [&vec![0; before], secret.as_bytes()].concat();
    let whole = STANDARD_NO_PAD.encode(&text);
    let begin = [0, 2, 3][before];
    let end = text.len() / 3 * 4;
    whole[begin..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::{STANDARD_NO_PAD, in_text};
    use base64::Engine;

    #[test]
    fn a_secret_is_found_in_every_form_and_place() {
        let secret = "ca\"nary/7%!xyz";
        for before in ["", "a", "ab", "abc", "abcd"] {
            let text = STANDARD_NO_PAD.encode(format!("{before}{secret}tail"));
            assert_eq!(in_text(secret, &text), ["in base64"], "{before}");
        }
        assert!(in_text(secret, &format!("x{secret}")).contains(&"in clear"));
        assert!(in_text(secret, "u:ca%22nary%2F7%25%21xyz@").contains(&"within a URL"));
        assert!(in_text(secret, "{\"p\":\"ca\\\"nary/7%!xyz\"}").contains(&"within JSON"));
        assert!(in_text(secret, "ca nary").is_empty());
    }
}
