//! Secrets that are recognised by themselves: tokens of known shapes and private keys.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::ops::Range;

/// Fewer letters than this after a known prefix are a word.
const MIN_TOKEN_LETTERS: usize = 6;

/// Where the prefix is as short as `sk-`, fewer letters than this are a word.
const MIN_SHORT_PREFIX_LETTERS: usize = 20;

/// The rest of a token with a prefix of its own (`ghp_…`): it has a digit or a capital.
pub(crate) fn find_prefixed(text: &str, prefix: Range<usize>) -> Option<Range<usize>> {
    if follows_word(text, prefix.start) || !has_own_case(&text[prefix.clone()]) {
        return None;
    }
    let rest = &text[prefix.end..];
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')));
    let token = &rest[..end.unwrap_or(rest.len())];
    if prefix.len() == 4 && &text[prefix.clone()] == "AIza" && token.len() < 30 {
        return None;
    }
    if prefix.len() == 3 && token.len() < MIN_SHORT_PREFIX_LETTERS {
        return None;
    }
    let mixed = token.contains(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit());
    (mixed && token.len() >= MIN_TOKEN_LETTERS).then(|| prefix.start..prefix.end + token.len())
}

/// Prefixes are lower case, but for those of age and of Google.
fn has_own_case(prefix: &str) -> bool {
    match prefix.eq_ignore_ascii_case("age-secret-key-") {
        true => prefix.starts_with("AGE"),
        false if prefix.eq_ignore_ascii_case("aiza") => prefix == "AIza",
        false => !prefix.contains(|c: char| c.is_ascii_uppercase()),
    }
}

/// A JSON web token: three parts or more, the first of which is a document that says `alg`.
pub(crate) fn find_web_token(text: &str, begin: usize) -> Option<Range<usize>> {
    if follows_word(text, begin) {
        return None;
    }
    let rest = &text[begin..];
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '=');
    let end = rest.find(|c: char| !(part(c) || c == '.')).unwrap_or(rest.len());
    let token = rest[..end].trim_end_matches('.');
    let token = if rest[token.len()..].starts_with('.') && token.matches('.').count() == 1 {
        &rest[..=token.len()]
    } else {
        token
    };
    let mut parts = token.split('.');
    let header = parts.next()?.trim_end_matches('=');
    if parts.count() < 2 {
        return None;
    }
    let header = URL_SAFE_NO_PAD.decode(header).ok()?;
    let header: serde_json::Value = serde_json::from_slice(&header).ok()?;
    header.get("alg")?.as_str()?;
    Some(begin..begin + token.len())
}

/// The token of `Bearer TOKEN`.
pub(crate) fn find_bearer(text: &str, end: usize) -> Option<Range<usize>> {
    let rest = &text[end..];
    let token = rest.trim_start_matches([' ', '\t']);
    if token.len() == rest.len() {
        return None;
    }
    let begin = end + rest.len() - token.len();
    let length = token.find(|c: char| !(c.is_ascii_alphanumeric() || "-._~+/=".contains(c)));
    let length = length.unwrap_or(token.len());
    let word = token[..length].trim_end_matches('.');
    let is_prose = ["token", "tokens", "auth", "authentication", "authorization", "scheme"]
        .contains(&word.to_ascii_lowercase().as_str());
    (length >= 4 && !is_prose).then(|| begin..begin + word.len())
}

/// The credentials of `Basic dXNlcjpwYXNz`.
pub(crate) fn find_basic(text: &str, end: usize) -> Option<Range<usize>> {
    let rest = &text[end..];
    let token = rest.trim_start_matches([' ', '\t']);
    let begin = end + rest.len() - token.len();
    let length = base64_length(token);
    let decoded = decode(&token[..length])?;
    (length >= 4 && decoded.contains(&b':')).then(|| begin..begin + length)
}

/// The inside of a PEM file that holds a private key; `word` is `PRIVATE KEY` within its first line.
pub(crate) fn find_private_key(text: &str, word: Range<usize>) -> Option<Range<usize>> {
    let line = &text[super::floor_boundary(text, word.start.saturating_sub(60))..word.start];
    let begin = line.rfind("BEGIN ")?;
    if line[begin..].contains(['\n', '\\']) || !line[..begin].trim_end().ends_with('-') {
        return None;
    }
    let dashes = text[word.end..].find("--")?;
    let after = &text[word.end + dashes..];
    if dashes > 10 {
        return None;
    }
    let inside = word.end + dashes + after.len() - after.trim_start_matches('-').len();
    let rest = &text[inside..];
    let end = rest.find("-----END").or_else(|| rest.find("---- END"));
    // A key that was cut has no end: what can be part of it goes.
    let part = |c: char| c.is_ascii_alphanumeric() || c.is_whitespace() || "+/=\\:,-.".contains(c);
    let end = end.unwrap_or_else(|| rest.find(|c| !part(c)).unwrap_or(rest.len()));
    (rest[..end].trim() != super::MASK).then(|| inside..inside + end)
}

/// The private part of a PuTTY key, behind `Private-Lines`: as many lines as it says.
pub(crate) fn find_putty_key(text: &str, end: usize) -> Option<Range<usize>> {
    let rest = text[end..].strip_prefix(':')?;
    let (count, lines) = rest.split_once(['\n', '\\'])?;
    let _: u32 = count.trim().parse().ok()?;
    let inside = text.len() - lines.len();
    let part = |c: char| c.is_ascii_alphanumeric() || c.is_whitespace() || "+/=\\".contains(c);
    let length = lines.find("Private-MAC").or_else(|| lines.find(|c| !part(c)));
    let key = lines[..length.unwrap_or(lines.len())].trim_end_matches(['\n', '\r', '\\']);
    (key.trim() != super::MASK).then(|| inside..inside + key.len())
}

/// Where the word ends that goes on from here.
pub(crate) fn end_of_word(text: &str, begin: usize) -> usize {
    let end = |c: char| c.is_whitespace() || "\"'`<>()[]{},;\\".contains(c);
    text[begin..].find(end).map_or(text.len(), |length| begin + length)
}

/// A private key in base64, of a PEM file or of DER, in one line.
pub(crate) fn find_encoded_key(text: &str, begin: usize) -> Option<Range<usize>> {
    if follows_word(text, begin) {
        return None;
    }
    let length = base64_length(&text[begin..]);
    let run = &text[begin..begin + length];
    // The kind of a PEM file stands within its first bytes; of DER the first two elements do.
    let first = run.as_bytes().get(..run.len().min(96) / 4 * 4)?;
    let bytes = STANDARD.decode(first).or_else(|_| decode(run).ok_or(())).ok()?;
    let pem = bytes.starts_with(b"-----BEGIN ");
    let line = &bytes[..bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len())];
    let private = match pem {
        true => line.windows(11).any(|part| part == b"PRIVATE KEY"),
        false => run.len() >= 40 && is_private_der(&bytes),
    };
    private.then(|| begin..begin + length)
}

/// A sequence whose first element is a small version (certificates and public keys begin with a
/// sequence), or an encrypted key by its algorithm.
fn is_private_der(bytes: &[u8]) -> bool {
    const PBES2: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d";
    let Some((0x30, rest)) = bytes.split_first().map(|(first, rest)| (*first, rest)) else {
        return false;
    };
    let long = match rest.first() {
        Some(length @ 0x81..=0x84) => usize::from(length & 0x7f),
        Some(0..=0x7f) => 0,
        _ => return false,
    };
    let Some(inside) = rest.get(1 + long..) else { return false };
    let versioned = matches!(inside, [0x02, 0x01, 0 | 1, 0x02 | 0x04 | 0x30, ..]);
    versioned || inside.iter().take(24).any(|byte| *byte == 0x06) && contains(inside, PBES2)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn base64_length(text: &str) -> usize {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_');
    let end = text.find(|c: char| !part(c)).unwrap_or(text.len());
    end + text[end..].bytes().take(2).take_while(|byte| *byte == b'=').count()
}

fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

/// Whether a letter or digit stands right before: then no word begins here. The letter of an
/// escape (`\n`) is none.
fn follows_word(text: &str, at: usize) -> bool {
    let before = &text.as_bytes()[..at];
    let Some(last) = before.last() else { return false };
    let escaped = before.len() > 1 && before[before.len() - 2] == b'\\';
    !escaped && (last.is_ascii_alphanumeric() || matches!(last, b'_' | b'-'))
}
