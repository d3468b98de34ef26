//! The quotes of shells: off what was typed, onto what is offered.

use super::Shell;

/// A word without its shell's quotes, as far as it is typed. Only scripts that hand over words as
/// they stand on the line need it.
pub(super) fn taken_off(shell: Shell, word: &str) -> String {
    match shell {
        Shell::Bash => posix(word),
        Shell::Zsh | Shell::Fish | Shell::Powershell | Shell::Elvish => word.to_owned(),
    }
}

/// `'…'`, `"…"` and backslashes. A quote that was not closed yet goes to the end.
fn posix(word: &str) -> String {
    let mut plain = String::new();
    let mut within = None;
    let mut letters = word.chars().peekable();
    while let Some(letter) = letters.next() {
        match (within, letter) {
            (None, '\'' | '"') => within = Some(letter),
            (Some(quote), _) if letter == quote => within = None,
            (None, '\\') => plain.extend(letters.next()),
            (Some('"'), '\\') => {
                match letters.next_if(|next| matches!(next, '"' | '\\' | '$' | '`')) {
                    Some(escaped) => plain.push(escaped),
                    None => plain.push('\\'),
                }
            }
            _ => plain.push(letter),
        }
    }
    plain
}

/// A candidate as it is put on the line. Shells that quote by themselves get it as it is, and so
/// does a word whose quote is still open.
pub(super) fn put_on(shell: Shell, begun: &str, value: &str) -> String {
    if shell != Shell::Bash || begun.starts_with(['\'', '"']) {
        return value.to_owned();
    }
    let mut quoted = String::new();
    for (n, letter) in value.chars().enumerate() {
        // At the beginning, and there alone, a tilde is the home folder.
        let home = letter == '~' && n == 0;
        let plain = letter.is_alphanumeric() || "_-./:=@%+,^".contains(letter);
        if !(plain || home) {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::{Shell, put_on, taken_off};
    use proptest::prelude::*;

    #[test]
    fn quotes_are_taken_off_up_to_the_cursor() {
        for (typed, plain) in [
            ("plain", "plain"),
            ("'a b'c", "a bc"),
            ("\"a \\\"b\\\" \\n\"", "a \"b\" \\n"),
            ("a\\ b", "a b"),
            ("'open", "open"),
            ("\"open", "open"),
            ("a\\", "a"),
        ] {
            assert_eq!(taken_off(Shell::Bash, typed), plain, "{typed}");
        }
    }

    proptest! {
        #[test]
        fn what_is_put_on_the_line_is_read_as_the_value(value in "[^\\n]{0,20}") {
            let line = put_on(Shell::Bash, "", &value);
            prop_assert_eq!(taken_off(Shell::Bash, &line), value);
        }
    }
}
