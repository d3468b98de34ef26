//! The summary: one line for each component.

use super::answer::Answer;
use crate::check::{Component, Outcome};
use crate::run::Checked;
use toygres_plugin_api::report::{Block, Step, Tone};

/// A component with its checks, whoever brought them.
pub(super) struct Line<'a> {
    pub(super) category: &'a str,
    pub(super) title: &'a str,
    pub(super) checks: Vec<&'a Checked>,
}

/// One section for each category, in the order of the components.
pub(super) fn blocks(answer: &Answer) -> Vec<Block> {
    let lines = lines(answer);
    let mut sections: Vec<(&str, Vec<Step>)> = Vec::new();
    for line in &lines {
        let step = Step {
            tone: line.tone(),
            label: line.title.to_owned(),
            detail: Some(line.detail()),
            lines: Vec::new(),
        };
        match sections.iter_mut().find(|(category, _)| *category == line.category) {
            Some((_, steps)) => steps.push(step),
            None => sections.push((line.category, vec![step])),
        }
    }
    sections
        .into_iter()
        .map(|(category, steps)| Block::section(category, [Block::steps(steps)]))
        .collect()
}

/// The components that were checked.
pub(super) fn lines(answer: &Answer) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = Component::ALL
        .iter()
        .map(|one| Line { category: one.category(), title: one.title(), checks: Vec::new() })
        .collect();
    for check in &answer.checks {
        let place =
            |line: &&mut Line<'_>| line.category == check.category && line.title == check.component;
        match lines.iter_mut().find(place) {
            Some(line) => line.checks.push(check),
            None => lines.push(Line {
                category: &check.category,
                title: &check.component,
                checks: vec![check],
            }),
        }
    }
    lines.retain(|line| line.checks.iter().any(|check| check.outcome() != Outcome::Skipped));
    lines
}

impl Line<'_> {
    /// The worst of its checks; of two that are as bad, the first.
    fn worst(&self) -> Option<&Checked> {
        let worst = self.checks.iter().map(|check| check.outcome()).max()?;
        self.checks.iter().find(|check| check.outcome() == worst).copied()
    }

    pub(super) fn tone(&self) -> Tone {
        self.worst().map_or(Tone::Muted, |check| tone(check.outcome()))
    }

    /// What it is while all is well; else the worst finding with its code.
    pub(super) fn detail(&self) -> String {
        let headline = self.checks.iter().find_map(|check| check.headline.clone());
        let Some(worst) = self.worst() else { return String::new() };
        match worst.outcome() {
            Outcome::Ok | Outcome::Skipped => headline.unwrap_or_else(|| worst.summary.clone()),
            _ => {
                let others = self.checks.iter().filter(|one| one.outcome() > Outcome::Ok).count();
                let more = match others.saturating_sub(1) {
                    0 => String::new(),
                    more => format!(" (and {more} more)"),
                };
                format!("{} [{}]{more}", worst.summary, worst.code)
            }
        }
    }
}

/// The glyph of an outcome.
pub(super) fn tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Ok => Tone::Good,
        Outcome::Warning => Tone::Warn,
        Outcome::Failed => Tone::Bad,
        Outcome::Unknown | Outcome::Skipped => Tone::Muted,
    }
}
