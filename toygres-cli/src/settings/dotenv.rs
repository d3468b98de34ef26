//! Reads the text of a `.env` file: one variable a line, each value as it stands.
//!
//! Nothing is expanded: `$`, `~` and backticks are ordinary characters. That is why no crate for
//! such files is used here: those that there are expand `$`, and end at the first line that they
//! cannot read.
//!
//! | written | value |
//! |---|---|
//! | `NAME=pa$word#1` | `pa$word#1`: up to the end of the line or to a `#` with a blank before it |
//! | `NAME='it is $5 \ # here'` | everything between the quotes |
//! | `NAME="say \"a\" \\ $5"` | everything between the quotes; `\"` and `\\` are `"` and `\` |
//!
//! Blanks around the name, the `=` and a bare value do not count, neither does `export` before the
//! name. A value ends with its line.

use std::fmt;

/// One line that sets something, or is meant to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DotenvLine {
    /// Its number in the file, from 1.
    pub number: usize,
    /// What it sets, or why it cannot be read.
    pub assignment: Result<Assignment, DotenvFault>,
}

/// A variable and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Letters, digits and `_`; not a digit first.
    pub name: String,
    /// The value without its quotes.
    pub value: String,
}

/// Why a line cannot be read. It never repeats the line, which may hold a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DotenvFault {
    /// The bytes of the line are not UTF-8.
    NotUtf8,
    /// The file begins with the mark of UTF-16.
    Utf16,
    /// There is no `=`.
    MissingEquals,
    /// What stands before the `=` cannot be a name.
    InvalidName,
    /// A quote is opened and not closed on the same line.
    OpenQuote,
    /// Something other than a comment stands behind the closing quote.
    TextAfterQuote,
    /// A control character other than a tab.
    ControlCharacter,
}

impl fmt::Display for DotenvFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotUtf8 => "not UTF-8",
            Self::Utf16 => "the file is UTF-16; save it as UTF-8",
            Self::MissingEquals => "expected `NAME=VALUE`",
            Self::InvalidName => "invalid variable name before the `=`",
            Self::OpenQuote => "a quote is opened and not closed on this line",
            Self::TextAfterQuote => "unexpected text after the closing quote",
            Self::ControlCharacter => "unexpected control character",
        })
    }
}

/// Reads a file's contents. Empty lines and comments are left out.
#[must_use]
pub fn parse(bytes: &[u8]) -> Vec<DotenvLine> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return vec![DotenvLine { number: 1, assignment: Err(DotenvFault::Utf16) }];
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    let lines = lines.filter_map(|(place, line)| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let assignment = match std::str::from_utf8(line) {
            Ok(line) => parse_line(line)?,
            Err(_) => Err(DotenvFault::NotUtf8),
        };
        Some(DotenvLine { number: place + 1, assignment })
    });
    lines.collect()
}

/// `None` where the line sets nothing and is not meant to.
fn parse_line(line: &str) -> Option<Result<Assignment, DotenvFault>> {
    let line = line.trim_matches(BLANKS);
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let Some((name, value)) = line.split_once('=') else {
        return Some(Err(DotenvFault::MissingEquals));
    };
    let name = name.trim_matches(BLANKS);
    let exported = name.strip_prefix("export").filter(|rest| rest.starts_with(BLANKS));
    let name = exported.unwrap_or(name).trim_matches(BLANKS);
    if !is_name(name) {
        return Some(Err(DotenvFault::InvalidName));
    }
    let value = parse_value(value.trim_matches(BLANKS));
    Some(value.map(|value| Assignment { name: name.to_owned(), value }))
}

/// What a line may hold besides its words. Other kinds of white space belong to values.
const BLANKS: [char; 2] = [' ', '\t'];

fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

fn parse_value(text: &str) -> Result<String, DotenvFault> {
    let value = match text.chars().next() {
        Some('\'') => {
            let (value, rest) = text[1..].split_once('\'').ok_or(DotenvFault::OpenQuote)?;
            expect_comment(rest)?;
            value.to_owned()
        }
        Some('"') => parse_double_quoted(&text[1..])?,
        _ => bare(text).to_owned(),
    };
    if value.chars().any(|letter| letter.is_control() && letter != '\t') {
        return Err(DotenvFault::ControlCharacter);
    }
    Ok(value)
}

/// Up to a comment, which begins where the value does or behind a blank.
fn bare(text: &str) -> &str {
    let comment = text.char_indices().find(|(place, letter)| {
        *letter == '#' && (*place == 0 || text[..*place].ends_with(BLANKS))
    });
    comment.map_or(text, |(place, _)| &text[..place]).trim_end_matches(BLANKS)
}

fn parse_double_quoted(text: &str) -> Result<String, DotenvFault> {
    let mut value = String::new();
    let mut letters = text.char_indices().peekable();
    while let Some((place, letter)) = letters.next() {
        match letter {
            '"' => {
                expect_comment(&text[place + 1..])?;
                return Ok(value);
            }
            '\\' => {
                let escaped = letters.next_if(|(_, next)| matches!(next, '"' | '\\'));
                value.push(escaped.map_or('\\', |(_, next)| next));
            }
            _ => value.push(letter),
        }
    }
    Err(DotenvFault::OpenQuote)
}

/// Nothing but blanks and a comment may stand behind a closing quote.
fn expect_comment(rest: &str) -> Result<(), DotenvFault> {
    let rest = rest.trim_matches(BLANKS);
    if rest.is_empty() || rest.starts_with('#') { Ok(()) } else { Err(DotenvFault::TextAfterQuote) }
}

#[cfg(test)]
mod tests {
    use super::{Assignment, DotenvFault, DotenvLine, parse};
    use proptest::prelude::*;

    /// The value or the fault of each line.
    fn values(text: impl AsRef<[u8]>) -> Vec<Result<String, DotenvFault>> {
        let lines = parse(text.as_ref()).into_iter();
        lines.map(|line| line.assignment.map(|assignment| assignment.value)).collect()
    }

    #[test]
    fn a_value_is_what_stands_there() {
        for (text, value) in [
            ("A=pa$word#1", "pa$word#1"),
            ("A=\"pa$word#1\"", "pa$word#1"),
            ("A='pa$word#1'", "pa$word#1"),
            ("A=postgres://u:pa$word#1@h/d", "postgres://u:pa$word#1@h/d"),
            ("A=a b", "a b"),
            ("A=a\\b", "a\\b"),
            ("A=\"a\\b\\n\"", "a\\b\\n"),
            ("A=\"a\\\"b\\\\c\" # why", "a\"b\\c"),
            ("A='a\\' # why", "a\\"),
            ("A=it's", "it's"),
            ("A=a\"b\"", "a\"b\""),
            ("A=x # why", "x"),
            ("A= # why", ""),
            ("A=", ""),
            ("A=''", ""),
            ("A=a=b", "a=b"),
            ("A=$(id)`id`${HOME}~", "$(id)`id`${HOME}~"),
            ("export A=x", "x"),
            ("export\tA = x \t", "x"),
            ("\u{feff}A=x", "x"),
            ("A=x\r", "x"),
            ("A=\"x\"\r", "x"),
            ("A=\u{a0}x", "\u{a0}x"),
        ] {
            assert_eq!(values(text), [Ok(value.to_owned())], "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_by_line_and_the_rest_is_read() {
        let text = "# why\n\nA='x\nB=\"x\nC=\"x\" y\nD\n1E=x\nF G=x\n=x\nH=x\u{1b}[1m\nI=x\r\n";
        let lines = parse(text.as_bytes());
        let faults: Vec<(usize, Option<DotenvFault>)> =
            lines.iter().map(|line| (line.number, line.assignment.clone().err())).collect();
        assert_eq!(
            faults,
            [
                (3, Some(DotenvFault::OpenQuote)),
                (4, Some(DotenvFault::OpenQuote)),
                (5, Some(DotenvFault::TextAfterQuote)),
                (6, Some(DotenvFault::MissingEquals)),
                (7, Some(DotenvFault::InvalidName)),
                (8, Some(DotenvFault::InvalidName)),
                (9, Some(DotenvFault::InvalidName)),
                (10, Some(DotenvFault::ControlCharacter)),
                (11, None),
            ]
        );
        assert_eq!(values(b"A=\xff\nB=x"), [Err(DotenvFault::NotUtf8), Ok("x".to_owned())]);
        assert_eq!(
            values("\u{feff}A=x".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()),
            [Err(DotenvFault::Utf16)]
        );
        assert_eq!(values(b"A=\0"), [Err(DotenvFault::ControlCharacter)]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>) {
            let lines = parse(&bytes);
            let most = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
            prop_assert!(lines.iter().all(|line| (1..=most).contains(&line.number)));
        }

        /// Whatever stands between the quotes is the value, whatever a shell would make of it.
        #[test]
        fn a_quoted_value_comes_back(value in "[^\\p{Cc}]*") {
            let double = value.replace('\\', "\\\\").replace('"', "\\\"");
            let expected = |name: &str| DotenvLine {
                number: 2,
                assignment: Ok(Assignment { name: name.to_owned(), value: value.clone() }),
            };
            let text = format!("# one\nA=\"{double}\"\r\n");
            prop_assert_eq!(parse(text.as_bytes()), [expected("A")]);
            if !value.contains('\'') {
                let text = format!("\nexport B_2 = '{value}' # two");
                prop_assert_eq!(parse(text.as_bytes()), [expected("B_2")]);
            }
        }

        /// A bare value without blanks and without a quote in front is taken to its last letter.
        #[test]
        fn a_bare_value_comes_back(value in "[^\\p{Cc} '\"#][^\\p{Cc} ]*") {
            prop_assert_eq!(values(format!("A={value}")), [Ok(value)]);
        }
    }
}
