//! Colours and glyphs.

use owo_colors::OwoColorize;
use std::fmt::Write as _;
use toygres_plugin_api::report::Tone;

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

/// Makes control characters visible and harmless: an escape sequence in the data must not reach
/// the terminal.
#[must_use]
pub fn harmless(text: &str) -> std::borrow::Cow<'_, str> {
    let bad =
        |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.chars().any(bad) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match letter {
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            _ if bad(letter) => {
                // Writing to a string does not fail.
                let _infallible = write!(shown, "\\u{{{:x}}}", letter as u32);
            }
            _ => shown.push(letter),
        }
    }
    shown.into()
}

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
