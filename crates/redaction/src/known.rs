//! Values that are known to be secret, and where they are looked for.
//!
//! A value is only looked for if nobody guesses it: `postgres`, `running` or `db1` are words that
//! stand in states, names and addresses, and a mask in their place would tell the password. Such a
//! value is masked where its name says what it is. The others are masked as whole words, and not in
//! the scheme or the host of an address.

use super::pairs::Secret;
use super::{forms, replace_all};
use aho_corasick::{AhoCorasick, MatchKind};
use std::ops::Range;

/// From this length on a value is found within longer words too: it stands there by no accident.
const LONG_BYTES: usize = 16;

/// The shortest value that is looked for by itself.
const MIN_BYTES: usize = 6;

/// The shortest value of letters and digits that is looked for.
const MIN_MIXED_BYTES: usize = 8;

/// Whose words a text is, which decides what is looked for in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Names, states, addresses, versions and commands that the host and plugins made: only what
    /// announces itself is masked.
    Ours,
    /// What a plugin says: our own secrets too.
    Plugin,
    /// What anybody wrote (messages, logs, cells): also values of variables of other programs.
    Free,
}

/// Secret values in all their forms, but those that are easily guessed.
#[derive(Debug, Clone, Default)]
pub struct KnownValues {
    automaton: Option<AhoCorasick>,
    values: Vec<String>,
}

impl KnownValues {
    /// Those of these values that nobody guesses.
    #[must_use]
    pub fn new(values: &[String]) -> Self {
        let values: Vec<String> =
            values.iter().filter(|value| !is_guessable(value)).cloned().collect();
        let mut forms: Vec<String> = values.iter().flat_map(|value| forms(value)).collect();
        forms.retain(|form| !form.is_empty());
        forms.sort();
        forms.dedup();
        // Building fails only for automata of gigabytes.
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&forms)
            .ok()
            .filter(|_| !forms.is_empty());
        Self { automaton, values }
    }

    /// Whether these bytes may hold one.
    pub(crate) fn is_match(&self, bytes: &[u8]) -> bool {
        self.automaton.as_ref().is_some_and(|automaton| automaton.is_match(bytes))
    }

    /// Whether this is one as a whole.
    pub(crate) fn contains(&self, value: &str) -> bool {
        self.values.iter().any(|known| known == value)
    }

    /// The text with each of them masked; none where it holds none.
    #[must_use]
    pub fn mask(&self, text: &str) -> Option<String> {
        let found: Vec<Secret> = self.find(text).map(Secret::from).collect();
        (!found.is_empty()).then(|| replace_all(text, found))
    }

    /// Where they stand in a text.
    pub(crate) fn find<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
        let found = self.automaton.iter().flat_map(move |automaton| automaton.find_iter(text));
        found.map(|found| found.range()).filter(move |range| {
            let long = range.len() >= LONG_BYTES;
            (long || is_whole_word(text, range)) && !is_address(text, range)
        })
    }
}

/// Whether somebody would come upon this value without being told: short ones, words, words with a
/// number behind them, addresses and versions.
fn is_guessable(value: &str) -> bool {
    if value.len() < MIN_BYTES {
        return true;
    }
    if value.len() >= LONG_BYTES {
        return false;
    }
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/' | ' ');
    if !value.chars().all(|c| plain(c) || !c.is_ascii()) {
        return false;
    }
    let has = |wanted: fn(&char) -> bool| value.chars().any(|c| wanted(&c));
    let mixed = has(char::is_ascii_digit) && has(|c| c.is_alphabetic());
    !mixed || value.len() < MIN_MIXED_BYTES && !is_mixed_word(value) || is_numbered_word(value)
}

/// Letters and digits that take turns: `s3cret`.
fn is_mixed_word(value: &str) -> bool {
    let kinds = value.chars().map(|c| c.is_ascii_digit());
    let turns = kinds.clone().zip(kinds.skip(1)).filter(|(one, next)| one != next).count();
    turns > 1
}

/// `postgres18`, `postgres:17.2`, `mydb-1`, `v1.33`.
fn is_numbered_word(value: &str) -> bool {
    let number = |c: char| c.is_ascii_digit() || c == '.';
    let word = value.trim_end_matches(number).trim_end_matches(['-', '_', ':', '/', ' ', '.']);
    word.chars().all(|c| c.is_alphabetic())
}

/// Whether no letter or digit touches it.
fn is_whole_word(text: &str, range: &Range<usize>) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    let before = &text[..range.start];
    let begins = !before.ends_with(part) || ends_with_escape(before);
    begins && !text[range.end..].starts_with(part)
}

/// `\n` and `%20` are no part of the word behind them.
fn ends_with_escape(before: &str) -> bool {
    let bytes = before.as_bytes();
    let at = |back: usize| bytes.len().checked_sub(back).map(|at| bytes[at]);
    at(2) == Some(b'\\')
        || at(3) == Some(b'%')
        || at(6) == Some(b'\\') && at(5) == Some(b'u')
        || at(4) == Some(b'\\') && at(3) == Some(b'x')
}

/// Whether this is the scheme or the host of an address: `SCHEME://USER:…@HOST:PORT/…`.
fn is_address(text: &str, range: &Range<usize>) -> bool {
    if text[range.end..].starts_with("://") {
        return true;
    }
    let before = &text[..range.start];
    let begin = before.rfind(char::is_whitespace).map_or(0, |blank| blank + 1);
    let Some(authority) = before[begin..].rfind("://").map(|at| begin + at + 3) else {
        return false;
    };
    let end_of = |from: usize| {
        let end = text[from..].find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#'));
        end.map_or(text.len(), |end| from + end)
    };
    let end = end_of(authority);
    // What stands before the last `@` of the authority is its user and password.
    let host = text[authority..end].rfind('@').map_or(authority, |at| authority + at + 1);
    range.start >= host && range.end <= end && authority <= range.start
}

#[cfg(test)]
mod tests {
    use super::{KnownValues, is_guessable};

    #[test]
    fn words_numbers_and_versions_are_guessable() {
        for value in [
            "postgres",
            "toygres",
            "running",
            "healthy",
            "appdb",
            "localhost",
            "LoadBalancer",
            "toygres_cms",
            "health-monitor",
            "postgres:18",
            "postgres:17.2",
            "postgres18",
            "mydb-1",
            "127.0.0.1",
            "v1.33.2",
            "123456",
            "a1",
            "password1",
            "db.example.com",
        ] {
            assert!(is_guessable(value), "{value}");
        }
        for value in [
            "canary-url-1",
            "canary-7f3a1c",
            "s3cr&t\"x",
            "hunter2x9",
            "Tr0ub4dor",
            "p@ssword",
            "correct horse battery staple",
            "a-token-of-my-own-4711",
            "9f86d081884c",
        ] {
            assert!(!is_guessable(value), "{value}");
        }
    }

    #[test]
    fn a_value_is_found_as_a_word_and_in_no_host() {
        let known = KnownValues::new(&["db7.example1".to_owned(), "9f86d081".to_owned()]);
        for (text, found) in [
            ("it says 9f86d081.", 1),
            ("a\\n9f86d081", 1),
            ("a=%209f86d081&b", 1),
            ("health-9f86d0812", 0),
            ("x9f86d081", 0),
            ("postgres://u:9f86d081@h/d", 1),
            ("postgres://u:p@db7.example1:5432/d", 0),
            ("https://db7.example1/x", 0),
            ("https://h/9f86d081", 1),
            ("db7.example1 is down", 1),
        ] {
            assert_eq!(known.find(text).count(), found, "{text}");
        }
    }
}
