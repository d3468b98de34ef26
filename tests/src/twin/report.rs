//! What was compared, a line of JSON each, written by many processes.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

/// How a comparison ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Both gave the same answer.
    Same,
    /// Each time the first build was asked it gave another answer itself.
    Unsettled,
    /// The other build's answer was another.
    Different,
}

/// One comparison.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// What was typed.
    pub args: Vec<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Exit code of the first build.
    pub code: Option<i32>,
    /// Both answers where they differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<String>,
}

impl Report {
    /// Adds it to the file, whole.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> crate::Result {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        let mut file = OpenOptions::new().append(true).create(true).open(path)?;
        Ok(file.write_all(&line)?)
    }

    /// All of a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(path: &Path) -> crate::Result<Vec<Self>> {
        let text = std::fs::read_to_string(path)?;
        Ok(text.lines().map(serde_json::from_str).collect::<serde_json::Result<_>>()?)
    }

    /// How many ended in which way.
    pub fn counted(all: &[Self]) -> BTreeMap<Outcome, usize> {
        all.iter().fold(BTreeMap::new(), |mut counted, one| {
            *counted.entry(one.outcome).or_default() += 1;
            counted
        })
    }
}
