//! Values behind names: `NAME=VALUE`, `name: value`, `--name value`, `NAME 'value'`.

use super::block;
use super::names::{self, Secrecy};
use super::prose;
use super::quotes::{Quote, end_of_brackets};
use super::word;
use std::ops::Range;

/// How far is looked around a name for what says more about it.
const NEAR_BYTES: usize = 512;

/// The longest tag between dollars.
const MAX_TAG_BYTES: usize = 64;

/// A part of a text that is secret, and what stands in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Secret {
    pub(crate) range: Range<usize>,
    pub(crate) mask: String,
}

impl From<Range<usize>> for Secret {
    fn from(range: Range<usize>) -> Self {
        Self { range, mask: super::MASK.to_owned() }
    }
}

/// A name within a text, and what it says about its value.
#[derive(Debug, Clone)]
pub(crate) struct Name<'t> {
    pub(crate) text: &'t str,
    pub(crate) range: Range<usize>,
    pub(crate) secrecy: Secrecy,
}

/// What stands between a name and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Separator {
    Colon,
    Equals,
    /// Blanks alone.
    Blank,
}

impl<'t> Name<'t> {
    /// The name that a word is part of.
    pub(crate) fn around(text: &'t str, word: Range<usize>) -> Self {
        let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let start = text[..word.start]
            .rfind(|c| !part(c))
            .map_or(0, |before| before + text[before..].chars().next().map_or(1, char::len_utf8));
        let end = text[word.end..].find(|c| !part(c)).map_or(text.len(), |after| word.end + after);
        let end = word.start + text[word.start..end].trim_end_matches(['.', '-']).len();
        let end = end.max(word.end);
        let mut name = Self { text, range: start..end, secrecy: Secrecy::None };
        name.secrecy = names::secrecy(name.written());
        // An escaped line break before a name leaves its letter at the name: `\npassword`.
        let escaped = start > 0 && text.as_bytes()[start - 1] == b'\\' && end > start + 1;
        if escaped && (name.secrecy == Secrecy::None || text[start..].starts_with(['n', 'r', 't']))
        {
            name.range.start += 1;
            name.secrecy = names::secrecy(name.written());
        }
        name
    }

    /// At most this much of the text before the name; looking further would take as long for each
    /// name as the text is.
    pub(crate) fn before(&self, most: usize) -> &'t str {
        let from = super::floor_boundary(self.text, self.range.start.saturating_sub(most));
        &self.text[from..self.range.start]
    }

    /// At most this much of the text behind the name.
    pub(crate) fn after(&self, most: usize) -> &'t str {
        let mut until = self.text.len().min(self.range.end + most);
        while !self.text.is_char_boundary(until) {
            until += 1;
        }
        &self.text[self.range.end..until]
    }

    pub(crate) fn written(&self) -> &'t str {
        self.text[self.range.clone()].trim_start_matches(['-', '.'])
    }

    /// The secret that stands behind the name.
    pub(crate) fn find_value(&self) -> Option<Secret> {
        let text = self.text;
        let quote = Quote::closing_name(text, self.range.end);
        let mut at = quote.map_or(self.range.end, |quote| quote.inside);
        // `config['password'] = …`, `Key (password)=(…)`.
        at += usize::from(text[at..].starts_with([']', ')']));
        // `password[]=…` in a form.
        at += if text[at..].starts_with("[]") { 2 } else { 0 };
        let (separator, begin) = self.find_separator(at, quote.is_some())?;
        if begin >= text.len() {
            return None;
        }
        let spaced = text[..begin].ends_with(' ');
        if separator == Separator::Colon
            && quote.is_none()
            && spaced
            && prose::begins_sentence(&text[begin..])
        {
            return None;
        }
        let value = match separator {
            Separator::Blank => self.spaced_value(begin)?,
            _ if names::is_header(self.written()) && quote.is_none() => self.header_value(begin)?,
            _ => self.separated_value(at, separator, begin, quote)?,
        };
        // `$PWD: ` speaks of a variable, and gives it no value.
        let spoken_of = separator == Separator::Colon && text[..self.range.start].ends_with('$');
        Some(value).filter(|secret| {
            let value = &text[secret.range.clone()];
            self.secrecy.hides(value)
                && !spoken_of
                && !names::is_current_folder(self.written(), value)
        })
    }

    /// What comes behind the name, and where the value begins.
    fn find_separator(&self, mut at: usize, quoted: bool) -> Option<(Separator, usize)> {
        let text = self.text;
        // A cast in SQL: `password::text = '…'`.
        if text[at..].starts_with("::") {
            let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let rest = &text[at + 2..];
            at += 2 + rest.find(|c| !part(c)).unwrap_or(rest.len());
        }
        let spaced = skip_blanks(text, at, quoted);
        let rest = &text[spaced..];
        if rest.starts_with("://") {
            return None;
        }
        let known = [
            ("=>", Separator::Equals),
            (":=", Separator::Equals),
            ("==", Separator::Equals),
            ("!=", Separator::Equals),
            ("<>", Separator::Equals),
            ("+=", Separator::Equals),
            ("?=", Separator::Equals),
            ("=", Separator::Equals),
            ("&#61;", Separator::Equals),
            (":-", Separator::Equals),
            (":", Separator::Colon),
        ];
        // A statement may go on in the next line, and a function takes its argument in brackets.
        let next = skip_blanks(text, at, true);
        let call = usize::from(text[at..].starts_with('('));
        let literal = if call > 0 { at + 1 } else { next };
        if next > spaced.max(at) || call > 0 {
            let literal = text[literal..].starts_with(['\'', '$']).then_some(literal);
            return literal
                .filter(|_| names::is_password(self.written()))
                .map(|literal| (Separator::Blank, literal));
        }
        for (written, separator) in known {
            if rest.starts_with(written) {
                return Some((separator, skip_blanks(text, spaced + written.len(), quoted)));
            }
        }
        (spaced > at).then_some((Separator::Blank, spaced))
    }

    /// A value behind blanks alone: of an option, quoted as in SQL, or of a `.netrc` file.
    fn spaced_value(&self, begin: usize) -> Option<Secret> {
        let text = self.text;
        let rest = &text[begin..];
        if self.text[self.range.clone()].starts_with("--") {
            let value = string_at(text, begin).map(Secret::from);
            return value.or_else(|| word::find(self, begin).filter(|_| !rest.starts_with("--")));
        }
        let keyword = ["to ", "is ", "like ", "as ", "by "].iter().find(|keyword| {
            rest.get(..keyword.len()).is_some_and(|word| word.eq_ignore_ascii_case(keyword))
        });
        let begin = begin + keyword.map_or(0, |keyword| keyword.len());
        let rest = &text[begin..];
        if rest.get(..4).is_some_and(|list| list.eq_ignore_ascii_case("in (")) {
            let end = end_of_brackets(text, begin + 3).unwrap_or_else(|failed| failed);
            return Some((begin + 3..end).into());
        }
        let password = names::is_password(self.written());
        if rest.starts_with('"') && !password {
            return None;
        }
        // Parsers speak of tokens that they did not expect.
        let before = &text.as_bytes()[..self.range.start];
        let parser =
            before.len() >= 11 && before[before.len() - 11..].eq_ignore_ascii_case(b"unexpected ");
        if let Some(value) = string_at(text, begin).filter(|_| !parser) {
            return Some(value.into());
        }
        let before = self.before(NEAR_BYTES);
        let netrc = before.contains("login ") && before.contains("machine ");
        let redis = ["requirepass", "masterauth"]
            .iter()
            .any(|word| self.written().eq_ignore_ascii_case(word) && self.begins_line());
        // `ENV NAME value` of a Dockerfile, `setx NAME value` of Windows.
        let command = ["env", "setx", "setenv"].iter().any(|command| {
            let word = before.trim_end_matches([' ', '\t']).rsplit(char::is_whitespace).next();
            word.is_some_and(|word| word.eq_ignore_ascii_case(command))
        });
        if (netrc || redis || command) && keyword.is_none() {
            word::find(self, begin)
        } else {
            None
        }
    }

    /// A value behind `:` or `=`.
    fn separated_value(
        &self,
        name_end: usize,
        separator: Separator,
        begin: usize,
        quote: Option<Quote>,
    ) -> Option<Secret> {
        let text = self.text;
        let colon = separator == Separator::Colon;
        let begin = if colon { skip_tags(text, begin) } else { begin };
        if colon && let Some(found) = block::find_scalar(text, self.range.start, begin) {
            return Some(found.into());
        }
        if text[begin..].starts_with(['\n', '\r']) {
            return block::find(text, self.range.start, begin, self.secrecy)
                .filter(|_| colon)
                .map(Secret::from);
        }
        if let Some(range) = string_at(text, begin) {
            // The shell joins what follows at once.
            let joined = quote.is_none() && separator == Separator::Equals;
            let end = if joined { end_of_joined(text, range.end) } else { range.end };
            return (!range.is_empty() || end > range.end).then(|| Secret::from(range.start..end));
        }
        let mask = quote.map(|quote| {
            let written = quote.written();
            format!("{written}{}{written}", super::MASK)
        });
        let quoted = |range: Range<usize>| match &mask {
            Some(mask) => Secret { range, mask: mask.clone() },
            None => range.into(),
        };
        if text[begin..].starts_with(['[', '{', '(']) {
            // A document that was cut goes to its end. Otherwise a value without a closing bracket
            // ends with its line, unless the bracket does.
            let line = text[begin..].find('\n').map_or(text.len(), |line| begin + line);
            let one_line = quote.is_none() && !text[begin + 1..line].trim().is_empty();
            let within = if one_line { &text[..line] } else { text };
            let end = match end_of_brackets(within, begin) {
                Ok(end) if quote.is_none() => word::end_behind(text, end),
                Ok(end) => end,
                Err(_) if one_line => line,
                Err(failed) => failed.max(begin + 1),
            };
            let inside = &text[begin + 1..end];
            let numbers = |c: char| c.is_ascii_digit() || " ,.-]})\n".contains(c);
            let stays = inside.chars().all(numbers) && self.secrecy == Secrecy::Counted;
            let empty = inside.trim_matches([']', '}', ')', ' ']).is_empty();
            return (!stays && !empty).then(|| quoted(begin..end));
        }
        let number = text[begin..].starts_with(|c: char| c.is_ascii_digit());
        let spaced = begin > name_end + 1 && text[..begin].ends_with([' ', '\t']);
        let line = match separator {
            Separator::Colon => {
                let counted = number && (quote.is_some() || self.secrecy != Secrecy::Whole);
                spaced && self.begins_line() && !counted
            }
            _ => spaced && text[name_end..].starts_with([' ', '\t']) && self.is_alone(begin),
        };
        if line {
            return block::find_line(text, self.range.start, begin, self.outer_end(), colon)
                .map(Secret::from);
        }
        word::find(self, begin).map(|secret| quoted(secret.range))
    }

    /// The value of a header goes on to the end of its line; its scheme is shown.
    fn header_value(&self, begin: usize) -> Option<Secret> {
        let text = self.text;
        if let Some(range) = string_at(text, begin) {
            return Some(range.into());
        }
        let end = text[begin..].find(['\n', '\r']).map_or(text.len(), |line| begin + line);
        let end = self.outer_end().map_or(end, |outer| outer.min(end));
        let value = text[begin..end].trim_end();
        let scheme = value.find([' ', '\t']).map_or("", |blank| &value[..blank]);
        let known = ["basic", "bearer", "digest", "negotiate", "token", "apikey", "ntlm"];
        let known = known.iter().any(|known| scheme.eq_ignore_ascii_case(known));
        let skipped =
            if known { value.len() - value[scheme.len()..].trim_start().len() } else { 0 };
        let harmless = word::is_harmless(value);
        (!value.is_empty() && !harmless).then(|| (begin + skipped..begin + value.len()).into())
    }

    /// Where the quote ends that opens right before the name and holds name and value together.
    pub(crate) fn outer_end(&self) -> Option<usize> {
        let (text, start) = (self.text, self.range.start);
        let byte = *text.as_bytes().get(start.checked_sub(1)?)?;
        if byte == b'`' {
            return text[start..].find('`').map(|end| start + end);
        }
        if !matches!(byte, b'"' | b'\'') || Quote::at(text, self.range.end).is_some() {
            return None;
        }
        let before = text.as_bytes()[..start - 1].iter().rev();
        let level = before.take_while(|byte| **byte == b'\\').count();
        Quote { byte, level, run: 1, inside: start }.end(text)
    }

    /// Whether nothing but indentation stands before the name on its line.
    fn begins_line(&self) -> bool {
        let before = self.before(NEAR_BYTES);
        let near = before.len() < self.range.start;
        let Some(line) = before.rfind('\n').map(|at| at + 1).or((!near).then_some(0)) else {
            return false;
        };
        before[line..].chars().all(|c| c.is_whitespace() || matches!(c, '-' | '"' | '\''))
    }

    /// Whether no other pair follows on the line.
    fn is_alone(&self, begin: usize) -> bool {
        let rest = self.after(begin - self.range.end + NEAR_BYTES);
        let line = rest.lines().next().unwrap_or_default();
        let line = line.get(begin - self.range.end..).unwrap_or_default();
        !line.contains('=') && !line.contains("' ") && self.begins_line()
    }
}

/// The inside of a string that begins here: in quotes, with a prefix as SQL and Python have it, or
/// between dollars.
pub(crate) fn string_at(text: &str, begin: usize) -> Option<Range<usize>> {
    let rest = &text[begin..];
    let prefix = ["E", "e", "U&", "u&", "N", "n", "b", "r", "f", "$"].iter().find(|prefix| {
        rest.strip_prefix(**prefix).is_some_and(|rest| rest.starts_with(['\'', '"']))
    });
    let begin = begin + prefix.map_or(0, |prefix| prefix.len());
    if let Some(quote) = Quote::at(text, begin) {
        let end = quote.end(text).unwrap_or(text.len());
        return Some(quote.inside..end.max(quote.inside));
    }
    let tag = text[begin..].strip_prefix('$')?;
    let tag = &tag[..tag.find('$').filter(|length| *length <= MAX_TAG_BYTES)?];
    if !tag.chars().all(|c| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let delimiter = &text[begin..begin + tag.len() + 2];
    let inside = begin + delimiter.len();
    let length = text[inside..].find(delimiter).unwrap_or(text.len() - inside);
    Some(inside..inside + length)
}

/// Behind a closing quote, what the shell joins to the text: `'abc'def`.
fn end_of_joined(text: &str, closed: usize) -> usize {
    let after = text[closed..].chars().next().map_or(closed, |quote| closed + quote.len_utf8());
    let joined =
        text[after..].starts_with(|c: char| c.is_alphanumeric() || matches!(c, '$' | '"' | '\''));
    if !joined {
        return closed;
    }
    let end = text[after..].find(|c: char| c.is_whitespace() || ",;&)]}".contains(c));
    end.map_or(text.len(), |end| after + end)
}

/// Skips blanks; line breaks too where the name is quoted, as in a document.
fn skip_blanks(text: &str, at: usize, lines: bool) -> usize {
    let blank = |c: char| matches!(c, ' ' | '\t' | '\u{a0}') || (lines && c.is_whitespace());
    at + text[at..].find(|c| !blank(c)).unwrap_or(text.len() - at)
}

/// Skips tags and anchors of YAML: `!!str`, `&name`.
fn skip_tags(text: &str, mut at: usize) -> usize {
    while text[at..].starts_with(['!', '&']) {
        let Some(end) = text[at..].find([' ', '\t', '\n']) else { break };
        if text[at + end..].starts_with('\n') || text[at + 1..at + end].contains(['&', '=']) {
            break;
        }
        at = skip_blanks(text, at + end, false);
    }
    at
}
