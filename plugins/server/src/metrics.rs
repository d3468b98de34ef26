//! What `/metrics` tells, in Prometheus' text format.

mod commands;
mod connections;
mod process;
mod requests;
mod text;

pub(crate) use commands::CommandFigures;
pub(crate) use connections::ConnectionCounts;
pub(crate) use requests::Requests;

use crate::control::Figures;
use text::Text;

/// What this process did for clients.
pub(crate) struct Served<'a> {
    pub(crate) requests: &'a Requests,
    pub(crate) commands: CommandFigures,
    /// What was counted, and how many there are: general ones, and those for probes.
    pub(crate) connections: (&'a ConnectionCounts, (usize, usize)),
}

/// Everything that is known. `figures` are missing where the database does not answer.
pub(crate) fn text(figures: Option<&Figures>, ready: bool, served: &Served<'_>) -> String {
    let mut text = Text::default();
    text.family("toygres_build_info", "gauge", "What runs.");
    text.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    text.family("toygres_ready", "gauge", "Whether the server can do its work.");
    text.sample(&[], f64::from(u8::from(ready)));
    text.family("toygres_figures_up", "gauge", "Whether the database gave the figures below.");
    text.sample(&[], f64::from(u8::from(figures.is_some())));
    if let Some(figures) = figures {
        self::figures(figures, &mut text);
    }
    served.requests.write(&mut text);
    served.commands.write(&mut text);
    let (counts, open) = served.connections;
    counts.write(open, &mut text);
    process::write(&mut text);
    text.done()
}

fn figures(figures: &Figures, text: &mut Text) {
    text.family("toygres_instances", "gauge", "Database instances by state.");
    for (state, count) in &figures.instances {
        text.sample(&[("state", &state.to_string())], *count as f64);
    }
    text.family("toygres_instances_health", "gauge", "Live database instances by health.");
    for (health, count) in &figures.health {
        text.sample(&[("health", &health.to_string())], *count as f64);
    }
    text.family("toygres_orchestrations", "gauge", "Orchestrations by type and status.");
    for found in &figures.orchestrations {
        let labels = [("type", found.kind.as_str()), ("status", found.status.as_str())];
        text.sample(&labels, found.count as f64);
    }
    let queues = &figures.queues;
    text.family("toygres_queue_depth", "gauge", "Work items that wait, by queue.");
    for (queue, depth) in
        [("orchestrator", queues.orchestrator), ("worker", queues.worker), ("timer", queues.timer)]
    {
        text.sample(&[("queue", queue)], depth as f64);
    }
    text.family("toygres_queue_oldest_seconds", "gauge", "How long the oldest item has waited.");
    text.sample(&[], queues.oldest_ms as f64 / 1000.0);
    text.family("toygres_workers_live", "gauge", "Processes whose heartbeat is recent.");
    text.sample(&[], figures.workers_live as f64);
}
