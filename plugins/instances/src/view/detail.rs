//! One instance: what it is, where it is, and what can be done next.

use super::{healths, states, steps};
use crate::api::Found;
use crate::instance::{Detail, Instance};
use crate::wait::now;
use serde_json::Value;
use toygres_model::time;
use toygres_plugin_api::report::{Block, Field, Kind, Tone};
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Report, Result};

/// The whole of it. `now` is in milliseconds since the epoch; `password` is shown where given.
/// Steps are left out of the view where `with_steps` is not set: they have been shown before.
///
/// # Errors
/// When it cannot be written as JSON.
pub(crate) fn report(
    found: &Found,
    password: Option<String>,
    with_steps: bool,
    now: i64,
) -> Result<Report> {
    let Found { instance, steps, .. } = found;
    let shown = password.clone();
    let data = Detail::new(instance.clone(), password, steps.clone());
    let mut report = Report::data(data)?
        .heading(format!("Instance: {}", instance.name))
        .block(what(instance, now));
    if let Some(block) = problems(instance) {
        report = report.block(block);
    }
    if instance.state != "deleted" {
        report = report.block(connection(instance, shown.as_deref()));
    }
    if let Some(tags) = tags(instance) {
        report = report.block(tags);
    }
    report = report.block(orchestrations(instance, !steps.is_empty()));
    // Of a running instance they would tell how it once came about.
    if with_steps && instance.state != "running" && !steps.is_empty() {
        let steps = steps::block(steps, &instance.state, now);
        report = report.block(Block::section("Steps", [steps]));
    }
    if instance.state == "failed" {
        let why = instance.message.as_deref().unwrap_or("not recorded");
        report = report.block(Block::section("Reason", [Block::remark(Tone::Bad, why)]));
    }
    if let Some(ahead) = check_ahead(instance, now) {
        report = report.warning(format!(
            "the last health check is dated {} in the future: the clock of the worker that made it was \
             ahead, and the next check may be as late",
            time::words(ahead)
        ));
    }
    if let Some(reason) = instance.observed.as_ref().and_then(|observed| observed.reason.as_deref())
    {
        report = report.note(format!("its objects in Kubernetes could not be read: {reason}"));
    }
    Ok(next(found, shown.is_some()).into_iter().fold(report, Report::hint))
}

/// How often its container was started again, when and why last.
fn restarts(instance: &Instance) -> Option<Field> {
    let count = instance.restarts.filter(|count| *count > 0)?;
    let observed = instance.observed.as_ref()?;
    let field = Field::new("Restarts", count);
    let at = observed.last_restart_at.as_deref().and_then(time::parse);
    let last = [
        at.map(|at| format!("last {} ago", time::words(now() - at))),
        observed.last_restart_reason.clone(),
    ];
    let last: Vec<String> = last.into_iter().flatten().collect();
    Some(if last.is_empty() { field } else { field.remark(last.join(": ")) })
}

/// What is wrong with its objects in Kubernetes.
fn problems(instance: &Instance) -> Option<Block> {
    let lines: Vec<Block> = instance
        .problems()
        .iter()
        .map(|problem| Block::remark(Tone::Bad, problem.message.as_str()))
        .collect();
    (!lines.is_empty()).then(|| Block::section("Problems", lines))
}

/// It runs, and the last check did not find it healthy. One that was made a moment ago was not checked yet.
fn is_sick(instance: &Instance) -> bool {
    let unchecked =
        instance.health.as_deref() == Some("unknown") && instance.health_error.is_none();
    instance.state == "running" && instance.health.as_deref() != Some("healthy") && !unchecked
}

/// By how much the time of its last check lies in the future: a worker's clock was ahead.
fn check_ahead(instance: &Instance, now: i64) -> Option<i64> {
    let checked = instance.health_checked_at.as_deref().and_then(time::parse)?;
    (instance.state == "running" && checked - now > CLOCK_TOLERANCE_MS).then_some(checked - now)
}

/// Clocks that differ by less are taken for the same.
const CLOCK_TOLERANCE_MS: i64 = 5_000;

fn what(instance: &Instance, now: i64) -> Block {
    let text = |label: &str, value: &Option<String>| Field::new(label, value.clone());
    let mut fields = vec![
        Field::new("State", instance.state.as_str()).kind(states()),
        text("Health", &instance.health).kind(healths()),
    ];
    if is_sick(instance) {
        let problem = instance.problems().first().map(|problem| problem.message.as_str());
        let why = instance.health_error.as_deref().or(problem).unwrap_or("not recorded");
        fields.push(Field::new("Reason", why));
    }
    if is_sick(instance) || check_ahead(instance, now).is_some() {
        let mut checked = text("Checked", &instance.health_checked_at).kind(Kind::TimeAgo);
        if check_ahead(instance, now).is_some() {
            checked = checked.remark("a worker's clock was ahead");
        }
        fields.push(checked);
    }
    fields.extend(restarts(instance));
    fields.extend([
        Field::new("Kubernetes name", instance.k8s_name.as_str()),
        text("Namespace", &instance.namespace),
        Field::new("PostgreSQL", instance.told_version()),
        Field::new("Storage", instance.storage_bytes).kind(Kind::Bytes),
        text("Created", &instance.created_at).kind(Kind::TimeAgo),
    ]);
    if instance.deleted_at.is_some() {
        fields.push(text("Deleted", &instance.deleted_at).kind(Kind::TimeAgo));
    } else if instance.updated_at != instance.created_at {
        fields.push(text("Updated", &instance.updated_at).kind(Kind::TimeAgo));
    }
    Block::fields(fields)
}

fn connection(instance: &Instance, password: Option<&str>) -> Block {
    let mut address = Field::new("Address", instance.address.clone());
    if instance.address.is_none() {
        address = address.remark("not known yet");
    }
    let mut fields = vec![address];
    if instance.dns_name.is_some() {
        fields.push(Field::new("DNS name", instance.dns_name.clone()));
    }
    if instance.external_ip.is_some() {
        fields.push(Field::new("External IP", instance.external_ip.clone()));
    }
    let balanced = instance.load_balancer.map(|load_balancer| match load_balancer {
        true => "load balancer",
        false => "within the cluster",
    });
    fields.push(Field::new("Reached by", balanced));
    if let Some(password) = password {
        fields.push(Field::new("Password", password));
    }
    if instance.connection_string.is_some() {
        fields.push(Field::new("URL", instance.connection_string.clone()));
    }
    Block::section("Connection", [Block::fields(fields)])
}

fn tags(instance: &Instance) -> Option<Block> {
    let tags = instance.tags.as_object().filter(|tags| !tags.is_empty())?;
    let fields = tags.iter().map(|(name, value)| Field::new(name.as_str(), value.clone()));
    Some(Block::section("Tags", [Block::fields(fields)]))
}

fn orchestrations(instance: &Instance, has_steps: bool) -> Block {
    let all = [
        ("Create", &instance.create_orchestration_id),
        ("Health", &instance.health_orchestration_id),
        ("Delete", &instance.delete_orchestration_id),
    ];
    let known = all.into_iter().filter(|(_, id)| id.is_some());
    // Where nothing is recorded of a creation that failed, its orchestration was never started.
    let never_began = |label: &str| {
        label == "Create"
            && instance.state == "failed"
            && !has_steps
            && instance.delete_orchestration_id.is_none()
    };
    let fields = known.map(|(label, id)| {
        let field = Field::new(label, Value::from(id.clone()));
        if never_began(label) { field.remark("never began") } else { field }
    });
    Block::section("Orchestrations", [Block::fields(fields)])
}

/// The commands that one would type next.
fn next(found: &Found, password_shown: bool) -> Vec<String> {
    let Found { instance, steps, .. } = found;
    let get = |name: &str| ShellCommand::new("toygres get").arg(name);
    let orchestration = |id: &str| ShellCommand::new("toygres server orchestration").arg(id);
    let Instance { name, k8s_name, .. } = instance;
    // One that never began, or is forgotten, has no steps and no history.
    let history = instance.create_orchestration_id.as_ref().filter(|_| !steps.is_empty());
    match instance.state.as_str() {
        "running" if is_sick(instance) => match &instance.health_orchestration_id {
            Some(id) => {
                let history = orchestration(id).flag("--history");
                vec![format!("See what its checks find with: {history}")]
            }
            None => vec!["See what is wrong with: toygres server health".to_owned()],
        },
        "running" if !password_shown => {
            vec![format!("See the password with: {}", get(name).flag("--show-password"))]
        }
        "creating" if steps.last().is_some_and(|last| last.state == "failed") => vec![format!(
            "Its creation ended, and the control plane removes what was made: {}",
            get(k8s_name).flag("--watch")
        )],
        "creating" => vec![format!("Follow it with: {}", get(name).flag("--watch"))],
        "deleting" => vec![format!("Follow it with: {}", get(k8s_name).flag("--watch"))],
        "failed" => history
            .map(|id| {
                format!("See how it came about with: {}", orchestration(id).flag("--history"))
            })
            .into_iter()
            .chain([format!(
                "Remove what is left of it with: {}",
                ShellCommand::new("toygres delete").arg(k8s_name)
            )])
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::report;
    use crate::api::Found;
    use crate::instance::{Instance, Step};

    fn said(instance: Instance, steps: Vec<Step>) -> String {
        let found = Found { instance, steps, ..Found::default() };
        serde_json::to_string(&report(&found, None, true, 0).unwrap()).unwrap()
    }

    fn instance(state: &str) -> Instance {
        Instance {
            name: "a".to_owned(),
            k8s_name: "a-00000001".to_owned(),
            state: state.to_owned(),
            create_orchestration_id: Some("create-a-00000001".to_owned()),
            ..Instance::default()
        }
    }

    #[test]
    fn what_does_not_answer_says_why_and_what_to_look_at() {
        let sick = Instance {
            health: Some("unhealthy".to_owned()),
            health_error: Some("127.0.0.1:1 did not answer within 10 s".to_owned()),
            health_checked_at: Some("2026-01-01T00:00:00Z".to_owned()),
            health_orchestration_id: Some("health-a-00000001".to_owned()),
            ..instance("running")
        };
        let told = said(sick.clone(), Vec::new());
        for part in [
            "\"Reason\"",
            "did not answer within 10 s",
            "\"Checked\"",
            "toygres server orchestration health-a-00000001 --history",
        ] {
            assert!(told.contains(part), "{part} is missing in {told}");
        }
        let well = Instance { health: Some("healthy".to_owned()), ..sick };
        assert!(!said(well, Vec::new()).contains("\"Reason\""));
    }

    #[test]
    fn a_history_that_is_not_there_is_not_offered() {
        let offer = "orchestration create-a-00000001 --history";
        let failed = Instance { message: Some("no cluster".to_owned()), ..instance("failed") };
        let told = said(failed.clone(), Vec::new());
        assert!(!told.contains(offer) && told.contains("no cluster"), "{told}");
        assert!(told.contains("toygres delete a-00000001"), "{told}");
        assert!(said(failed, vec![Step::default()]).contains(offer));
    }
}
