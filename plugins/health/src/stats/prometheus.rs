//! `stats` in Prometheus' text format: the same figures as gauges.

use super::facts::Facts;
use std::fmt::Write;

/// A document that grows family by family.
#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, help: &str) {
        // Writing to a text cannot fail, here and below.
        let _whole = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} gauge");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.0.push_str(name);
        for (n, (label, value)) in labels.iter().enumerate() {
            let before = if n == 0 { '{' } else { ',' };
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _whole = write!(self.0, "{before}{label}=\"{value}\"");
        }
        let after = if labels.is_empty() { "" } else { "}" };
        let _whole = writeln!(self.0, "{after} {value}");
    }

    /// A family of one sample.
    fn single(&mut self, name: &str, help: &str, value: f64) {
        self.family(name, help);
        self.sample(name, &[], value);
    }
}

const GB: f64 = 1024.0 * 1024.0 * 1024.0;

/// The whole document. What is not known is left out.
pub(crate) fn text(facts: &Facts) -> String {
    let mut text = Text::default();
    text.single(
        "toygres_stats_window_seconds",
        "How far back the figures of orchestrations and activities go.",
        facts.window_ms as f64 / 1000.0,
    );
    text.single(
        "toygres_stats_sampled_ratio",
        "The part of all executions that was looked at.",
        facts.sources.sampled_part,
    );
    instances(facts, &mut text);
    orchestrations(facts, &mut text);
    activities(facts, &mut text);
    rest(facts, &mut text);
    text.0
}

fn instances(facts: &Facts, text: &mut Text) {
    if let Some(states) = facts.instances {
        let name = "toygres_instances";
        text.family(name, "Database instances by state.");
        for (state, count) in [
            ("creating", states.creating),
            ("running", states.running),
            ("deleting", states.deleting),
            ("failed", states.failed),
        ] {
            text.sample(name, &[("state", state)], count as f64);
        }
    }
    if let Some(health) = facts.health {
        let name = "toygres_instances_health";
        text.family(name, "Running database instances by health.");
        for (state, count) in [
            ("healthy", health.healthy),
            ("unhealthy", health.unhealthy),
            ("unknown", health.unknown),
        ] {
            text.sample(name, &[("health", state)], count as f64);
        }
    }
    if let Some(storage) = facts.storage {
        text.single(
            "toygres_storage_provisioned_bytes",
            "Storage that running instances asked for.",
            storage.provisioned_gb as f64 * GB,
        );
    }
}

fn orchestrations(facts: &Facts, text: &mut Text) {
    let name = "toygres_orchestrations_started";
    text.family(name, "Orchestrations that began in the window, by type and status.");
    for one in &facts.orchestrations.by_type {
        for (status, count) in [
            ("completed", one.completed),
            ("failed", one.failed),
            ("cancelled", one.cancelled),
            ("running", one.running),
        ] {
            text.sample(name, &[("type", &one.kind), ("status", status)], count as f64);
        }
    }
    let name = "toygres_orchestrations_running";
    text.family(name, "Orchestrations that run now, by type.");
    for one in &facts.orchestrations.by_type {
        text.sample(name, &[("type", &one.kind)], one.running_now as f64);
    }
}

fn activities(facts: &Facts, text: &mut Text) {
    let found = &facts.activities.by_activity;
    let name = "toygres_activities";
    text.family(name, "Activities that ended in the window, by outcome.");
    for one in found {
        let succeeded = one.count - one.failed;
        for (outcome, count) in [("succeeded", succeeded), ("failed", one.failed)] {
            text.sample(name, &[("activity", &one.activity), ("outcome", outcome)], count as f64);
        }
    }
    let name = "toygres_activity_duration_seconds";
    text.family(name, "Run times of activities that ended in the window.");
    for one in found {
        for (quantile, ms) in [("0.5", one.p50_ms), ("0.95", one.p95_ms), ("0.99", one.p99_ms)] {
            if let Some(ms) = ms {
                let labels = [("activity", one.activity.as_str()), ("quantile", quantile)];
                text.sample(name, &labels, ms as f64 / 1000.0);
            }
        }
    }
    let name = "toygres_activity_duration_seconds_mean";
    text.family(name, "Their mean.");
    for one in found {
        if let Some(ms) = one.avg_ms {
            text.sample(name, &[("activity", &one.activity)], ms as f64 / 1000.0);
        }
    }
    let name = "toygres_activity_wait_seconds_mean";
    text.family(name, "How long they waited to be run, on average.");
    for one in found {
        if let Some(ms) = one.avg_wait_ms {
            text.sample(name, &[("activity", &one.activity)], ms as f64 / 1000.0);
        }
    }
}

fn rest(facts: &Facts, text: &mut Text) {
    if let (Some(active), Some(idle)) = (facts.workers.active, facts.workers.idle) {
        let name = "toygres_workers";
        text.family(name, "Live workers.");
        text.sample(name, &[("status", "active")], active as f64);
        text.sample(name, &[("status", "idle")], idle as f64);
    }
    text.single(
        "toygres_activities_processing",
        "Activities that are leased.",
        facts.workers.processing as f64,
    );
    text.single(
        "toygres_database_connections",
        "Connections of all toygres processes.",
        facts.database.pool_size as f64,
    );
    text.single(
        "toygres_database_active_queries",
        "Statements of toygres processes that run.",
        facts.database.active_queries as f64,
    );
}
