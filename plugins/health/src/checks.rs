//! All checks, in the order in which they are told. A code is never given to another check.

mod api;
mod cms;
mod data_plane;
mod duroxide;
mod kubernetes;
mod plugins;
mod rights;
mod workers;

use crate::check::Row;
use toygres_plugin_api::{Candidate, Context, Error, Result};

/// Every check.
pub(crate) fn all() -> impl Iterator<Item = &'static Row> {
    [
        api::ROWS,
        duroxide::ROWS,
        workers::ROWS,
        cms::ROWS,
        kubernetes::ROWS,
        rights::ROWS,
        data_plane::ROWS,
        plugins::ROWS,
    ]
    .into_iter()
    .flatten()
}

/// The checks that were asked for.
///
/// # Errors
/// When a code is nobody's: the codes that look like it.
pub(crate) fn chosen(
    only: &[String],
    skip: &[String],
    foreign: &[String],
) -> Result<Vec<&'static Row>> {
    for code in only.iter().chain(skip) {
        known(code, foreign)?;
    }
    let named = |list: &[String], row: &Row| list.iter().any(|code| same(code, row.code));
    Ok(all().filter(|row| (only.is_empty() || named(only, row)) && !named(skip, row)).collect())
}

/// What a shell offers: every code, with what it is about.
///
/// # Errors
/// None.
pub(crate) async fn offered(_ctx: &Context, begun: &str) -> Result<Vec<Candidate>> {
    let begins = |row: &&Row| row.code.starts_with(&begun.to_uppercase());
    Ok(all().filter(begins).map(|row| Candidate::new(row.code, row.description)).collect())
}

/// Codes are typed in either case.
pub(crate) fn same(typed: &str, code: &str) -> bool {
    typed.eq_ignore_ascii_case(code)
}

fn known(typed: &str, foreign: &[String]) -> Result<()> {
    let codes = || all().map(|row| row.code).chain(foreign.iter().map(String::as_str));
    if codes().any(|code| same(typed, code)) {
        return Ok(());
    }
    let wanted = typed.to_uppercase();
    let mut near: Vec<(usize, &str)> =
        codes().map(|code| (strsim::damerau_levenshtein(&wanted, code), code)).collect();
    near.sort_unstable();
    let near: Vec<String> = near
        .iter()
        .take_while(|(distance, _)| *distance <= 2)
        .take(3)
        .map(|(_, code)| format!("`{code}`"))
        .collect();
    let error = Error::usage(format!("there is no check `{typed}`"));
    Err(if near.is_empty() {
        error.hint("`toygres server health --verbose` lists them; they look like `TG0101`")
    } else {
        error.hint(format!("did you mean {}?", near.join(" or ")))
    })
}

#[cfg(test)]
mod tests {
    use super::{all, chosen};
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_and_in_order() {
        let codes: Vec<&str> = all().map(|row| row.code).collect();
        assert!(codes.len() >= 30, "{}", codes.len());
        assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len());
        assert!(codes.iter().all(|code| code.len() == 6 && code.starts_with("TG")));
        assert!(codes.is_sorted(), "{codes:?}");
    }

    #[test]
    fn every_code_is_described_and_no_other() {
        let docs = include_str!("../../../docs/health.md");
        let described: BTreeSet<&str> =
            docs.lines().filter_map(|line| line.strip_prefix("### ")).collect();
        let codes: BTreeSet<&str> = all().map(|row| row.code).collect();
        assert_eq!(described, codes);
        for row in all() {
            let (_, about) = docs.split_once(&format!("### {}\n", row.code)).unwrap();
            let about = about.split("\n### ").next().unwrap();
            assert!(about.contains(row.description), "{}: {about}", row.code);
            for part in ["Means:", "Causes:", "Fix:"] {
                assert!(about.contains(part), "{} lacks `{part}`", row.code);
            }
        }
    }

    #[test]
    fn checks_are_chosen_by_code() {
        let codes = |only: &[&str], skip: &[&str]| {
            let owned =
                |list: &[&str]| list.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>();
            chosen(&owned(only), &owned(skip), &[])
                .map(|rows| rows.iter().map(|row| row.code).collect::<Vec<_>>())
        };
        assert_eq!(codes(&["tg0101"], &[]), Ok(vec!["TG0101"]));
        assert_eq!(codes(&["TG0101", "TG0401"], &["TG0101"]), Ok(vec!["TG0401"]));
        assert_eq!(codes(&[], &["TG0101"]).unwrap().len(), all().count() - 1);
        let error = codes(&["TG0110"], &[]).unwrap_err();
        assert!(error.hint.unwrap().contains("`TG0101`"));
        assert!(codes(&["nonsense"], &[]).unwrap_err().hint.unwrap().contains("lists them"));
    }
}
