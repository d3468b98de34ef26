//! Text that somebody else wrote, made safe to show.
//!
//! A name, an error or a row may hold letters that a terminal obeys instead of drawing (escape
//! sequences, a carriage return), that turn the line around (bidirectional controls), or that it
//! does not draw at all, so that two different names look the same. The host escapes everything it
//! writes; a plugin needs this where it puts somebody else's text into a text of several lines, or
//! into a format of its own.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a letter is obeyed by a terminal, or drawn by none: control characters (C0, DEL, C1),
/// bidirectional controls, separators of lines and paragraphs, and what Unicode calls default
/// ignorable (zero-width letters, soft hyphen, byte order mark, tags, fillers, variation
/// selectors).
#[must_use]
pub fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{fffe}'..='\u{ffff}'
                | '\u{13430}'..='\u{1343f}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// A symbol that may be drawn as an emoji. What stands behind it to choose or to join a picture is
/// part of that picture, and hides nothing: a symbol is never part of a name's spelling.
fn is_symbol(letter: char) -> bool {
    matches!(
        letter,
        '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}'
            | '\u{2190}'..='\u{27ff}'
            | '\u{2900}'..='\u{2bff}'
            | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}'
            | '\u{1f000}'..='\u{1faff}'
    )
}

/// Whether a letter is to be escaped, seen from those beside it.
fn needs_escape(before: Option<char>, letter: char, next: Option<char>) -> bool {
    match letter {
        // Chooses how the symbol before it is drawn.
        '\u{fe0e}' | '\u{fe0f}' => !before.is_some_and(is_symbol),
        // Joins two symbols to one picture.
        '\u{200d}' => {
            let joins = before.is_some_and(|letter| is_symbol(letter) || letter == '\u{fe0f}');
            !(joins && next.is_some_and(is_symbol))
        }
        _ => is_hidden(letter),
    }
}

/// The text in one line, with everything visible: `\n`, `\t`, `\r`, and `\u{1b}` for whatever else
/// [`is_hidden`]. An emoji keeps what belongs to it.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    escape_but(text, &[])
}

/// The same with line breaks and tabs as they are: for a whole document, never for one name.
#[must_use]
pub fn escape_document(text: &str) -> Cow<'_, str> {
    escape_but(text, &['\n', '\t'])
}

fn escape_but<'a>(text: &'a str, kept: &[char]) -> Cow<'a, str> {
    // Most texts are plain ASCII, and are looked at once.
    if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) || !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    let mut before = None;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            _ if kept.contains(&letter) => shown.push(letter),
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            _ if needs_escape(before, letter, letters.peek().copied()) => {
                // Writing to a string does not fail.
                let _infallible = write!(shown, "\\u{{{:x}}}", letter as u32);
            }
            _ => shown.push(letter),
        }
        before = Some(letter);
    }
    if shown == text { Cow::Borrowed(text) } else { Cow::Owned(shown) }
}

#[cfg(test)]
mod tests {
    use super::{escape, escape_document, is_hidden};
    use proptest::prelude::*;

    /// What is shown instead, for each kind of letter: the first and the last of its range.
    const TABLE: &[(&str, &str)] = &[
        ("plain ä 名 😀", "plain ä 名 😀"),
        ("\u{0}\u{1b}[31m\u{7f}", "\\u{0}\\u{1b}[31m\\u{7f}"),
        ("a\nb\tc\rd\u{8}", "a\\nb\\tc\\rd\\u{8}"),
        ("\u{80}\u{85}\u{9b}\u{9f}", "\\u{80}\\u{85}\\u{9b}\\u{9f}"),
        ("\u{61c}\u{200e}\u{200f}", "\\u{61c}\\u{200e}\\u{200f}"),
        ("\u{202a}\u{202e}\u{2066}\u{2069}", "\\u{202a}\\u{202e}\\u{2066}\\u{2069}"),
        ("\u{2028}\u{2029}", "\\u{2028}\\u{2029}"),
        ("\u{200b}\u{200c}\u{200d}", "\\u{200b}\\u{200c}\\u{200d}"),
        ("\u{2060}\u{2064}\u{feff}\u{ad}", "\\u{2060}\\u{2064}\\u{feff}\\u{ad}"),
        ("\u{e0000}\u{e0041}\u{e007f}", "\\u{e0000}\\u{e0041}\\u{e007f}"),
        ("\u{fff9}\u{fffa}\u{fffb}", "\\u{fff9}\\u{fffa}\\u{fffb}"),
        ("\u{34f}\u{115f}\u{3164}\u{ffa0}", "\\u{34f}\\u{115f}\\u{3164}\\u{ffa0}"),
        ("prod\u{fe0f}", "prod\\u{fe0f}"),
        ("⚠\u{fe0f}", "⚠\u{fe0f}"),
        ("👩\u{200d}💻 ❤\u{fe0f}\u{200d}🔥", "👩\u{200d}💻 ❤\u{fe0f}\u{200d}🔥"),
        ("👩\u{200d}x", "👩\\u{200d}x"),
        ("\u{fffd}", "\u{fffd}"),
    ];

    #[test]
    fn what_is_obeyed_or_hidden_is_shown() {
        for (text, shown) in TABLE {
            assert_eq!(escape(text), *shown, "{text:?}");
        }
        assert_eq!(escape_document("a\n\tb\u{1b}\r"), "a\n\tb\\u{1b}\\r");
    }

    proptest! {
        #[test]
        fn nothing_obeyed_is_left(text in any::<String>()) {
            let shown = escape(&text);
            let joins = ['\u{200d}', '\u{fe0e}', '\u{fe0f}'];
            prop_assert!(!shown.contains(|letter| is_hidden(letter) && !joins.contains(&letter)));
            // What is shown is shown as it is, and what is plain stays as it was.
            prop_assert_eq!(escape(&shown), shown.as_ref());
            if !text.contains(is_hidden) {
                prop_assert_eq!(shown.as_ref(), text.as_str());
            }
        }
    }
}
