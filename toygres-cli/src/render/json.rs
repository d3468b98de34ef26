//! JSON whose texts a terminal draws as they are: what it would obey or hide is written as
//! `\u009b`, which means the same to whatever reads the document.

use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter, PrettyFormatter, Serializer};
use std::io::{self, Write};
use toygres_plugin_api::context::cell_json;
use toygres_plugin_api::document::Verbatim;
use toygres_plugin_api::report::StreamKind;
use toygres_plugin_api::text::is_hidden;

/// Writes a value in one line.
///
/// # Errors
/// When writing fails.
pub fn write_compact(out: impl Write, value: &impl Serialize) -> io::Result<()> {
    write_with(out, value, CompactFormatter)
}

/// Writes a value over indented lines.
///
/// # Errors
/// When writing fails.
pub fn write_pretty(out: impl Write, value: &impl Serialize) -> io::Result<()> {
    write_with(out, value, PrettyFormatter::new())
}

/// Writes a cell of a stream as a value in one line, with every digit and key as PostgreSQL wrote it.
/// A large document is written as it is, and never read into memory as values.
///
/// # Errors
/// When writing fails.
pub fn write_cell(mut out: impl Write, kind: StreamKind, cell: &[u8]) -> io::Result<()> {
    if kind == StreamKind::Text {
        return write_compact(out, &String::from_utf8_lossy(cell));
    }
    write_visible(&mut out, &cell_json(kind, Some(cell)), unit_escapes)
}

/// A value in one line.
#[must_use]
pub fn compact(value: &serde_json::Value) -> String {
    let mut text = Vec::new();
    // Writing to memory does not fail, and a value always has a text.
    let _infallible = write_compact(&mut text, &Verbatim(value));
    String::from_utf8_lossy(&text).into_owned()
}

fn write_with(out: impl Write, value: &impl Serialize, layout: impl Formatter) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(out, Visible(layout, unit_escapes));
    value.serialize(&mut serializer).map_err(io::Error::from)
}

/// A text in one line of YAML, between double quotes.
pub(super) fn yaml_string(text: &str) -> String {
    let mut quoted = Vec::new();
    let mut serializer =
        Serializer::with_formatter(&mut quoted, Visible(CompactFormatter, letter_escape));
    // Writing to memory does not fail, and a text always has one between quotes.
    let _infallible = text.serialize(&mut serializer);
    String::from_utf8_lossy(&quoted).into_owned()
}

/// A document's text in one line of YAML: as it is, but for what is hidden in it.
pub(super) fn yaml_document(text: &str) -> String {
    let mut line = Vec::new();
    let _infallible = write_visible(&mut line, text, letter_escape);
    String::from_utf8_lossy(&line).into_owned()
}

/// A layout whose texts hold nothing hidden, and how a hidden letter is escaped.
struct Visible<F>(F, fn(char) -> String);

/// Hands a part of the layout on.
macro_rules! laid_out {
    ($($name:ident($($arg:ident: $kind:ty),*);)*) => {
        $(
            fn $name<W: ?Sized + Write>(&mut self, out: &mut W, $($arg: $kind),*) -> io::Result<()> {
                self.0.$name(out, $($arg),*)
            }
        )*
    };
}

impl<F: Formatter> Formatter for Visible<F> {
    laid_out! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        end_object_key();
        begin_object_value();
        end_object_value();
        write_char_escape(escape: CharEscape);
    }

    fn write_raw_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        write_visible(out, fragment, self.1)
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        write_visible(out, fragment, self.1)
    }
}

/// Escapes what is hidden. Control characters that JSON allows stand between values only, since
/// within a text JSON itself has escaped them.
fn write_visible<W: ?Sized + Write>(
    out: &mut W,
    fragment: &str,
    escape: fn(char) -> String,
) -> io::Result<()> {
    let mut rest = fragment;
    let hidden = |(_, letter): &(usize, char)| *letter >= '\u{20}' && is_hidden(*letter);
    while let Some((at, letter)) = rest.char_indices().find(hidden) {
        out.write_all(&rest.as_bytes()[..at])?;
        out.write_all(escape(letter).as_bytes())?;
        rest = &rest[at + letter.len_utf8()..];
    }
    out.write_all(rest.as_bytes())
}

/// `\u009b`, and two of them for a letter beyond the basic plane, as JSON wants it.
fn unit_escapes(letter: char) -> String {
    letter.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

/// `\u009b` or `\U000e0041`, as YAML wants it.
pub(super) fn letter_escape(letter: char) -> String {
    let code = u32::from(letter);
    if code > 0xffff { format!("\\U{code:08x}") } else { format!("\\u{code:04x}") }
}

#[cfg(test)]
mod tests {
    use super::{compact, write_pretty};
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use toygres_plugin_api::text::is_hidden;

    #[test]
    fn what_is_hidden_is_escaped_and_the_layout_stays() {
        let value = json!({"a\u{202e}": ["\u{9b}31m\u{7f}", "\u{e0041}\u{1b}\n", 1.5, null]});
        assert_eq!(
            compact(&value),
            r#"{"a\u202e":["\u009b31m\u007f","\udb40\udc41\u001b\n",1.5,null]}"#
        );
        let plain = json!({"a": [1, {"b": "ä 😀 \"\\"}], "c": {}, "d": []});
        let mut text = Vec::new();
        write_pretty(&mut text, &plain).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), format!("{plain:#}"));
        assert_eq!(compact(&plain), plain.to_string());
    }

    proptest! {
        #[test]
        fn the_value_is_the_same(key in any::<String>(), text in any::<String>()) {
            let value = json!({key: [text]});
            let written = compact(&value);
            prop_assert!(!written.contains(is_hidden));
            prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
        }
    }
}
