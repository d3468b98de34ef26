//! Values within elements of XML and HTML: `<password>…</password>`, plain or escaped.

use super::pairs::Name;
use std::ops::Range;

/// The furthest that the end of a tag is looked for.
const MAX_TAG_BYTES: usize = 1024;

/// What the element holds whose tag this name begins.
pub(crate) fn find_content(name: &Name<'_>) -> Option<Range<usize>> {
    let text = name.text;
    let mut before = &text[..name.range.start];
    // The prefix of a name space.
    if let Some(rest) = before.strip_suffix(':') {
        before =
            rest.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    }
    let (close, opens, ends) = if before.ends_with('<') {
        (">", "<", "</")
    } else if before.ends_with("&lt;") {
        ("&gt;", "&lt;", "&lt;/")
    } else {
        return None;
    };
    let rest = &text[name.range.end..];
    let tag = rest.find(close).filter(|tag| *tag <= MAX_TAG_BYTES)?;
    if let Some(value) = find_attribute(&rest[..tag]) {
        return Some(name.range.end + value.start..name.range.end + value.end);
    }
    if rest[..tag].ends_with('/') || rest[..tag].contains(opens) {
        return None;
    }
    let inside = name.range.end + tag + close.len();
    let own = format!("{ends}{}", &text[name.range.clone()]);
    let content = &text[inside..];
    let end = content.find(&own).or_else(|| content.find(ends)).unwrap_or(content.len());
    let trimmed = content[..end].trim();
    let start = inside + content[..end].len() - content[..end].trim_start().len();
    (!trimmed.is_empty() && name.secrecy.hides(trimmed)).then(|| start..start + trimmed.len())
}

/// The value of `<password value="…"/>`.
fn find_attribute(tag: &str) -> Option<Range<usize>> {
    let attribute = tag.find(" value=")? + " value=".len();
    let quote = tag[attribute..].chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let begin = attribute + 1;
    let end = begin + tag[begin..].find(quote)?;
    (begin < end && &tag[begin..end] != super::MASK).then_some(begin..end)
}
