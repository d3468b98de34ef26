//! Steps for what was found.

use super::{Action, Left, Plan, Step, import};
use crate::read::Sides;
use crate::settings::Settings;
use toygres_model::drift::{Field, Finding, GI, Group, Kind, Piece, Record, bytes};
use toygres_model::instance::State;
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Error, Result};

/// With fewer instances, all of them may well be gone.
const FEW: usize = 2;

/// A plan for what can be resolved. `instances` is how many the CMS has.
pub(crate) fn of_findings(
    findings: &[Finding],
    sides: &Sides,
    instances: usize,
    settings: &Settings,
) -> Plan {
    let abandoned = findings.iter().filter(|finding| finding.kind == Kind::Abandoned).count();
    let all_gone = abandoned >= FEW && abandoned == instances;
    let mut plan = Plan::default();
    for finding in findings {
        let record = record(sides, &finding.k8s_name);
        match finding.kind {
            Kind::Orphaned => orphan(&mut plan, finding, sides, settings),
            Kind::Abandoned if all_gone => plan.leave(
                finding,
                "nothing is there of any instance: this may be another cluster; mark each as \
                 deleted by `toygres server sync --mark-deleted NAME` if it is not",
            ),
            Kind::Abandoned => match record.map(|record| gone(record, sides)) {
                Some(Ok(step)) => plan.steps.push(step),
                Some(Err(error)) => plan.leave(finding, &error.message),
                None => plan.leave(finding, "its record is gone"),
            },
            Kind::Mismatch => match record {
                Some(record) => mismatch(&mut plan, finding, record, sides, settings),
                None => plan.leave(finding, "its record is gone"),
            },
        }
    }
    plan
}

fn record<'a>(sides: &'a Sides, k8s_name: &str) -> Option<&'a Record> {
    sides.records.iter().find(|record| record.k8s_name == k8s_name)
}

impl Plan {
    fn leave(&mut self, finding: &Finding, reason: &str) {
        let fields = finding.fields.iter().map(|field| field.field.to_owned()).collect();
        self.left.push(Left {
            kind: finding.kind.word().to_owned(),
            k8s_name: finding.k8s_name.clone(),
            fields,
            reason: reason.to_owned(),
        });
    }
}

/// A plan that marks one instance as deleted; an empty one where it is so already.
///
/// # Errors
/// `failed` where something of it is there, or an orchestration is at it.
pub(crate) fn mark_deleted(record: &Record, sides: &Sides) -> Result<Plan> {
    if record.state == State::Deleted {
        return Ok(Plan::default());
    }
    let steps = vec![gone(record, sides)?];
    Ok(Plan { steps, ..Plan::default() }.observed_in(sides))
}

/// The command that shows an orchestration.
pub(super) fn orchestration(id: &str) -> ShellCommand {
    ShellCommand::new("toygres server orchestration").arg(id)
}

/// The step for a record of which nothing is there.
fn gone(record: &Record, sides: &Sides) -> Result<Step> {
    let k8s_name = &record.k8s_name;
    if let Some(id) = sides.live.as_ref().and_then(|live| live.work_on(record)) {
        return Err(Error::failed(format!("`{id}` is at work on `{k8s_name}`"))
            .hint(format!("wait for it, or see `{}`", orchestration(id))));
    }
    let nothing = Group::default();
    let group = sides.cluster.group(&record.namespace, k8s_name).unwrap_or(&nothing);
    if !group.is_gone() || group.pod.is_some() {
        let there: Vec<&str> = group.present().iter().map(|piece| piece.label()).collect();
        return Err(Error::failed(format!(
            "`{k8s_name}` is no abandoned record: there still are {}",
            there.join(", ")
        ))
        .hint(format!(
            "see what is wrong with `toygres server drift`; `{}` takes all of it away, its data \
             volume too",
            ShellCommand::new("toygres delete").arg(k8s_name)
        )));
    }
    Ok(step(record, Kind::Abandoned, Action::MarkDeleted))
}

/// A step about a record.
pub(super) fn step(record: &Record, kind: Kind, action: Action) -> Step {
    Step {
        k8s_name: record.k8s_name.clone(),
        namespace: record.namespace.clone(),
        instance: record.user_name.clone(),
        id: record.id.clone(),
        state: record.state.word().to_owned(),
        kind: kind.word().to_owned(),
        action,
    }
}

fn orphan(plan: &mut Plan, finding: &Finding, sides: &Sides, settings: &Settings) {
    if !finding.missing.is_empty() || finding.resources.is_empty() {
        return plan.leave(finding, "only a part of an instance is there; nothing is deleted here");
    }
    let wanted =
        import::Wanted { k8s_name: &finding.k8s_name, namespace: &finding.namespace, name: None };
    match import::steps(&wanted, sides, settings, false) {
        Ok(steps) => plan.steps.extend(steps),
        Err(error) => plan.leave(finding, &error.message),
    }
}

fn mismatch(
    plan: &mut Plan,
    finding: &Finding,
    record: &Record,
    sides: &Sides,
    settings: &Settings,
) {
    let nothing = Group::default();
    let group = sides.cluster.group(&record.namespace, &record.k8s_name).unwrap_or(&nothing);
    let mut left = Vec::new();
    for field in &finding.fields {
        match actions(field, record, group, sides, settings) {
            Some(actions) => {
                for action in actions {
                    let step = step(record, Kind::Mismatch, action);
                    if !plan.steps.contains(&step) {
                        plan.steps.push(step);
                    }
                }
            }
            None => left.push(field.clone()),
        }
    }
    if !left.is_empty() {
        let rest = Finding { fields: left, ..finding.clone() };
        let reason = reason(&rest, settings);
        plan.leave(&rest, &reason);
    }
}

/// Why a drift is left, with what can be done about it.
fn reason(rest: &Finding, settings: &Settings) -> String {
    let ways = toygres_model::drift::resolutions(rest).into_iter();
    let ways = ways.filter(|(_, command)| command != "toygres server sync");
    let ways = ways.map(|(what, command)| format!("{what}: {}", settings.kubectl.aimed(&command)));
    let ways: Vec<String> = ways.collect();
    if ways.is_empty() {
        return "needs a decision".to_owned();
    }
    format!("needs a decision: {}", ways.join("; "))
}

/// What makes a lost StatefulSet again: the record names its version, the claim has its data, and
/// its Secret the password, without which no pod starts.
pub(super) fn make_stateful_set(
    record: &Record,
    group: &Group,
    settings: &Settings,
) -> Option<Action> {
    let has_claim = group.claim.as_ref().is_some_and(|claim| !claim.object.is_terminating());
    if group.set.is_some() || !has_claim {
        return None;
    }
    let image = settings.images.first()?;
    let version = record.version.clone();
    let image = toygres_model::kubernetes::image(image, &version);
    Some(Action::MakeStatefulSet { version, image })
}

/// What resolves a field; none where that is not ours to decide.
fn actions(
    field: &Field,
    record: &Record,
    group: &Group,
    sides: &Sides,
    settings: &Settings,
) -> Option<Vec<Action>> {
    let live = sides.live.as_ref()?;
    match field.field {
        "external_ip" | "host" | "port" => {
            let service = group.service.as_ref()?;
            let host = service.address(&[record.address(), record.host.as_deref()]);
            Some(vec![Action::RecordAddress {
                host: host.filter(|_| record.load_balancer).map(str::to_owned),
                port: service.postgres_port(group.set.as_ref())?.port,
                load_balancer: record.load_balancer,
                probe: service.cluster_ip.clone().filter(|_| !record.load_balancer),
            }])
        }
        "statefulset" => {
            let make = make_stateful_set(record, group, settings)?;
            match &group.secret {
                Some(secret) if secret.is_terminating() => None,
                Some(_) => Some(vec![make]),
                // Old deployments have the password in the record, and no Secret.
                None if record.keeps_password => Some(vec![Action::RestoreSecret, make]),
                None => None,
            }
        }
        "storage_bytes" => {
            let there = bytes(group.claim.as_ref()?.storage.as_deref()?)?;
            // The CMS holds whole Gi in 32 bits.
            let whole = there > 0 && there % GI == 0 && i32::try_from(there / GI).is_ok();
            whole.then(|| vec![Action::RecordStorage { storage_gb: there / GI }])
        }
        "monitor" => Some(vec![Action::StartMonitor]),
        "monitor_id" => {
            let monitor = live.monitor(&record.k8s_name, record.monitor_id.as_deref())?.to_owned();
            Some(vec![Action::RecordMonitor { monitor }])
        }
        "service" if group.service.is_none() => Some(vec![Action::MakeService {
            load_balancer: record.load_balancer,
            dns_label: record.dns_label().map(str::to_owned),
        }]),
        "labels" => Some(labels(record, group)),
        _ => None,
    }
}

fn labels(record: &Record, group: &Group) -> Vec<Action> {
    let wrong = |object: &toygres_model::drift::Object| {
        object.app.as_deref() != Some("postgres")
            || object.instance.as_deref() != Some(record.k8s_name.as_str())
    };
    Piece::ALL
        .iter()
        .filter_map(|piece| Some((piece, group.object(*piece)?)))
        .filter(|(_, object)| !object.is_terminating() && wrong(object))
        .map(|(piece, object)| Action::RestoreLabels {
            piece: piece.label().to_owned(),
            object: object.name.clone(),
            object_version: object.version.clone(),
        })
        .collect()
}
