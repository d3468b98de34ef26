//! What `--verbose` adds: the facts of each component, each instance, each check, and what to do.

use super::answer::{Answer, InstanceFacts};
use super::instances::restarted;
use super::summary::{Line, lines, tone};
use crate::check::Outcome;
use toygres_model::time::words;
use toygres_plugin_api::report::{Block, Column, Kind, Rows, State, Step, Table, Tone};

/// Clocks that differ by less are taken for the same.
const CLOCK_TOLERANCE_MS: i64 = 5_000;
/// So many instances are told one by one.
const MOST: usize = 50;

/// The sections of the detailed checks.
pub(super) fn blocks(answer: &Answer) -> Vec<Block> {
    let lines = lines(answer);
    let mut sections: Vec<(&str, Vec<Block>)> = Vec::new();
    for line in lines.iter().filter(|line| line.category != "Data Plane") {
        let block = Block::steps([component(line)]);
        match sections.iter_mut().find(|(category, _)| *category == line.category) {
            Some((_, blocks)) => {
                blocks.push(Block::Blank);
                blocks.push(block);
            }
            None => sections.push((line.category, vec![block])),
        }
    }
    let instances = instances(answer);
    if !instances.is_empty() {
        sections.push(("Data Plane Instances", instances));
    }
    sections.into_iter().map(|(title, blocks)| Block::section(title, blocks)).collect()
}

/// Those that are not well, then the others, as far as somebody reads; how many are left is said.
fn instances(answer: &Answer) -> Vec<Block> {
    let mut all: Vec<&InstanceFacts> = answer.instances.iter().flatten().collect();
    all.sort_by_key(|one| rank(one));
    let shown = all.iter().take(MOST).enumerate().flat_map(|(n, one)| {
        let gap = (n > 0).then_some(Block::Blank);
        gap.into_iter().chain([Block::steps([instance(one)])])
    });
    let mut blocks: Vec<Block> = shown.collect();
    let left = all.iter().skip(MOST);
    let well = left.clone().filter(|one| tone_of(one) == Tone::Good).count();
    match (left.len(), left.len() - well) {
        (0, _) => {}
        (more, sick) => blocks.extend([
            Block::Blank,
            Block::text(format!(
                "and {more} more, {sick} of them not well or on their way: `-o json` has them all"
            )),
        ]),
    }
    blocks
}

/// `✓ CMS Database` with what is known of it, and what is wrong with it.
fn component(line: &Line<'_>) -> Step {
    let facts = line
        .checks
        .iter()
        .flat_map(|check| check.facts.iter().map(|(label, value)| format!("{label}: {value}")));
    let troubles = line.checks.iter().filter(|check| check.outcome() > Outcome::Ok);
    let troubles = troubles.map(|check| {
        format!("{} {}: {} ({})", check.code, check.outcome, check.summary, check.description)
    });
    let name = match (line.title, line.checks.iter().find_map(|check| check.headline.as_deref())) {
        ("Namespace Access", Some(name)) => format!("Namespace: {name}"),
        (title, _) => title.to_owned(),
    };
    let mut lines: Vec<String> = facts.chain(troubles).collect();
    if lines.is_empty() {
        lines.extend(Some(line.detail()).filter(|detail| !detail.is_empty()));
    }
    Step { tone: line.tone(), label: name, detail: None, lines }
}

fn instance(one: &InstanceFacts) -> Step {
    let mut lines = vec![
        format!("State: {} / Health: {}", one.state, one.health),
        format!("K8s: {}", objects(one)),
        format!("CMS: {}", record(one)),
    ];
    lines.extend(action(one).map(|action| format!("Action: {action}")));
    Step {
        tone: tone_of(one),
        label: format!("{} ({})", one.name, one.k8s_name),
        detail: None,
        lines,
    }
}

/// What can be done about an instance that is not well: only what is there can be looked into.
fn action(one: &InstanceFacts) -> Option<&'static str> {
    let running = one.state == "running";
    if one.state == "failed" {
        return Some("Read why it failed with `toygres get`, then delete it");
    }
    if running && one.stateful_set == Some(false) {
        let nothing = one.service == Some(false) && one.claim.is_none() && one.pod.is_none();
        return Some(if nothing {
            "All of its objects are gone; see what can be done with `toygres server drift`"
        } else {
            "Its StatefulSet is missing; see what can be done with `toygres server drift`"
        });
    }
    if running && one.pod.is_none() && one.stateful_set == Some(true) {
        return Some(
            "Find out why its StatefulSet has no pod, with `kubectl describe statefulset`",
        );
    }
    is_sick(one).then_some("Investigate pod logs or database issues")
}

fn is_sick(one: &InstanceFacts) -> bool {
    one.health == "unhealthy" || one.state == "failed"
}

/// Who is told first.
fn rank(one: &InstanceFacts) -> u8 {
    match tone_of(one) {
        Tone::Warn => 0,
        Tone::Bad => 1,
        Tone::Good => 3,
        _ => 2,
    }
}

fn tone_of(one: &InstanceFacts) -> Tone {
    match one.state.as_str() {
        _ if is_sick(one) => Tone::Warn,
        "running" if one.pod_ready == Some(false) || one.monitor_live == Some(false) => Tone::Bad,
        "running" => Tone::Good,
        _ => Tone::Active,
    }
}

fn objects(one: &InstanceFacts) -> String {
    let Some(stateful_set) = one.stateful_set else {
        return format!("not looked at: it is in the namespace {}", one.namespace);
    };
    let set = match (stateful_set, one.pod_ready) {
        (false, _) => "no StatefulSet",
        (true, Some(true)) => "StatefulSet ready",
        (true, _) => "StatefulSet not ready",
    };
    let pod = match (&one.pod, &one.pod_reason) {
        (None, _) => "no Pod".to_owned(),
        (Some(phase), None) => format!("Pod {}", phase.to_lowercase()),
        (Some(phase), Some(why)) => format!("Pod {} ({why})", phase.to_lowercase()),
    };
    let restarted =
        restarted(one.restarts, one.last_restart_ms, one.last_restart_reason.as_deref());
    let pod = match restarted {
        Some(restarted) => format!("{pod}, {restarted}"),
        None => pod,
    };
    let service = match (one.service, one.address) {
        (Some(true), Some(true)) => "Service has an address",
        (Some(true), _) => "Service has no address",
        _ => "no Service",
    };
    let claim = match &one.claim {
        None => "no PVC".to_owned(),
        Some(phase) => format!("PVC {}", phase.to_lowercase()),
    };
    format!("{set}, {pod}, {service}, {claim}")
}

fn record(one: &InstanceFacts) -> String {
    let monitor = match (one.state.as_str(), one.monitor_live) {
        ("running", Some(true)) => ", health monitor active",
        ("running", Some(false)) => ", no live health monitor",
        _ => "",
    };
    match (&one.check_error, one.checked_ms) {
        (Some(error), _) if one.health == "unhealthy" => {
            format!("Last health check failed ({error}){monitor}")
        }
        (_, Some(ms)) if ms < -CLOCK_TOLERANCE_MS => format!(
            "Checked at a time {} in the future, by a worker's clock that was ahead{monitor}",
            words(-ms)
        ),
        (Some(error), Some(ms)) if one.health == "unknown" => {
            format!("Could not be checked {} ago ({error}){monitor}", words(ms))
        }
        (_, Some(ms)) => format!("Checked {} ago{monitor}", words(ms)),
        (_, None) => match &one.message {
            Some(message) => format!("{message}{monitor}"),
            None => format!("Not checked yet{monitor}"),
        },
    }
}

/// All checks, one in a line.
pub(super) fn every_check(_answer: &Answer) -> Block {
    let state = |outcome: Outcome, label: &str| State::new(outcome.word(), label, tone(outcome));
    let states = vec![
        state(Outcome::Ok, "OK"),
        state(Outcome::Warning, "Warning"),
        state(Outcome::Failed, "Failed"),
        state(Outcome::Unknown, "Unknown"),
        state(Outcome::Skipped, "Skipped"),
    ];
    let columns = vec![
        Column::new("code", "CODE"),
        Column::new("outcome", "OUTCOME").kind(Kind::Status(states)),
        Column::new("description", "CHECK"),
        Column::new("summary", "FOUND").shrink(),
        Column::new("duration_ms", "TOOK").kind(Kind::Duration).wide(),
    ];
    let rows = Rows::At("/checks".to_owned());
    Block::section("Checks", [Block::Table(Table { columns, rows, empty: None })])
}

/// What to do about what is not well.
pub(super) fn recommendations(answer: &Answer) -> Option<Block> {
    let mut blocks = Vec::new();
    for (title, group) in answer.told() {
        let check = group[0];
        let mut text = format!("{title}: {}", check.summary);
        if !check.fix.is_empty() {
            text.push_str(" - investigate with:");
        }
        blocks.push(Block::remark(tone(check.outcome()), text));
        blocks.extend(check.fix.iter().map(|command| Block::text(format!("    {command}"))));
        if !check.docs.is_empty() {
            blocks.push(Block::text(format!("    ({})", check.docs)));
        }
    }
    (!blocks.is_empty()).then(|| Block::section("Recommendations", blocks))
}
