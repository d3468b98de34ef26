//! Two builds behind one name: every command that a suite runs and that only reads is answered by
//! the one, and the other has to give the same answer, byte by byte.
//!
//! Between two runs the world goes on, and so an answer may change by itself. A difference counts
//! when the first build gives the same answer before and after the other's.

mod report;
mod run;
mod settled;

pub use report::{Outcome, Report};
pub use run::{Ran, again, first};
pub use settled::{Side, settled};

use serde::Deserialize;
use std::path::{Path, PathBuf};

/// What the twin is made of: a file beside it, since the suites clear the environment.
#[derive(Debug, Deserialize)]
pub struct Twins {
    /// The build that opens its plugins; what it answers is the answer.
    pub opening: PathBuf,
    /// The build that has them linked in.
    pub linked: PathBuf,
    /// Where the first one's plugins lie.
    pub plugins: PathBuf,
    /// Where what was compared is written, a line each.
    pub report: PathBuf,
    /// The commands that only read.
    pub reading: Vec<Reading>,
}

/// A command that only reads.
#[derive(Debug, Deserialize)]
pub struct Reading {
    /// How it is typed: `["server", "health"]`.
    pub words: Vec<String>,
    /// Options with which it does more: `--watch`, and those that change or write something.
    pub unless: Vec<String>,
}

impl Twins {
    /// Reads the file beside the program.
    ///
    /// # Errors
    /// When it is not there or says something else.
    pub fn read(program: &Path) -> crate::Result<Self> {
        let path = program.with_extension("json");
        let text = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(serde_json::from_slice(&text)?)
    }

    /// Whether what was typed can be run twice without doing anything twice.
    pub fn only_read(&self, args: &[String]) -> bool {
        let help = |arg: &String| matches!(arg.as_str(), "--help" | "-h" | "--version" | "-V");
        if args.is_empty() || args.iter().any(help) {
            return true;
        }
        if matches!(args[0].as_str(), "completions" | "help") {
            return true;
        }
        let typed = |reading: &&Reading| args.starts_with(&reading.words);
        let Some(reading) = self.reading.iter().find(typed) else { return false };
        !args.iter().any(|arg| reading.unless.iter().any(|option| is(arg, option)))
    }
}

/// `--watch`, `--watch=1s`, `-w` and `-w1s` are the same option.
fn is(arg: &str, option: &str) -> bool {
    match arg.strip_prefix(option) {
        Some(rest) => rest.is_empty() || rest.starts_with('=') || !option.starts_with("--"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Reading, Twins};

    #[test]
    fn only_what_reads_is_run_twice() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let twins = Twins {
            opening: "a".into(),
            linked: "b".into(),
            plugins: "c".into(),
            report: "d".into(),
            reading: vec![Reading { words: words("server logs"), unless: words("--follow -f") }],
        };
        let only_read = |line: &str| twins.only_read(&words(line));
        assert!(only_read("server logs --lines 5"));
        assert!(only_read("server start --help"));
        assert!(only_read("completions bash"));
        for line in ["server logs -f", "server logs --follow", "server start", "create x"] {
            assert!(!only_read(line), "{line}");
        }
    }
}
