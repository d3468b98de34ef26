//! Commands that the server runs for others: how many, how many wait, and which were refused.

use super::text::Text;
use std::collections::BTreeMap;

/// What holds at a moment, and what was counted so far.
#[derive(Debug, Default)]
pub(crate) struct CommandFigures {
    /// By class: how many run, and how many wait for their turn.
    pub(crate) classes: Vec<(&'static str, usize, usize)>,
    /// By reason.
    pub(crate) refused: Vec<(&'static str, u64)>,
    /// Commands that did not end when they were told to, by plugin.
    pub(crate) stuck: BTreeMap<String, usize>,
}

impl CommandFigures {
    pub(super) fn write(&self, text: &mut Text) {
        text.family("toygres_commands_running", "gauge", "Commands that run for clients.");
        for (class, running, _) in &self.classes {
            text.sample(&[("class", class)], *running as f64);
        }
        text.family("toygres_commands_queued", "gauge", "Commands that wait for their turn.");
        for (class, _, queued) in &self.classes {
            text.sample(&[("class", class)], *queued as f64);
        }
        let help = "Commands that were refused because the server was busy.";
        text.family("toygres_commands_refused_total", "counter", help);
        for (reason, count) in &self.refused {
            text.sample(&[("reason", reason)], *count as f64);
        }
        let help = "Commands that did not end when they were told to, by plugin.";
        text.family("toygres_commands_stuck", "gauge", help);
        for (plugin, count) in &self.stuck {
            text.sample(&[("plugin", plugin)], *count as f64);
        }
    }
}
