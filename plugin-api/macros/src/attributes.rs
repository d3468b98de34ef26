//! What the attributes say: doc comments and `#[command(…)]`, `#[arg(…)]`.

use syn::meta::ParseNestedMeta;
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta, Result};

/// The lines of a doc comment, without the one leading space.
pub(crate) fn docs(attributes: &[Attribute]) -> Vec<String> {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    });
    lines.map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned()).collect()
}

/// The first paragraph in one line, without its final full stop.
pub(crate) fn about(docs: &[String]) -> String {
    let first: Vec<&str> =
        docs.iter().map(|line| line.trim()).take_while(|line| !line.is_empty()).collect();
    let line = first.join(" ");
    line.strip_suffix('.').unwrap_or(&line).to_owned()
}

/// The whole comment; a paragraph's lines are joined, so that the reader's terminal wraps them.
pub(crate) fn paragraphs(docs: &[String]) -> String {
    let mut text = String::new();
    for line in docs {
        let continues = !text.is_empty() && !text.ends_with('\n');
        if line.trim().is_empty() || line.starts_with([' ', '-', '*', '|']) {
            if continues {
                text.push('\n');
            }
        } else if continues {
            text.push(' ');
        }
        text.push_str(line);
        if line.trim().is_empty() || line.starts_with([' ', '|']) {
            text.push('\n');
        }
    }
    text.trim().to_owned()
}

/// The text of `name = "…"`.
pub(crate) fn text(meta: &ParseNestedMeta<'_>) -> Result<String> {
    Ok(meta.value()?.parse::<LitStr>()?.value())
}

/// The texts of `name = ["…", "…"]`.
pub(crate) fn texts(meta: &ParseNestedMeta<'_>) -> Result<Vec<String>> {
    let content;
    let stream = meta.value()?;
    syn::bracketed!(content in stream);
    let texts = content.parse_terminated(<LitStr as syn::parse::Parse>::parse, syn::Token![,])?;
    Ok(texts.iter().map(LitStr::value).collect())
}

/// The types of `name = [A, B]`.
pub(crate) fn types(meta: &ParseNestedMeta<'_>) -> Result<Vec<syn::Type>> {
    let content;
    let stream = meta.value()?;
    syn::bracketed!(content in stream);
    let types =
        content.parse_terminated(<syn::Type as syn::parse::Parse>::parse, syn::Token![,])?;
    Ok(types.into_iter().collect())
}

/// `StaleBackups` and `stale_backups` become `stale-backups`.
pub(crate) fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.extend(letter.to_lowercase());
    }
    kebab.replace('_', "-")
}

/// `stale_backups` becomes `StaleBackups`.
pub(crate) fn camel(name: &str) -> String {
    let words = name.trim_start_matches("r#").split('_').filter(|word| !word.is_empty());
    words
        .map(|word| {
            let mut letters = word.chars();
            let first = letters.next().into_iter().flat_map(char::to_uppercase);
            first.chain(letters).collect::<String>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{about, camel, kebab, paragraphs};

    #[test]
    fn names_change_their_case() {
        assert_eq!(kebab("StaleBackups"), "stale-backups");
        assert_eq!(kebab("older_than"), "older-than");
        assert_eq!(camel("db_status"), "DbStatus");
    }

    #[test]
    fn a_doc_comment_gives_a_line_and_paragraphs() {
        let docs: Vec<String> =
            ["List databases", "that are old.", "", "More", "of it.", "- a", "- b"]
                .map(str::to_owned)
                .to_vec();
        assert_eq!(about(&docs), "List databases that are old");
        assert_eq!(paragraphs(&docs), "List databases that are old.\n\nMore of it.\n- a\n- b");
    }
}
