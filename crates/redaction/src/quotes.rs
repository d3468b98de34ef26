//! Quotes at any level of escaping, doubled quotes, and brackets.

/// A quote that opens a value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quote {
    pub(crate) byte: u8,
    /// Backslashes before it.
    pub(crate) level: usize,
    /// How many stand together: `""a""` in CSV, `'''a'''` in SQL within SQL.
    pub(crate) run: usize,
    /// Where the value begins.
    pub(crate) inside: usize,
}

impl Quote {
    /// The quote at this place with the backslashes before it.
    pub(crate) fn at(text: &str, at: usize) -> Option<Self> {
        let bytes = text.as_bytes().get(at..)?;
        let level = bytes.iter().take_while(|byte| **byte == b'\\').count();
        let byte = *bytes.get(level)?;
        if !matches!(byte, b'"' | b'\'') {
            return None;
        }
        let run = match level {
            0 => bytes.iter().take_while(|other| **other == byte).count(),
            _ => 1,
        };
        // Two quotes with nothing between them are an empty text, unless a value follows at once.
        let doubled = bytes.get(level + run).is_some_and(|next| !ends_value(*next));
        let run = if run == 2 && !doubled { 1 } else { run };
        Some(Self { byte, level, run, inside: at + level + run })
    }

    /// The end of the quotes at this place, as they close a name.
    pub(crate) fn closing_name(text: &str, at: usize) -> Option<Self> {
        let quote = Self::at(text, at)?;
        let same = text.as_bytes()[at + quote.level..].iter();
        let run = match quote.level {
            0 => same.take_while(|byte| **byte == quote.byte).count(),
            _ => 1,
        };
        Some(Self { run, inside: at + quote.level + run, ..quote })
    }

    /// The quotes as they stand in the text.
    pub(crate) fn written(&self) -> String {
        let quote = char::from(self.byte).to_string();
        "\\".repeat(self.level) + &quote.repeat(self.run)
    }

    /// Where the text inside ends, its closing quote and that one's backslashes excluded.
    ///
    /// A text escaped `m` times has `2^m - 1` backslashes before its quotes. A quote with more of
    /// them belongs to the value, unless the surplus are the value's own backslashes, which come as
    /// whole groups; one with fewer ends a text around it.
    pub(crate) fn end(&self, text: &str) -> Option<usize> {
        if self.run > 1 {
            return self.end_of_run(text);
        }
        let Self { byte: quote, level, inside, .. } = *self;
        let bytes = text.as_bytes();
        let mut at = inside;
        while at < bytes.len() {
            let found = at + bytes[at..].iter().position(|byte| *byte == quote)?;
            let before =
                bytes[inside..found].iter().rev().take_while(|byte| **byte == b'\\').count();
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

    /// Twice as many quotes are one within the text.
    fn end_of_run(&self, text: &str) -> Option<usize> {
        let bytes = text.as_bytes();
        let mut at = self.inside;
        loop {
            at += bytes.get(at..)?.iter().position(|byte| *byte == self.byte)?;
            let run = bytes[at..].iter().take_while(|byte| **byte == self.byte).count();
            if run >= self.run && run < 2 * self.run {
                return Some(at);
            }
            at += run;
        }
    }
}

/// Whether a value has ended where this follows its quote.
fn ends_value(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b",;:=)]}>/|&".contains(&byte)
}

/// The end of the brackets that open here, which is behind their closing one. Brackets within
/// quotes do not count.
///
/// # Errors
/// The place where they do not match, or the end of the text.
pub(crate) fn end_of_brackets(text: &str, at: usize) -> Result<usize, usize> {
    let bytes = text.as_bytes();
    let mut open: Vec<u8> = Vec::new();
    let mut place = at;
    while place < bytes.len() {
        match bytes[place] {
            b'[' => open.push(b']'),
            b'{' => open.push(b'}'),
            b'(' => open.push(b')'),
            byte @ (b']' | b'}' | b')') => {
                if open.pop() != Some(byte) {
                    return Err(place);
                }
                if open.is_empty() {
                    return Ok(place + 1);
                }
            }
            b'"' | b'\'' if opens_text(bytes, place) => {
                let level = bytes[at..place].iter().rev().take_while(|b| **b == b'\\').count();
                let quote = Quote { byte: bytes[place], level, run: 1, inside: place + 1 };
                place = quote.end(text).ok_or(text.len())? + level;
            }
            _ => {}
        }
        place += 1;
    }
    Err(text.len())
}

/// An apostrophe within a word opens no text.
fn opens_text(bytes: &[u8], at: usize) -> bool {
    at == 0 || !bytes[at - 1].is_ascii_alphanumeric()
}
