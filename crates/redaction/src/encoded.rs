//! Text that is escaped as in an address or a document: decoded, with where each letter came from.

use super::pairs::Secret;

/// A text without one level of its escapes.
pub(crate) struct Decoded {
    pub(crate) text: String,
    /// For each byte and the end, the place in the source.
    places: Vec<usize>,
}

/// Decodes `%3A`, `\u003a` and `\x3a` that stand for printable ASCII other than blanks, quotes and
/// backslashes, whose escapes keep their meaning.
pub(crate) fn decode(source: &str) -> Option<Decoded> {
    let bytes = source.as_bytes();
    if !bytes.iter().any(|byte| matches!(byte, b'%' | b'\\')) {
        return None;
    }
    let mut text = Vec::with_capacity(bytes.len());
    let mut places = Vec::with_capacity(bytes.len() + 1);
    let mut changed = false;
    let mut at = 0;
    while at < bytes.len() {
        let (byte, length) = match escape_at(&bytes[at..]) {
            Some(escape) => escape,
            None => (bytes[at], 1),
        };
        changed |= length > 1;
        text.push(byte);
        places.push(at);
        at += length;
    }
    places.push(bytes.len());
    // Only ASCII was put in place of ASCII.
    let text = String::from_utf8(text).ok()?;
    changed.then_some(Decoded { text, places })
}

impl Decoded {
    /// A secret of the decoded text as it stands in the source.
    pub(crate) fn secret_in_source(&self, source: &str, secret: Secret) -> Secret {
        let end = self.places[secret.range.end];
        let start = self.places[secret.range.start];
        debug_assert!(source.is_char_boundary(start) && source.is_char_boundary(end));
        Secret { range: start..end, mask: secret.mask }
    }
}

/// The letter that an escape stands for, and the escape's length.
fn escape_at(bytes: &[u8]) -> Option<(u8, usize)> {
    let (begin, digits) = match bytes {
        [b'%', ..] => (1, 2),
        [b'\\', b'x', ..] => (2, 2),
        [b'\\', b'u', b'0', b'0', ..] => (4, 2),
        // Escaped once more: `\\u0070`.
        [b'\\', b'\\', b'u', b'0', b'0', ..] => (5, 2),
        // A slash in JSON.
        [b'\\', b'/', ..] => return Some((b'/', 2)),
        _ => return None,
    };
    let digits = std::str::from_utf8(bytes.get(begin..begin + digits)?).ok()?;
    let byte = u8::from_str_radix(digits, 16).ok().filter(u8::is_ascii_graphic)?;
    let plain = !matches!(byte, b'"' | b'\'' | b'\\');
    plain.then_some((byte, begin + 2))
}
