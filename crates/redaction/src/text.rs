//! Secrets within text: URLs, `NAME=VALUE`, and JSON at any level of escaping.

use super::{MASK, names};
use aho_corasick::AhoCorasick;
use std::borrow::Cow;
use std::ops::Range;

/// The text with what is announced as a secret masked.
pub(super) fn mask<'a>(triggers: &AhoCorasick, text: &'a str) -> Cow<'a, str> {
    let mut secrets: Vec<Range<usize>> = Vec::new();
    for found in triggers.find_iter(text) {
        let covered = secrets.last().is_some_and(|before| found.start() < before.end);
        if covered {
            continue;
        }
        let secret = match &text[found.range()] {
            "://" => password_of_url(text, found.end()),
            word if word.eq_ignore_ascii_case("bearer") => after_bearer(text, found.end()),
            _ => under_name(text, found.range()),
        };
        secrets.extend(secret.filter(|range| !range.is_empty() && &text[range.clone()] != MASK));
    }
    if secrets.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut masked = String::with_capacity(text.len());
    let mut at = 0;
    for secret in secrets {
        masked.push_str(&text[at..secret.start]);
        masked.push_str(MASK);
        at = secret.end;
    }
    masked.push_str(&text[at..]);
    Cow::Owned(masked)
}

/// `://user:PASSWORD@`: the last `@` of the authority ends it.
fn password_of_url(text: &str, authority: usize) -> Option<Range<usize>> {
    let rest = &text[authority..];
    let ends =
        |c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'' | '<' | '>' | '\\');
    let end = rest.find(ends).unwrap_or(rest.len());
    // A slash or another of these within a password should have been encoded, but may not be:
    // then the `@` comes later in the same word.
    let word = rest.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>'));
    let word = &rest[..word.unwrap_or(rest.len())];
    let colon = word.find(':')?;
    let at = match rest[..end].rfind('@') {
        Some(at) => at,
        None if looks_like_port(&word[colon + 1..]) => return None,
        None => word.find('@')?,
    };
    // What stands for a password in a hint is none.
    let shown = word.get(colon + 1..at) == Some("PASSWORD");
    (colon < at && !shown).then(|| authority + colon + 1..authority + at)
}

/// `8080`, `8080/path`: what follows a host, not a user.
fn looks_like_port(text: &str) -> bool {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    digits > 0 && text[digits..].chars().next().is_none_or(|c| matches!(c, '/' | '?' | '#' | '\\'))
}

/// `Bearer TOKEN`.
fn after_bearer(text: &str, end: usize) -> Option<Range<usize>> {
    let rest = text[end..].strip_prefix(' ')?;
    let token = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-._~+/=".contains(c)));
    let token = token.unwrap_or(rest.len());
    (token >= 4).then(|| end + 1..end + 1 + token)
}

/// What stands under the name that `word` is part of.
fn under_name(text: &str, word: Range<usize>) -> Option<Range<usize>> {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let start = text[..word.start]
        .rfind(|c| !part(c))
        .map_or(0, |before| before + text[before..].chars().next().map_or(1, char::len_utf8));
    let end = text[word.end..].find(|c| !part(c)).map_or(text.len(), |after| word.end + after);
    let name = text[start..end].trim_start_matches('-');
    // An escaped line break before a name leaves its letter at the name: `\npassword`.
    let escaped = start > 0 && text.as_bytes()[start - 1] == b'\\' && name.len() > 1;
    let says = names::is_secret(name) || (escaped && names::is_secret(&name[1..]));
    if says { value_after(text, end, text[start..end].starts_with("--")) } else { None }
}

/// The value after a name: behind a closing quote of the name, `:` or `=`; behind a blank where the
/// name is an option, or the value is quoted as in SQL.
fn value_after(text: &str, name_end: usize, is_option: bool) -> Option<Range<usize>> {
    let mut at = name_end;
    if let Some((_, _, after)) = quote_at(text, at) {
        at = after;
    }
    let blanks = |at: usize| text[at..].len() - text[at..].trim_start().len();
    let spaced = at + blanks(at);
    let separator = text[spaced..].chars().next().filter(|c| matches!(c, ':' | '='));
    let begin = match separator {
        Some(_) => {
            let after = spaced + 1;
            let after = after + usize::from(text[after..].starts_with('>'));
            after + blanks(after)
        }
        None if spaced > at && (is_option || text[spaced..].starts_with('\'')) => spaced,
        None => return None,
    };
    match quote_at(text, begin) {
        Some((quote, level, inside)) => {
            Some(inside..closing(text, inside, quote, level).unwrap_or(text.len()))
        }
        None => bare(text, begin),
    }
}

/// A value without quotes. Objects and lists hold names of their own.
fn bare(text: &str, begin: usize) -> Option<Range<usize>> {
    let rest = &text[begin..];
    if rest.starts_with(['{', '[']) {
        return None;
    }
    let ends = |c: char| {
        c.is_whitespace() || matches!(c, ',' | ';' | '&' | '}' | ']' | ')' | '"' | '\'' | '\\')
    };
    let end = rest.find(ends).unwrap_or(rest.len());
    // `Authorization: Bearer x` is found by its own word.
    let harmless = ["true", "false", "null", "none", ""];
    let value = &rest[..end];
    let scheme = ["bearer", "basic"].iter().any(|scheme| value.eq_ignore_ascii_case(scheme));
    if scheme {
        let token = rest[end..].trim_start();
        let start = begin + rest.len() - token.len();
        let length = token.find(ends).unwrap_or(token.len());
        return Some(start..start + length);
    }
    (!harmless.contains(&value.to_ascii_lowercase().as_str())).then(|| begin..begin + end)
}

/// A quote with the backslashes before it: the quote, how many, and where the inside begins.
fn quote_at(text: &str, at: usize) -> Option<(u8, usize, usize)> {
    let bytes = &text.as_bytes()[at..];
    let level = bytes.iter().take_while(|byte| **byte == b'\\').count();
    let quote = *bytes.get(level)?;
    matches!(quote, b'"' | b'\'').then_some((quote, level, at + level + 1))
}

/// Where the text inside a quote ends, its closing quote and that one's backslashes excluded.
///
/// A text escaped `m` times has `2^m - 1` backslashes before its quotes. A quote with more of them
/// belongs to the value, unless the surplus are the value's own backslashes, which come as whole
/// groups; one with fewer ends a text around it.
fn closing(text: &str, inside: usize, quote: u8, level: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = inside;
    while at < bytes.len() {
        let found = at + bytes[at..].iter().position(|byte| *byte == quote)?;
        let before = bytes[inside..found].iter().rev().take_while(|byte| **byte == b'\\').count();
        if before < level {
            return Some(found - before);
        }
        if (before - level).is_multiple_of(2 * (level + 1)) {
            // SQL doubles a quote within a text.
            if quote == b'\'' && bytes.get(found + 1) == Some(&quote) {
                at = found + 2;
                continue;
            }
            return Some(found - level);
        }
        at = found + 1;
    }
    None
}
