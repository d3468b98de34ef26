//! Candidates as lines: the value, and behind a tab what it is. Bash gets the value alone.

use super::{Asked, Shell, quote};
use clap_complete::engine::CompletionCandidate;
use std::collections::HashSet;
use toygres_plugin_api::text::is_hidden;

/// The longest help that is worth a column of a shell.
const HELP: usize = 120;

/// All candidates, each once.
pub(super) fn written(asked: &Asked, found: Vec<CompletionCandidate>) -> String {
    let mut seen = HashSet::new();
    let mut text = String::new();
    for candidate in &found {
        let value = candidate.get_value().to_string_lossy();
        // A line is a candidate and a tab ends its value: what holds either cannot be offered, and
        // nothing is put on somebody's line that cannot be seen there.
        if value.is_empty() || value.contains(is_hidden) || !seen.insert(value.to_string()) {
            continue;
        }
        let Some(quoted) = quote::put_on(asked.shell, asked.begun(), &value) else { continue };
        text.push_str(&quoted);
        if asked.shell != Shell::Bash
            && let Some(help) = help(candidate)
        {
            text.push('\t');
            text.push_str(&help);
        }
        text.push('\n');
    }
    text
}

/// The first line of the help.
fn help(candidate: &CompletionCandidate) -> Option<String> {
    let help = candidate.get_help()?.to_string();
    let line = help.lines().next()?.trim();
    let line: String = line.chars().filter(|letter| !is_hidden(*letter)).take(HELP).collect();
    (!line.is_empty()).then_some(line)
}
