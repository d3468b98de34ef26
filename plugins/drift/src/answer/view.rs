//! The view of `drift`, as the specification shows it.

use super::{Answer, Difference, Drift, Resolution};
use crate::read::NotCompared;
use serde_json::Value;
use toygres_plugin_api::report::{Block, Tone};
use toygres_plugin_api::{Report, Result};

/// The rule below a numbered title.
const RULE: usize = 55;

pub(super) fn report(answer: &Answer, verbose: bool) -> Result<Report> {
    let mut report = Report::data(answer)?
        .block(Block::heading("Drift Detection"))
        .text(format!("Checking {}...", counted(answer.checked_instances, "instance")));
    report = if answer.drifts.is_empty() {
        clean(report, answer)
    } else {
        found(report, answer, verbose)
    };
    report = hanging(report, answer);
    report = other_versions(report, answer);
    if verbose {
        report = besides(report, answer);
    } else if !answer.ignored.is_empty() {
        let ignored = counted(answer.ignored.len(), "difference");
        report = report.text(format!("{ignored} ignored by rule; see them with --verbose"));
    }
    if !answer.drifts.is_empty() {
        let simple = (answer.simple_steps > 0)
            .then_some("Run with --auto-resolve to automatically fix simple issues.");
        let by_sync = |way: &&Resolution| way.command.starts_with("toygres server sync");
        let manual = answer.drifts.iter().flat_map(|drift| &drift.resolutions).find(by_sync);
        let manual = manual.map(|_| "Use 'toygres server sync' for manual reconciliation.");
        report = report.lines(simple.into_iter().chain(manual));
    }
    Ok(report)
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Deletions that hang, with the commands that show what holds them. They are no drift: somebody asked
/// for them.
fn hanging(report: Report, answer: &Answer) -> Report {
    let stuck = answer.in_flight.iter().flat_map(|moving| &moving.stuck);
    let lines = stuck.flat_map(|stuck| {
        [format!("- {}", stuck.text), format!("  See it with: {}", stuck.command)]
    });
    let lines: Vec<Block> = lines.map(Block::text).collect();
    if lines.is_empty() { report } else { report.block(Block::section("Stuck Deletions", lines)) }
}

fn other_versions(report: Report, answer: &Answer) -> Report {
    let lines: Vec<Block> = answer
        .other_versions
        .iter()
        .map(|it| {
            let (running, wanted) = (&it.running_version, &it.postgres_version);
            Block::text(format!("- {}: PostgreSQL {running} (requested {wanted})", it.k8s_name))
        })
        .collect();
    if lines.is_empty() { report } else { report.block(Block::section("Other Versions", lines)) }
}

fn clean(report: Report, answer: &Answer) -> Report {
    if answer.not_compared.iter().any(|it| it.needed) {
        let text = if nothing_compared(answer) {
            "Nothing could be compared: Kubernetes cannot be read"
        } else {
            "No drift in what could be compared"
        };
        return report.block(Block::remark(Tone::Muted, text));
    }
    report.block(Block::remark(Tone::Good, "No drift detected")).lines([
        "All CMS records match Kubernetes resources.",
        "All Kubernetes resources have corresponding CMS records.",
    ])
}

/// Nothing of the kinds that are compared could be listed, in any namespace.
fn nothing_compared(answer: &Answer) -> bool {
    let unread = answer.not_compared.iter().filter(|it| it.needed && it.source == "kubernetes");
    // StatefulSets, Services, claims and pods of each namespace.
    let kinds = unread.count();
    answer.checked_objects == 0 && kinds > 0 && kinds.is_multiple_of(4)
}

fn found(mut report: Report, answer: &Answer, verbose: bool) -> Report {
    let counted = counted(answer.drifts.len(), "drift");
    report = report.block(Block::remark(Tone::Warn, format!("{counted} detected")));
    for (n, drift) in answer.drifts.iter().enumerate() {
        report = report.lines(one(n + 1, drift, verbose));
    }
    let summary = &answer.summary;
    report.lines([
        "Drift Summary:".to_owned(),
        format!("  Orphaned K8s:      {}", summary.orphaned),
        format!("  Abandoned CMS:     {}", summary.abandoned),
        format!("  State Mismatch:    {}", summary.mismatch),
    ])
}

/// Lines below a numbered title.
struct Lines {
    margin: String,
    lines: Vec<String>,
}

impl Lines {
    fn titled(number: usize, title: &str) -> Self {
        let number = format!("{number}. ");
        let margin = " ".repeat(number.len());
        let mut lines = Self { lines: vec![format!("{number}{title}")], margin };
        lines.line(&rule_letter().repeat(RULE));
        lines
    }

    fn line(&mut self, text: &str) {
        let margin = if text.is_empty() { "" } else { &self.margin };
        self.lines.push(format!("{margin}{text}"));
    }

    fn field(&mut self, label: &str, value: &str) {
        self.line(&format!("{:<14}{value}", format!("{label}:")));
    }
}

fn one(number: usize, drift: &Drift, verbose: bool) -> Vec<String> {
    let mut lines = Lines::titled(number, title(drift));
    if drift.kind == "orphaned" {
        lines.field("K8s Name", &drift.k8s_name);
        lines.field("Namespace", &drift.namespace);
        lines.field("Resources", &resources(drift));
    } else {
        lines.field("Instance", drift.instance.as_deref().unwrap_or("-"));
        lines.field("K8s Name", &drift.k8s_name);
        if verbose {
            lines.field("Namespace", &drift.namespace);
            lines.field("Resources", &resources(drift));
        }
        lines.field("State", drift.state.as_deref().unwrap_or("-"));
    }
    if verbose {
        lines.field("Severity", &drift.severity);
        lines.field("Record", drift.id.as_deref().unwrap_or("-"));
        lines.field("Since", drift.since.as_deref().unwrap_or("not recorded"));
    }
    lines.field("Issue", &drift.issue);
    if verbose || drift.kind == "mismatch" {
        lines.line("");
        lines.line("Differences:");
        for difference in &drift.fields {
            lines.line(&format!("- {}", self::difference(difference)));
        }
    }
    lines.line("");
    lines.line("Possible Causes:");
    for cause in &drift.causes {
        lines.line(&format!("- {cause}"));
    }
    lines.line("");
    lines.line("Resolution Options:");
    let widest = drift.resolutions.iter().map(|way| way.what.len() + 1).max().unwrap_or(0).max(17);
    for way in &drift.resolutions {
        let what = format!("{}:", way.what);
        lines.line(&format!("- {what:<widest$} {}", way.command));
    }
    lines.lines
}

fn title(drift: &Drift) -> &'static str {
    match drift.kind.as_str() {
        "orphaned" => "Orphaned K8s Resources",
        "abandoned" => "Abandoned CMS Records",
        _ => "State Mismatch",
    }
}

/// Of the three that make an instance, those that are there and those that are not.
fn resources(drift: &Drift) -> String {
    let main = |name: &&String| matches!(name.as_str(), "StatefulSet" | "Service" | "PVC");
    let there: Vec<&str> = drift.resources.iter().filter(main).map(String::as_str).collect();
    let others = drift.resources.iter().filter(|name| !main(name)).map(String::as_str);
    match (there.as_slice(), drift.missing.as_slice()) {
        ([], []) => others.collect::<Vec<_>>().join(", "),
        ([], _) => {
            let others: Vec<&str> = others.collect();
            if others.is_empty() { "none".to_owned() } else { others.join(", ") }
        }
        (there, []) if there.len() == 3 => format!("{} (all present)", there.join(", ")),
        (there, []) => there.join(", "),
        (there, missing) => format!("{} ({} missing)", there.join(", "), missing.join(", ")),
    }
}

fn difference(difference: &Difference) -> String {
    let Difference { field, cms, kubernetes, workflows, reason, .. } = difference;
    let other = if workflows.is_null() {
        format!("Kubernetes {}", shown(field, kubernetes))
    } else {
        format!("duroxide {}", shown(field, workflows))
    };
    let reason = reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!("{field}: CMS {}, {other}{reason}", shown(field, cms))
}

fn shown(field: &str, value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) if text.is_empty() => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(bytes) if field.ends_with("_bytes") => in_gi(bytes),
        other => other.to_string(),
    }
}

fn in_gi(bytes: &serde_json::Number) -> String {
    const GI: i64 = toygres_model::drift::GI;
    match bytes.as_i64() {
        Some(bytes) if bytes % GI == 0 => format!("{}Gi", bytes / GI),
        _ => format!("{bytes} bytes"),
    }
}

/// What `--verbose` adds: all that is no drift, and why.
fn besides(mut report: Report, answer: &Answer) -> Report {
    let lines = |lines: Vec<String>| lines.into_iter().map(Block::text).collect::<Vec<_>>();
    let ignored = answer.ignored.iter().map(|it| {
        let until = it.until.as_ref().map(|until| format!(" until {until}")).unwrap_or_default();
        let reason = it.reason.as_deref().unwrap_or("no reason given");
        format!("- {} {} {}{until}: {reason}", it.kind, it.k8s_name, it.field)
    });
    report = report.block(Block::section("Ignored", lines(ignored.collect())));
    let moving = answer.in_flight.iter().map(|it| format!("- {}: {}", it.k8s_name, it.reason));
    report = report.block(Block::section("In Flight", lines(moving.collect())));
    let unread = answer
        .not_compared
        .iter()
        .map(|NotCompared { what, reason, .. }| format!("- {what}: {reason}"));
    report.block(Block::section("Not Compared", lines(unread.collect())))
}

/// The letter of a rule, in what the terminal can show.
fn rule_letter() -> &'static str {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(std::env::var_os);
    let locale = set.into_iter().find(|value| !value.is_empty()).unwrap_or_default();
    let locale = locale.to_string_lossy().to_ascii_lowercase();
    if locale.contains("utf-8") || locale.contains("utf8") { "━" } else { "-" }
}
