//! Text in files that an operator names: as editors of every system save it.

use crate::error::{Error, Result};
use std::fmt;
use std::io::Read;
use std::path::Path;

/// The byte order mark that some editors put before UTF-8.
const MARK: char = '\u{feff}';

/// Why bytes are not text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidText {
    /// UTF-16, by its byte order mark.
    Utf16,
    /// Bytes that are not UTF-8.
    NotUtf8 {
        /// The line on which the first of them stands, counted from 1.
        line: usize,
    },
}

impl fmt::Display for InvalidText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Utf16 => f.write_str("it is UTF-16; save it as UTF-8"),
            Self::NotUtf8 { line } => write!(f, "line {line} is not UTF-8; save it as UTF-8"),
        }
    }
}

impl std::error::Error for InvalidText {}

/// Bytes as text, without the byte order mark that may stand before it.
///
/// # Errors
/// [`InvalidText`], where they are not UTF-8.
pub fn decode(bytes: Vec<u8>) -> std::result::Result<String, InvalidText> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(InvalidText::Utf16);
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        InvalidText::NotUtf8 { line: 1 + before.iter().filter(|byte| **byte == b'\n').count() }
    })?;
    Ok(match text.strip_prefix(MARK) {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

/// Typed text without the byte order mark that may have been pasted before it.
#[must_use]
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix(MARK).unwrap_or(text)
}

/// Reads all text of an open file, or of standard input, which is at most `max_bytes` long.
///
/// # Errors
/// `usage`, with the file's name: it cannot be read, is larger, or is not UTF-8.
pub fn read_from(from: impl Read, name: &Path, max_bytes: u64) -> Result<String> {
    let shown = name.display();
    let mut bytes = Vec::new();
    from.take(max_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| Error::usage(format!("`{shown}` cannot be read")).cause(error))?;
    if bytes.len() as u64 > max_bytes {
        let limit = match max_bytes / (1024 * 1024) {
            0 => format!("{max_bytes} bytes"),
            mebibytes => format!("{mebibytes} MiB"),
        };
        return Err(Error::usage(format!("`{shown}` is larger than {limit}")));
    }
    decode(bytes).map_err(|invalid| {
        let what = match invalid {
            InvalidText::Utf16 => "is UTF-16",
            InvalidText::NotUtf8 { .. } => "is not UTF-8",
        };
        Error::usage(format!("`{shown}` {what}")).cause(invalid)
    })
}

/// Reads all text of a file; `-` is standard input.
///
/// # Errors
/// As for [`read_from`].
pub fn read(file: &Path, max_bytes: u64) -> Result<String> {
    if file == Path::new("-") {
        return read_from(std::io::stdin(), file, max_bytes);
    }
    let opened = std::fs::File::open(file).map_err(|error| {
        Error::usage(format!("`{}` cannot be read", file.display())).cause(error)
    })?;
    read_from(opened, file, max_bytes)
}

#[cfg(test)]
mod tests {
    use super::{InvalidText, decode, read_from, without_mark};
    use std::path::Path;

    #[test]
    fn text_is_read_as_editors_save_it() {
        for (bytes, text) in [
            (&b"SELECT 1\r\n"[..], Ok("SELECT 1\r\n")),
            (b"\xef\xbb\xbfSELECT 1", Ok("SELECT 1")),
            (b"\xef\xbb\xbf\xef\xbb\xbfx", Ok("\u{feff}x")),
            (b"a\xef\xbb\xbf", Ok("a\u{feff}")),
            (b"\xef\xbb\xbf", Ok("")),
            (b"", Ok("")),
            (b"\xff\xfeS\0", Err(InvalidText::Utf16)),
            (b"\xfe\xff\0S", Err(InvalidText::Utf16)),
            (b"one\ntwo\nth\xe9ee", Err(InvalidText::NotUtf8 { line: 3 })),
        ] {
            assert_eq!(decode(bytes.to_vec()), text.map(str::to_owned), "{bytes:?}");
        }
        assert_eq!(without_mark("\u{feff}x"), "x");
    }

    #[test]
    fn a_file_that_is_no_text_is_named() {
        let name = Path::new("q.sql");
        for (bytes, says) in [
            (&b"\xff\xfe"[..], "`q.sql` is UTF-16"),
            (b"\n\xff", "`q.sql` is not UTF-8"),
            (b"123456789", "`q.sql` is larger than 8 bytes"),
        ] {
            let error = read_from(bytes, name, 8).unwrap_err();
            assert_eq!(error.message, says);
        }
        assert_eq!(read_from(&b"12345678"[..], name, 8).unwrap(), "12345678");
    }
}
