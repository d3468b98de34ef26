//! What a shell's script hands over: `completions SHELL --at N -- WORD…`.

use super::{Shell, quote};
use clap::{Arg, ValueEnum, value_parser};
use std::ffi::OsString;

/// The words of a command line, and which of them is being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(super) shell: Shell,
    /// The words up to the cursor as the shell has them, the program's name first, the one that is
    /// being typed last.
    words: Vec<String>,
}

/// The same for clap, which shows none of it.
pub(crate) fn arguments() -> [Arg; 2] {
    [
        Arg::new("at")
            .long("at")
            .value_name("N")
            .hide(true)
            .requires("words")
            .value_parser(value_parser!(usize)),
        Arg::new("words").value_name("WORD").hide(true).num_args(1..).last(true).requires("at"),
    ]
}

impl Asked {
    /// Reads it from what was typed, where it is that: by hand, since what a script hands over is
    /// half a command line, which may hold anything.
    pub(crate) fn read(argv: &[OsString]) -> Option<Self> {
        let typed: Vec<String> =
            argv.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
        let [command, shell, at, n, dashes, words @ ..] = typed.as_slice() else { return None };
        if command != "completions" || at != "--at" || dashes != "--" {
            return None;
        }
        let shell = Shell::from_str(shell, false).ok()?;
        let n: usize = n.parse().ok()?;
        let mut words: Vec<String> = words.iter().take(n.saturating_add(1)).cloned().collect();
        // Some shells drop an empty last word.
        if words.len() == n {
            words.push(String::new());
        }
        (words.len() == n.saturating_add(1) && n > 0).then_some(Self { shell, words })
    }

    /// The words without the shell's quotes.
    pub(super) fn typed(&self) -> Vec<String> {
        self.words.iter().map(|word| quote::taken_off(self.shell, word)).collect()
    }

    /// The word under the cursor, as it stands there.
    pub(super) fn begun(&self) -> &str {
        self.words.last().map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, Shell};
    use std::ffi::OsString;

    fn read(words: &[&str]) -> Option<Asked> {
        let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
        Asked::read(&argv)
    }

    #[test]
    fn the_word_under_the_cursor_is_the_last() {
        let asked =
            read(&["toygres", "completions", "zsh", "--at", "2", "--", "toygres", "a", "b", "c"]);
        let asked = asked.unwrap();
        assert_eq!(asked.shell, Shell::Zsh);
        assert_eq!(asked.typed(), ["toygres", "a", "b"]);
        let dropped = read(&["toygres", "completions", "powershell", "--at", "1", "--", "toygres"]);
        assert_eq!(dropped.unwrap().typed(), ["toygres", ""]);
    }

    #[test]
    fn anything_else_is_left_to_clap() {
        for words in [
            &["toygres", "completions", "bash"][..],
            &["toygres", "completions", "tcsh", "--at", "1", "--", "toygres", ""],
            &["toygres", "completions", "bash", "--at", "x", "--", "toygres", ""],
            &["toygres", "completions", "bash", "--at", "5", "--", "toygres", ""],
            &["toygres", "completions", "bash", "--at", "0", "--", "toygres"],
            &["toygres", "server", "bash", "--at", "1", "--", "toygres", ""],
        ] {
            assert_eq!(read(words), None, "{words:?}");
        }
    }
}
