//! Colours and glyphs.

use owo_colors::OwoColorize;
use std::borrow::Cow;
use toygres_plugin_api::report::Tone;
use toygres_plugin_api::text::{escape, is_hidden};

/// What the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Escape sequences for colours.
    pub color: bool,
    /// More than ASCII.
    pub unicode: bool,
}

impl Style {
    /// The text in the colour of its tone.
    #[must_use]
    pub fn paint(self, tone: Tone, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        match tone {
            Tone::Plain => text.to_owned(),
            Tone::Good => text.green().to_string(),
            Tone::Bad => text.red().to_string(),
            Tone::Warn => text.yellow().to_string(),
            Tone::Active => text.cyan().to_string(),
            Tone::Muted => text.dimmed().to_string(),
        }
    }

    /// Emphasised.
    #[must_use]
    pub fn bold(self, text: &str) -> String {
        if self.color { text.bold().to_string() } else { text.to_owned() }
    }

    /// The glyph of a tone; empty for a plain one.
    #[must_use]
    pub fn glyph(self, tone: Tone) -> &'static str {
        match (tone, self.unicode) {
            (Tone::Plain, _) => "",
            (Tone::Good, true) => "✓",
            (Tone::Bad, true) => "❌",
            (Tone::Warn, true) => "⚠",
            (Tone::Active, true) => "⟳",
            (Tone::Muted, true) => "○",
            (Tone::Good, false) => "[ok]",
            (Tone::Bad, false) => "[FAILED]",
            (Tone::Warn, false) => "[!]",
            (Tone::Active, false) => "[..]",
            (Tone::Muted, false) => "[-]",
        }
    }

    /// One of two texts, by what can be shown.
    #[must_use]
    pub fn pick(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.unicode { unicode } else { ascii }
    }

    /// A rule of this width.
    #[must_use]
    pub fn rule(self, width: usize) -> String {
        self.pick("━", "-").repeat(width)
    }
}

/// A text of one or more lines, each escaped. What stands behind a line break is set below the first
/// line behind a bar, `indent` columns from the margin, so that nothing in a text can pass for a line
/// of the answer's own.
#[must_use]
pub fn under_bar(text: &str, style: Style, indent: usize) -> String {
    let mut lines = text.trim_end_matches(['\n', '\r']).split('\n');
    let mut shown = lines.next().map(escape).unwrap_or_default().into_owned();
    for line in lines {
        shown.push('\n');
        shown.push_str(&" ".repeat(indent));
        shown.push_str(style.pick("│ ", "| "));
        shown.push_str(&escape(line.strip_suffix('\r').unwrap_or(line)));
    }
    shown
}

/// A page without escape sequences and whatever else a terminal would obey: a manifest's texts are
/// a plugin's. Lines and tabs stay.
#[must_use]
pub fn page(text: &str) -> String {
    let plain = |line: &str| -> String {
        // A line each: a sequence that has no end must not take the rest of the page with it.
        let stripped = clap::builder::StyledStr::from(line.to_owned()).to_string();
        stripped.chars().filter(|letter| *letter == '\t' || !is_hidden(*letter)).collect()
    };
    text.split('\n').map(plain).collect::<Vec<_>>().join("\n")
}

/// A text of toygres' own with ASCII in place of its glyphs, where the terminal shows no more than
/// that. Letters of somebody else's names stay as they are.
#[must_use]
pub fn drawable(text: &str, style: Style) -> Cow<'_, str> {
    if style.unicode || text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut ascii = String::with_capacity(text.len());
    for letter in text.chars() {
        match GLYPHS.iter().find(|(glyph, _)| *glyph == letter) {
            Some((_, plain)) => ascii.push_str(plain),
            None => ascii.push(letter),
        }
    }
    Cow::Owned(ascii)
}

/// What toygres' own texts hold beyond ASCII.
const GLYPHS: &[(char, &str)] = &[
    ('✓', "[ok]"),
    ('❌', "[FAILED]"),
    ('⚠', "[!]"),
    ('⟳', "[..]"),
    ('○', "[-]"),
    ('✗', "x"),
    ('…', "..."),
    ('→', "->"),
    ('←', "<-"),
    ('↑', "^"),
    ('↓', "v"),
    ('–', "-"),
    ('—', "-"),
    ('·', "-"),
    ('•', "*"),
    ('×', "x"),
    ('≤', "<="),
    ('≥', ">="),
    ('±', "+-"),
    ('‘', "'"),
    ('’', "'"),
    ('“', "\""),
    ('”', "\""),
    ('━', "-"),
    ('─', "-"),
    ('│', "|"),
    ('├', "|"),
    ('└', "`"),
    ('█', "#"),
    ('░', "."),
];

/// The columns that a text takes on a terminal.
#[must_use]
pub fn width(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

/// At most `most` columns of a text, the last one `…` where something was cut.
#[must_use]
pub fn shorten(text: &str, most: usize, style: Style) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let end = style.pick("…", "~");
    let mut short = String::new();
    let mut taken = 0;
    for letter in text.chars() {
        let more = unicode_width::UnicodeWidthChar::width(letter).unwrap_or(0);
        if taken + more + 1 > most {
            break;
        }
        short.push(letter);
        taken += more;
    }
    if most > 0 {
        short.push_str(end);
    }
    short
}

/// A text filled up with blanks to `columns`.
#[must_use]
pub fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}

#[cfg(test)]
mod tests {
    use super::{Style, Tone, drawable, page, under_bar};

    #[test]
    fn no_line_of_a_text_begins_at_the_margin() {
        let ascii = Style { color: false, unicode: false };
        let unicode = Style { color: false, unicode: true };
        for (text, shown) in [
            ("one", "one"),
            ("one\n", "one"),
            (
                "one\n\n✓ No drift\r\n\u{2028}two\u{1b}\n",
                "one\n  | \n  | ✓ No drift\n  | \\u{2028}two\\u{1b}",
            ),
        ] {
            assert_eq!(under_bar(text, ascii, 2), shown, "{text:?}");
            assert_eq!(under_bar(text, unicode, 2), shown.replace("| ", "│ "), "{text:?}");
        }
    }

    #[test]
    fn ascii_takes_the_place_of_glyphs_alone() {
        let ascii = Style { color: false, unicode: false };
        assert_eq!(drawable("✗ Not set: a…é → b", ascii), "x Not set: a...é -> b");
        let unicode = Style { color: false, unicode: true };
        assert_eq!(drawable("✗ a…", unicode), "✗ a…");
        // Every glyph that a tone has.
        for tone in [Tone::Good, Tone::Bad, Tone::Warn, Tone::Active, Tone::Muted] {
            assert_eq!(drawable(unicode.glyph(tone), ascii), ascii.glyph(tone));
        }
    }

    #[test]
    fn a_page_holds_nothing_that_a_terminal_obeys() {
        for (text, plain) in [
            ("a\tb\nc", "a\tb\nc"),
            ("\u{1b}[31mred\u{1b}[0m\nnext", "red\nnext"),
            ("\u{1b}]0;title\u{7}x", "x"),
            ("\u{1b}]0;no end\nnext", "\nnext"),
            ("a\rb\u{8}\u{9b}31m\u{202e}c\u{7f}\u{200b}", "ab31mc"),
        ] {
            assert_eq!(page(text), plain, "{text:?}");
        }
    }
}
