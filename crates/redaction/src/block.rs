//! Values of YAML: lines, and blocks that are indented below a name.

use super::MASK;
use super::names::Secrecy;
use super::word;
use std::ops::Range;

/// A block scalar: `password: |` and `password: >` with the lines below.
pub(crate) fn find_scalar(text: &str, name: usize, begin: usize) -> Option<Range<usize>> {
    let rest = text[begin..].strip_prefix(['|', '>'])?;
    let header = rest.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-'));
    // Within a text that is escaped, the line breaks are too.
    if let Some(body) = header.strip_prefix("\\n") {
        let start = text.len() - body.len();
        let start = start + body.len() - body.trim_start().len();
        let end = text[start..].find(['"', '\n']).map_or(text.len(), |end| start + end);
        let end = start + text[start..end].trim_end_matches(['\\', 'n']).len();
        return (end > start).then_some(start..end);
    }
    let line = header.find('\n')?;
    let comment = header[..line].trim();
    if !comment.is_empty() && !comment.starts_with('#') {
        return None;
    }
    lines_below(text, name, text.len() - header.len() + line, false)
}

/// What is indented below a name that ends its line: a list or pairs.
pub(crate) fn find(
    text: &str,
    name: usize,
    line_end: usize,
    secrecy: Secrecy,
) -> Option<Range<usize>> {
    let line_end = line_end + text[line_end..].find('\n')?;
    let range = lines_below(text, name, line_end, true)?;
    let dash = text[range.clone()].strip_prefix("- ");
    let range = dash.map_or(range.clone(), |item| range.end - item.len()..range.end);
    let values = text[range.clone()].lines();
    let mut values = values.map(|line| line.rsplit([':', '-']).next().unwrap_or(line).trim());
    // Numbers under a plural are counts.
    let counts = secrecy == Secrecy::Counted && !values.any(|value| secrecy.hides(value));
    (!counts).then_some(range)
}

/// The rest of a line and the deeper lines that continue it.
pub(crate) fn find_line(
    text: &str,
    name: usize,
    begin: usize,
    limit: Option<usize>,
    is_yaml: bool,
) -> Option<Range<usize>> {
    let line = text[begin..].find('\n').map_or(text.len(), |line| begin + line);
    let end = limit.map_or(line, |limit| limit.clamp(begin, line));
    let mut value = &text[begin..end];
    if is_yaml {
        value = value.find(" #").map_or(value, |comment| &value[..comment]);
    }
    let value = value.trim_end();
    if word::is_harmless(value) || value == MASK {
        return None;
    }
    let more = if is_yaml && limit.is_none() { lines_below(text, name, line, false) } else { None };
    Some(begin..more.map_or(begin + value.len(), |more| more.end))
}

/// The lines behind `line_end` that are indented deeper than the name; items of a list may stand as
/// far left as the name.
fn lines_below(text: &str, name: usize, line_end: usize, items: bool) -> Option<Range<usize>> {
    let line_start = text[..name].rfind('\n').map_or(0, |at| at + 1);
    let own = &text[line_start..name];
    if !own.chars().all(|c| matches!(c, ' ' | '\t' | '-' | '"' | '\'')) {
        return None;
    }
    let indent = own.trim_end_matches(['"', '\'']).len();
    let mut found: Option<Range<usize>> = None;
    let mut at = line_end + 1;
    while at < text.len() {
        let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
        let line = &text[at..end];
        let content = line.trim_start_matches([' ', '\t']);
        let depth = line.len() - content.len();
        let item = items && depth == indent && (content.starts_with("- ") || content == "-");
        if !content.trim().is_empty() {
            if depth <= indent && !item {
                break;
            }
            let start = found.as_ref().map_or(at + depth, |range| range.start);
            found = Some(start..at + line.trim_end().len());
        }
        at = end + 1;
    }
    found.filter(|range| &text[range.clone()] != MASK)
}

/// The values below `data:` and `stringData:` of every document of YAML that is a `kind: Secret`.
pub(crate) fn find_secret_objects(text: &str) -> Vec<super::pairs::Secret> {
    let mut found = Vec::new();
    if !text.contains("ecret") || !text.contains("kind:") {
        return found;
    }
    let mut begin = 0;
    for document in text.split("\n---") {
        find_secret_object(text, begin..begin + document.len(), &mut found);
        begin += document.len() + "\n---".len();
    }
    found
}

/// The same of one document. In a list of objects, every `data:` that is as deep as such a kind is
/// taken for one of a Secret.
fn find_secret_object(text: &str, range: Range<usize>, found: &mut Vec<super::pairs::Secret>) {
    let indent_of = |line: &str| line.len() - line.trim_start_matches([' ', '-']).len();
    let mut at = range.start;
    let mut data: Vec<(usize, usize)> = Vec::new();
    let mut kinds: Vec<usize> = Vec::new();
    for line in text[range].split_inclusive('\n') {
        let indent = indent_of(line);
        match line[indent..].trim_end() {
            "data:" | "stringData:" => data.push((indent, at)),
            kind if kind.starts_with("kind:") => {
                let kind = kind["kind:".len()..].trim_matches([' ', '"', '\'']);
                if kind == "Secret" && !kinds.contains(&indent) {
                    kinds.push(indent);
                }
            }
            _ => {}
        }
        at += line.len();
    }
    for (indent, line) in data.into_iter().filter(|(indent, _)| kinds.contains(indent)) {
        let end = text[line..].find('\n').map_or(text.len(), |end| line + end);
        found.extend(lines_below(text, line + indent, end, false).map(Into::into));
    }
}
