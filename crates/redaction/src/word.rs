//! Values without quotes, which end with their word.
//!
//! Punctuation ends such a value only where something follows that cannot be part of it: the next
//! pair, the end of the word, or the quote that was opened before. Where it is uncertain, the mask
//! goes on to the end of the word.

use super::pairs::{Name, Secret};

/// The longest name that is looked for behind a comma.
const MAX_NAME_BYTES: usize = 64;

/// The value that begins here.
pub(crate) fn find(name: &Name<'_>, begin: usize) -> Option<Secret> {
    let text = name.text;
    let end = name.outer_end().unwrap_or(text.len()).max(begin);
    let opened = opened_quotes(text, name.range.start);
    let word = &text[begin..end];
    let end = begin + end_of_word(word, opened);
    let value = text[begin..end].trim_end_matches([',', ';', ':', '.', '"', '\'', '`', '\\', '>']);
    let value = trim_closing(value);
    (!value.is_empty() && !is_harmless(value)).then(|| (begin..begin + value.len()).into())
}

/// What says that there is no value, or which of two it is; parameters of statements.
pub(crate) fn is_harmless(value: &str) -> bool {
    let parameter = value.strip_prefix('$').is_some_and(|n| {
        !n.is_empty() && n.len() <= 3 && n.bytes().all(|byte| byte.is_ascii_digit())
    });
    parameter
        || ["true", "false", "null", "none", "nil", ""]
            .iter()
            .any(|harmless| value.eq_ignore_ascii_case(harmless))
}

/// Where the word ends that goes on behind brackets: `[abc]def`.
pub(crate) fn end_behind(text: &str, closed: usize) -> usize {
    let goes_on = text[closed..].starts_with(|c: char| c.is_alphanumeric());
    if goes_on { closed + end_of_word(&text[closed..], [false; 2]) } else { closed }
}

fn end_of_word(word: &str, opened: [bool; 2]) -> usize {
    let bytes = word.as_bytes();
    let mut brackets: Option<usize> = None;
    let mut at = 0;
    while let Some(c) = word[at..].chars().next() {
        let next = at + c.len_utf8();
        match c {
            // A shell's escaped blank, and a bracket that holds blanks: `Some("a b")`.
            '\\' if bytes.get(next) == Some(&b' ') => at = next,
            '(' | '[' | '{' if at > 0 && brackets.is_none() => {
                if let Ok(end) = super::quotes::end_of_brackets(word, at) {
                    brackets = Some(end);
                    at = end;
                    continue;
                }
                brackets = Some(at);
            }
            c if c.is_whitespace() => return at,
            ',' | ';' if begins_pair(&word[next..]) => return at,
            '&' if begins_pair(word[next..].trim_start_matches("amp;")) => return at,
            '"' | '\'' | '`' if ends_at_quote(&word[next..], c, opened) => {
                return word[..at].trim_end_matches('\\').len();
            }
            '<' if word[next..].starts_with('/') => return at,
            _ => {}
        }
        at = at.max(next);
        if c == '\\' && bytes.get(next) == Some(&b' ') {
            at = next + 1;
        }
    }
    word.len()
}

/// Whether a quote ends the value: something was opened before, and nothing of a value follows.
fn ends_at_quote(after: &str, quote: char, opened: [bool; 2]) -> bool {
    let open = match quote {
        '"' => opened[0],
        '\'' => opened[1],
        _ => true,
    };
    let goes_on = after.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '%' | '@'));
    open && !goes_on
}

/// `name=`, `"name":`: what follows a comma between pairs. Padding of base64 is no separator.
fn begins_pair(rest: &str) -> bool {
    let name = rest.trim_start_matches(['"', '\'', '\\', '{', '[', '(', ' ']);
    if rest.is_empty() {
        return true;
    }
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let length = name.find(|c: char| !part(c)).unwrap_or(name.len());
    if !(1..=MAX_NAME_BYTES).contains(&length) || name.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    let after = name[length..].trim_start_matches(['"', '\'', '\\']);
    let value = after.strip_prefix([':', '=']);
    value.is_some_and(|value| !value.is_empty() && !value.starts_with(['=', ',', ';', '\n']))
}

/// Whether quotes of either kind are open before this place on its line.
fn opened_quotes(text: &str, at: usize) -> [bool; 2] {
    let before = &text.as_bytes()[at.saturating_sub(4096)..at];
    let line = before.iter().rposition(|byte| *byte == b'\n').map_or(before, |n| &before[n + 1..]);
    [b'"', b'\''].map(|quote| line.iter().filter(|byte| **byte == quote).count() % 2 == 1)
}

/// Without closing brackets at its end that it does not open.
fn trim_closing(mut value: &str) -> &str {
    while let Some(last) = value.chars().next_back() {
        let open = match last {
            ')' => '(',
            ']' => '[',
            '}' => '{',
            ',' | ';' | ':' | '.' | '"' | '\'' | '`' | '\\' | '>' => '\0',
            _ => break,
        };
        if value.matches(open).count() >= value.matches(last).count() && open != '\0' {
            break;
        }
        value = &value[..value.len() - last.len_utf8()];
    }
    value
}
