//! Names and values in fields of their own: `name: PGPASSWORD` beside `value: …`, as the
//! environment of a container has it.

use super::names;
use super::pairs::{Name, Secret};

/// How far a value may stand from its name.
const MAX_DISTANCE_BYTES: usize = 400;

/// The value that another field holds, where this name is the value of a field that names.
pub(crate) fn find_value(name: &Name<'_>) -> Option<Secret> {
    let text = name.text;
    let before = text[..name.range.start].trim_end_matches(['"', '\'', '\\', ' ']);
    if let Some(tag) = before.strip_suffix('>') {
        return find_element(name, tag);
    }
    let before = before.trim_end_matches('>').strip_suffix([':', '='])?;
    let naming = last_word(before.trim_end_matches(['"', '\'', '\\', ' ', ':', '=']));
    if !names::names_another(naming) {
        return None;
    }
    behind(name).or_else(|| ahead(name))
}

/// The value in a field behind the name, up to the end of its object.
fn behind(name: &Name<'_>) -> Option<Secret> {
    let text = name.text;
    let rest = name.after(MAX_DISTANCE_BYTES);
    let rest = &rest[..rest.find('}').unwrap_or(rest.len())];
    for (at, word) in words(rest) {
        let range = name.range.end + at..name.range.end + at + word.len();
        let field = Name { text, range, secrecy: name.secrecy };
        if names::holds_named(word)
            && let Some(found) = field.find_value()
        {
            return Some(found);
        }
        let separated = rest[at + word.len()..].trim_start_matches(['"', '\'', '\\', ' ']);
        if names::names_another(word) && separated.starts_with([':', '=']) {
            return None;
        }
    }
    // The content of an element: `<entry key="password">…</entry>`.
    let tag = rest.find('>').filter(|tag| !rest[..*tag].contains(['\n', '<']))?;
    if rest[..tag].ends_with('/') || !name.before(MAX_DISTANCE_BYTES).contains('<') {
        return None;
    }
    let mut start = tag + 1;
    let rest = name.after(MAX_DISTANCE_BYTES);
    // `<property name="password"><value>…</value>`.
    if rest[start..].starts_with('<') && !rest[start..].starts_with("</") {
        start += rest[start..].find('>')? + 1;
    }
    let content = &rest[start..];
    let content = &content[..content.find("</").unwrap_or(content.len())];
    let start = name.range.end + start;
    (!content.is_empty()).then(|| (start..start + content.len()).into())
}

/// The value in a field before the name, back to the begin of its object.
fn ahead(name: &Name<'_>) -> Option<Secret> {
    let text = name.text;
    let window = name.before(MAX_DISTANCE_BYTES);
    let from = name.range.start - window.len();
    let own = window.rfind('{').map_or(0, |brace| brace + 1);
    let item = window.rfind("\n- ").or_else(|| window.rfind("\n  - ")).unwrap_or(0);
    let begin = own.max(item);
    let found = words(&window[begin..]).filter(|(_, word)| names::holds_named(word)).last()?;
    let range = from + begin + found.0..from + begin + found.0 + found.1.len();
    let field = Name { text, range, secrecy: name.secrecy };
    field.find_value().filter(|value| value.range.end <= name.range.start)
}

/// `<key>password</key><string>…</string>`.
fn find_element(name: &Name<'_>, tag: &str) -> Option<Secret> {
    if !names::names_another(last_word(tag)) || !tag.trim_end_matches(last_word(tag)).ends_with('<')
    {
        return None;
    }
    let text = name.text;
    let closed = text[name.range.end..].strip_prefix("</")?;
    let next = &closed[closed.find('>')? + 1..];
    let element = next.trim_start().strip_prefix('<')?;
    let content = &element[element.find('>')? + 1..];
    let start = text.len() - content.len();
    let content = &content[..content.find("</").unwrap_or(content.len())];
    (!content.trim().is_empty()).then(|| (start..start + content.len()).into())
}

/// The words of a text and where they stand.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text[at..].find(part)?;
        let length = text[start..].find(|c| !part(c)).unwrap_or(text.len() - start);
        at = start + length;
        Some((start, text[start..at].trim_start_matches('-')))
            .map(|(start, word)| (start + length - word.len(), word))
    })
}

fn last_word(text: &str) -> &str {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    &text[text.trim_end_matches(part).len()..]
}
