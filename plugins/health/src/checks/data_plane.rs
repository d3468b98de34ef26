//! The instances: their records beside their objects and their monitors.
//!
//! Records and objects are read at different moments. What looks wrong is therefore looked up in a
//! second reading of the records, made after the objects were read: what changed meanwhile was on
//! its way, and is no finding.

use crate::check::{Finding, NAMED, Row, listed, orchestration, reason, row};
use crate::gather::Sources;
use crate::gather::instances::Instance;
use crate::report::instances::{View, views};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use toygres_model::time::{self, words};
use toygres_plugin_api::shell::ShellCommand;

pub(super) const ROWS: &[Row] = &[
    row!("TG0601", RunningInstances, Warning, "running instances are healthy", healthy),
    row!("TG0602", RunningInstances, Error, "running instances have a ready pod", pods),
    row!("TG0603", RunningInstances, Error, "running instances have an address", addresses),
    row!("TG0604", RunningInstances, Error, "running instances have their storage", storage),
    row!("TG0605", RunningInstances, Error, "running instances are watched over", monitors),
    row!("TG0606", RunningInstances, Warning, "health checks are recent", fresh),
    row!("TG0607", RunningInstances, Warning, "creations come to their end", creating),
    row!("TG0608", RunningInstances, Warning, "deletions come to their end", deleting),
    row!("TG0609", FailedInstances, Warning, "no instance has failed", failed),
    row!("TG0610", RunningInstances, Error, "no container fails again and again", crashing),
    row!("TG0611", Orphaned, Warning, "every object has a record", orphaned),
    row!("TG0612", Abandoned, Error, "every running instance has objects", abandoned),
];

/// Attempts of waiting for a pod, before a creation gives up.
const ATTEMPTS: i64 = 60;
/// A deletion that takes longer hangs.
const DELETING_MS: i64 = 900_000;
/// Checks that were missed until it is worth a warning.
const MISSED: i64 = 5;
/// Clocks that differ by less are taken for the same.
const CLOCK_TOLERANCE_MS: i64 = 5_000;
/// A container that was started again so often, and so recently, fails again and again.
const MANY_RESTARTS: i64 = 3;
const RECENT_RESTART_MS: i64 = 600_000;
/// A new instance is made and checked for the first time within this.
const NOT_YET_MS: i64 = 900_000;
/// Objects of an instance that is being made may be older than what was read of its record.
const NEW_MS: i64 = 60_000;
type Instances = Arc<Vec<Instance>>;

async fn records(sources: &Sources) -> Result<Instances, Finding> {
    sources.instances.clone().await.map_err(|error| Finding::cannot_tell(&error))
}

/// What is known of every instance on both sides.
async fn both(sources: &Sources) -> Result<Vec<View>, Finding> {
    views(sources).await.map_err(|error| Finding::cannot_tell(&error))
}

async fn healthy(sources: &Sources) -> Finding {
    let records = match records(sources).await {
        Ok(records) => records,
        Err(unknown) => return unknown,
    };
    let running: Vec<&Instance> = records.iter().filter(|one| one.state == "running").collect();
    let count = |health: &str| running.iter().filter(|one| one.health == health).count();
    let (well, ill, unsure) = (count("healthy"), count("unhealthy"), count("unknown"));
    let mut said = format!("{well} healthy, {ill} unhealthy");
    if unsure > 0 {
        said.push_str(&format!(", {unsure} not known"));
    }
    // One that was made a moment ago is checked soon; one whose check could not be made is not well.
    let blind = |one: &Instance| {
        one.health == "unknown" && (one.check_error.is_some() || one.age_ms > NOT_YET_MS)
    };
    let sick: Vec<&Instance> =
        running.iter().filter(|one| one.health == "unhealthy" || blind(one)).copied().collect();
    // Only what is there can be looked into; without Kubernetes nothing of it is known.
    let views = if sick.is_empty() { Vec::new() } else { views(sources).await.unwrap_or_default() };
    let has_pod = |one: &Instance| {
        let view = views.iter().find(|view| view.record.k8s_name == one.k8s_name);
        view.is_some_and(|view| view.pod_phase.is_some())
    };
    let names = || sick.iter().map(|one| one.k8s_name.as_str());
    let finding = match sick.first() {
        None => Finding::ok(said.clone()),
        Some(first) => Finding::warning(format!(
            "{said}: {}{}",
            listed(names()),
            first.check_error.as_deref().map(|error| format!(" ({error})")).unwrap_or_default()
        ))
        .fixes(sick.iter().take(NAMED).flat_map(|one| look_into(one, has_pod(one)))),
    };
    finding
        .headline(said)
        .see("healthy", well)
        .see("not_well", json!(names().collect::<Vec<_>>()))
        .see("unknown", unsure)
}

/// The command that shows an instance.
fn get(instance: &Instance) -> ShellCommand {
    ShellCommand::new("toygres get").arg(&instance.name)
}

/// The commands that show more of an instance: the log of its pod where it has one, and otherwise what
/// became of its objects.
fn look_into(instance: &Instance, has_pod: bool) -> [String; 2] {
    let second = if has_pod {
        ShellCommand::new("kubectl logs")
            .option("-n", &instance.namespace)
            .arg(format!("{}-0", instance.k8s_name))
            .into()
    } else {
        "toygres server drift --verbose".to_owned()
    };
    [get(instance).into(), second]
}

/// Running instances about which something is wrong, in a first and in a second look.
async fn wrong(
    sources: &Sources,
    good: &str,
    bad: &str,
    judge: impl Fn(&View) -> Option<String>,
) -> Finding {
    let views = match both(sources).await {
        Ok(views) => views,
        Err(unknown) => return unknown,
    };
    let running = views.iter().filter(|view| view.record.state == "running");
    let mut found: Vec<(&View, String)> = running
        .filter(|view| !view.is_abandoned())
        .filter_map(|view| judge(view).map(|why| (view, why)))
        .collect();
    if !found.is_empty() {
        let still = match still_running(sources).await {
            Ok(still) => still,
            Err(unknown) => return unknown,
        };
        found.retain(|(view, _)| still.contains(&view.record.k8s_name));
    }
    let elsewhere = views.iter().filter(|view| view.elsewhere).count();
    let details: Vec<_> = found
        .iter()
        .map(|(view, why)| json!({"instance": view.record.k8s_name, "reason": why}))
        .collect();
    let finding = match found.first() {
        None => Finding::ok(good),
        Some((first, why)) => Finding::failed(format!(
            "{bad}: {}; {}: {why}",
            listed(found.iter().map(|(view, _)| view.record.k8s_name.as_str())),
            first.record.k8s_name,
        ))
        .fixes(found.iter().take(NAMED).map(|(view, _)| {
            let Instance { namespace, k8s_name, .. } = &view.record;
            ShellCommand::new("kubectl get statefulset,pod,service,pvc")
                .option("-n", namespace)
                .option("-l", format!("instance={k8s_name}"))
        })),
    };
    finding.see("instances", json!(details)).see("in_other_namespaces", elsewhere)
}

async fn still_running(sources: &Sources) -> Result<BTreeSet<String>, Finding> {
    let again = sources.instances_again.clone().await;
    let again = again.map_err(|error| Finding::cannot_tell(&error))?;
    let running = again.iter().filter(|one| one.state == "running");
    Ok(running.map(|one| one.k8s_name.clone()).collect())
}

async fn pods(sources: &Sources) -> Finding {
    wrong(sources, "each has one", "without a ready pod", |view| {
        if view.elsewhere || view.pod_ready {
            return None;
        }
        Some(match (view.stateful_set, &view.pod_phase) {
            (false, _) => "it has no stateful set".to_owned(),
            (true, None) => "it has no pod".to_owned(),
            (true, Some(phase)) => {
                let why = view.pod_reason.as_deref().unwrap_or("not ready");
                format!("its pod is {}: {why}", phase.to_lowercase())
            }
        })
    })
    .await
}

async fn addresses(sources: &Sources) -> Finding {
    wrong(sources, "each has one", "without an address", |view| {
        if view.elsewhere || view.address {
            return None;
        }
        Some(if view.service {
            "its service has no address".to_owned()
        } else {
            "it has no service".to_owned()
        })
    })
    .await
}

async fn storage(sources: &Sources) -> Finding {
    wrong(sources, "each claim is bound", "without their storage", |view| {
        if let Some(deletion) = view.claim_deletion.as_ref().filter(|_| !view.elsewhere) {
            return Some(format!("its claim is {deletion}; its data goes when its pod ends"));
        }
        if view.elsewhere || view.claim.as_deref() == Some("Bound") {
            return None;
        }
        Some(match &view.claim {
            None => "it has no claim".to_owned(),
            Some(phase) => format!("its claim is {}", phase.to_lowercase()),
        })
    })
    .await
}

async fn crashing(sources: &Sources) -> Finding {
    wrong(sources, "none does", "containers fail", |view| {
        if view.is_container_failing {
            return view.pod_reason.clone();
        }
        let recent = view.last_restart_ms.is_some_and(|age| age < RECENT_RESTART_MS);
        (view.restarts >= Some(MANY_RESTARTS) && recent).then(|| view.restarted()).flatten()
    })
    .await
}

async fn monitors(sources: &Sources) -> Finding {
    let records = match records(sources).await {
        Ok(records) => records,
        Err(unknown) => return unknown,
    };
    let running: Vec<&Instance> = records
        .iter()
        .filter(|one| {
            one.state == "running"
                && one.unchanged_ms > 2 * sources.settings.ready_interval_ms.min(NEW_MS)
        })
        .collect();
    if running.iter().any(|one| one.monitor_live.is_none()) {
        return Finding::unknown("the workflows' records cannot be read");
    }
    let alone: Vec<&str> = running
        .iter()
        .filter(|one| one.monitor_live == Some(false))
        .map(|one| one.k8s_name.as_str())
        .collect();
    // A timer that a worker set by a fast clock: its monitor lives, and looks at nothing for that long.
    let patience = (MISSED * sources.settings.monitor_interval_ms).max(NEW_MS);
    let asleep: Vec<&Instance> = running
        .iter()
        .filter(|one| one.monitor_live == Some(true))
        .filter(|one| one.monitor_next_ms.is_some_and(|next| next > patience))
        .copied()
        .collect();
    let sleeping: Vec<&str> = asleep.iter().map(|one| one.k8s_name.as_str()).collect();
    let finding = match alone.first() {
        None if !asleep.is_empty() => {
            let first = asleep[0];
            let next = words(first.monitor_next_ms.unwrap_or_default());
            let monitor = first.monitor.as_deref().unwrap_or_default();
            Finding::failed(format!(
                "the next check is {next} away, because a worker's clock was ahead when it was set: {}",
                listed(sleeping.iter().copied())
            ))
            .fix(orchestration(monitor).flag("--pending"))
            .fix(ShellCommand::new("toygres server cancel").arg(monitor).flag("--force"))
            .fix("toygres server drift --auto-resolve --force")
        }
        None => Finding::ok("each has a live monitor"),
        Some(first) => {
            Finding::failed(format!("no live monitor: {}", listed(alone.iter().copied())))
                .fix(orchestration(&format!("health-{first}")))
                .fix("toygres server drift")
        }
    };
    finding.see("instances", json!(alone)).see("asleep", json!(sleeping))
}

async fn fresh(sources: &Sources) -> Finding {
    let records = match records(sources).await {
        Ok(records) => records,
        Err(unknown) => return unknown,
    };
    let patience = (MISSED * sources.settings.monitor_interval_ms).max(NEW_MS);
    let old = |one: &&Instance| one.checked_ms.unwrap_or(one.age_ms) > patience;
    let running = || records.iter().filter(|one| one.state == "running");
    let stale: Vec<&Instance> = running().filter(old).collect();
    let ahead: Vec<&Instance> = running()
        .filter(|one| one.checked_ms.is_some_and(|age| age < -CLOCK_TOLERANCE_MS))
        .collect();
    let names: Vec<&str> = ahead.iter().map(|one| one.k8s_name.as_str()).collect();
    let finding = match stale.first() {
        None if !ahead.is_empty() => {
            let most = ahead.iter().filter_map(|one| one.checked_ms).min().unwrap_or_default();
            Finding::warning(format!(
                "the last check is dated up to {} in the future, by a worker's clock that was ahead: {}",
                words(-most),
                listed(names.iter().copied())
            ))
            .fix(get(ahead[0]))
        }
        None => Finding::ok(format!("none is older than {}", words(patience))),
        Some(first) => Finding::warning(format!(
            "not checked for {}: {}",
            words(first.checked_ms.unwrap_or(first.age_ms)),
            listed(stale.iter().map(|one| one.k8s_name.as_str()))
        ))
        .fix(match &first.monitor {
            Some(monitor) => orchestration(monitor).into(),
            None => "toygres server orchestrations --type health-monitor".to_owned(),
        }),
    };
    let stale: Vec<&str> = stale.iter().map(|one| one.k8s_name.as_str()).collect();
    finding
        .see("instances", json!(stale))
        .see("in_the_future", json!(names))
        .see("patience_ms", patience)
}

async fn creating(sources: &Sources) -> Finding {
    // Each attempt may itself wait for Kubernetes.
    let patience = ATTEMPTS * sources.settings.ready_interval_ms + 300_000;
    unfinished(sources, "creating", patience).await
}

async fn deleting(sources: &Sources) -> Finding {
    unfinished(sources, "deleting", DELETING_MS).await
}

/// In a state that should pass: for too long, or with nobody at it.
async fn unfinished(sources: &Sources, state: &str, patience: i64) -> Finding {
    let records = match records(sources).await {
        Ok(records) => records,
        Err(unknown) => return unknown,
    };
    let all: Vec<&Instance> = records.iter().filter(|one| one.state == state).collect();
    let why = |one: &Instance| {
        if one.unchanged_ms > NEW_MS && one.work_live == Some(false) {
            return Some("no orchestration works on it".to_owned());
        }
        (one.unchanged_ms > patience).then(|| format!("for {}", words(one.unchanged_ms)))
    };
    let late: Vec<(&Instance, String)> =
        all.iter().filter_map(|one| why(one).map(|why| (*one, why))).collect();
    let finding = match late.first() {
        None => Finding::ok(format!("{} {state}", all.len())),
        Some((first, why)) => Finding::warning(format!(
            "still {state}: {}; {}: {why}",
            listed(late.iter().map(|(one, _)| one.k8s_name.as_str())),
            first.k8s_name
        ))
        .fix(get(first))
        .fix(ShellCommand::new("toygres server orchestrations").option("--instance", &first.name)),
    };
    let details: Vec<_> =
        late.iter().map(|(one, why)| json!({"instance": one.k8s_name, "reason": why})).collect();
    finding.see("instances", json!(details)).see("count", all.len())
}

async fn failed(sources: &Sources) -> Finding {
    let records = match records(sources).await {
        Ok(records) => records,
        Err(unknown) => return unknown,
    };
    let failed: Vec<&Instance> = records.iter().filter(|one| one.state == "failed").collect();
    let details: Vec<_> =
        failed.iter().map(|one| json!({"instance": one.k8s_name, "reason": one.message})).collect();
    let finding = match failed.first() {
        None => Finding::ok("none").headline("0 (no action needed)"),
        Some(first) => Finding::warning(format!(
            "{}: {}; {}: {}",
            failed.len(),
            listed(failed.iter().map(|one| one.k8s_name.as_str())),
            first.k8s_name,
            first.message.as_deref().unwrap_or("no reason was recorded")
        ))
        .fix(get(first))
        .fix(ShellCommand::new("toygres delete").arg(&first.name)),
    };
    finding.see("instances", json!(details))
}

async fn orphaned(sources: &Sources) -> Finding {
    let records = match records(sources).await {
        Ok(records) => records,
        Err(unknown) => return unknown,
    };
    let cluster = &sources.cluster;
    let mut owners: BTreeSet<String> = BTreeSet::new();
    let now = jiff::Timestamp::now().as_millisecond();
    for objects in [
        cluster.stateful_sets.clone().await,
        cluster.services.clone().await,
        cluster.claims.clone().await,
    ] {
        let objects = match objects {
            Ok(objects) => objects,
            Err(error) => return Finding::unknown(reason(&error)),
        };
        for object in objects.iter().filter(|object| !object.is_going()) {
            let made = object.metadata.creation_timestamp.as_deref().and_then(time::parse);
            let is_new = made.is_some_and(|made| now - made < NEW_MS);
            if let Some(owner) = object.instance().filter(|_| !is_new) {
                owners.insert(owner.to_owned());
            }
        }
    }
    for record in records.iter() {
        owners.remove(&record.k8s_name);
    }
    if !owners.is_empty() {
        match sources.instances_again.clone().await {
            Err(error) => return Finding::cannot_tell(&error),
            Ok(again) => owners.retain(|owner| again.iter().all(|one| one.k8s_name != *owner)),
        }
    }
    let finding = match owners.first() {
        None => Finding::ok("0").headline("0 (K8s resources without CMS record)"),
        Some(_) => Finding::warning(format!(
            "{} (K8s resources without CMS record): {}",
            owners.len(),
            listed(owners.iter().map(String::as_str))
        ))
        .fix("toygres server drift"),
    };
    finding.see("count", owners.len()).see("instances", json!(owners))
}

async fn abandoned(sources: &Sources) -> Finding {
    let views = match both(sources).await {
        Ok(views) => views,
        Err(unknown) => return unknown,
    };
    let mut gone: Vec<&View> =
        views.iter().filter(|view| view.record.state == "running" && view.is_abandoned()).collect();
    if !gone.is_empty() {
        match still_running(sources).await {
            Err(unknown) => return unknown,
            Ok(still) => gone.retain(|view| still.contains(&view.record.k8s_name)),
        }
    }
    let names: Vec<&str> = gone.iter().map(|view| view.record.k8s_name.as_str()).collect();
    let finding = match names.first() {
        None => Finding::ok("0").headline("0 (CMS records without K8s resources)"),
        Some(_) => Finding::failed(format!(
            "{} (CMS records without K8s resources): {}",
            names.len(),
            listed(names.iter().copied())
        ))
        .fix("toygres server drift"),
    };
    finding.see("count", names.len()).see("instances", json!(names))
}
