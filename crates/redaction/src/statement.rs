//! Secrets in statements of SQL and in what PostgreSQL says of them.

use super::pairs::{Name, Secret, string_at};
use super::quotes::end_of_brackets;
use std::ops::Range;

/// How much of a statement is looked at around a word.
const MAX_DISTANCE_BYTES: usize = 300;

/// How far a literal is looked for among parameters.
const MAX_VALUES_BYTES: usize = 8192;

/// The longest list of columns behind a name.
const MAX_COLUMNS_BYTES: usize = 2048;

/// `IDENTIFIED BY 'secret'`, `IDENTIFIED BY secret`, `IDENTIFIED WITH plugin BY 'secret'`.
pub(crate) fn find_identified(text: &str, words: Range<usize>) -> Option<Range<usize>> {
    let mut begin = words.end;
    if text[words.clone()].to_ascii_lowercase().ends_with("with") {
        let rest = &text[begin..];
        let near = rest.len().min(100);
        let by =
            rest.as_bytes()[..near].windows(4).position(|w| w.eq_ignore_ascii_case(b" by "))?;
        begin += by + 4;
    }
    begin += leading_blanks(&text[begin..]);
    for keyword in ["password ", "values ", "as "] {
        let next = text.get(begin..begin + keyword.len());
        if next.is_some_and(|next| next.eq_ignore_ascii_case(keyword)) {
            begin += keyword.len() + leading_blanks(&text[begin + keyword.len()..]);
        }
    }
    if let Some(value) = string_at(text, begin) {
        return Some(value);
    }
    // Prose says `identified by` too.
    let from = super::floor_boundary(text, words.start.saturating_sub(MAX_DISTANCE_BYTES));
    let before = text[from..words.start].to_ascii_lowercase();
    let statement = ["user ", "role ", "grant "].iter().any(|word| before.contains(word));
    let rest = &text[begin..];
    let end =
        rest.find(|c: char| c.is_whitespace() || matches!(c, ';' | '"')).unwrap_or(rest.len());
    statement.then(|| begin..begin + end)
}

/// The values of `Key (tenant, api_token)=(a, secret) already exists`.
pub(crate) fn find_in_key(name: &Name<'_>) -> Option<Secret> {
    let text = name.text;
    let before = name.before(MAX_DISTANCE_BYTES);
    let open = before.rfind('(')?;
    if !before[..open].ends_with("Key ") || before[open..].contains(')') {
        return None;
    }
    let close = name.range.end + name.after(MAX_DISTANCE_BYTES).find(")=(")?;
    let begin = close + 2;
    let end = end_of_brackets(text, begin).unwrap_or_else(|failed| failed);
    (!text[name.range.end..close].contains('\n')).then(|| (begin..end).into())
}

/// The rows of `INSERT INTO users (name, password) VALUES ('a', 'secret')`.
pub(crate) fn find_inserted(name: &Name<'_>) -> Option<Secret> {
    let text = name.text;
    let before = name.before(MAX_DISTANCE_BYTES).to_ascii_lowercase();
    let open = before.rfind('(').filter(|open| before[..*open].contains("into "))?;
    let close = name.range.end + name.after(MAX_COLUMNS_BYTES).find(')')?;
    let rest = text[close + 1..].trim_start();
    let values = rest.get(..6).filter(|word| word.eq_ignore_ascii_case("values"))?;
    let begin = text.len() - rest.len() + values.len();
    let begin = begin + leading_blanks(&text[begin..]);
    // Parameters are none: `VALUES ($1, $2)`.
    let near = super::floor_boundary(text, text.len().min(begin + MAX_VALUES_BYTES));
    let literals = text[begin..near].starts_with('(')
        && !before[open..].contains(')')
        && text[begin..near].contains(['\'', '"']);
    literals.then(|| {
        let end = text[begin..].find(';').map_or(text.len(), |end| begin + end);
        (begin..begin + text[begin..end].trim_end().len()).into()
    })
}

fn leading_blanks(text: &str) -> usize {
    text.len() - text.trim_start().len()
}
