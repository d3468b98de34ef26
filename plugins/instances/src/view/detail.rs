//! One instance: what it is, where it is, and what can be done next.

use super::{healths, states, steps};
use crate::api::Found;
use crate::instance::{Detail, Instance};
use serde_json::Value;
use toygres_plugin_api::report::{Block, Field, Kind, Tone};
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
    let mut report =
        Report::data(data)?.heading(format!("Instance: {}", instance.name)).block(what(instance));
    if instance.state != "deleted" {
        report = report.block(connection(instance, shown.as_deref()));
    }
    if let Some(tags) = tags(instance) {
        report = report.block(tags);
    }
    report = report.block(orchestrations(instance));
    // Of a running instance they would tell how it once came about.
    if with_steps && instance.state != "running" && !steps.is_empty() {
        let steps = steps::block(steps, &instance.state, now);
        report = report.block(Block::section("Steps", [steps]));
    }
    if instance.state == "failed" {
        let why = instance.message.as_deref().unwrap_or("no record says why");
        report = report.block(Block::section("Reason", [Block::remark(Tone::Bad, why)]));
    }
    Ok(next(instance, shown.is_some()).into_iter().fold(report, Report::hint))
}

fn what(instance: &Instance) -> Block {
    let text = |label: &str, value: &Option<String>| Field::new(label, value.clone());
    let mut fields = vec![
        Field::new("State", instance.state.as_str()).kind(states()),
        text("Health", &instance.health).kind(healths()),
        Field::new("Kubernetes name", instance.k8s_name.as_str()),
        text("Namespace", &instance.namespace),
        text("PostgreSQL", &instance.postgres_version),
        Field::new("Storage", instance.storage_bytes).kind(Kind::Bytes),
        text("Created", &instance.created_at).kind(Kind::TimeAgo),
    ];
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

fn orchestrations(instance: &Instance) -> Block {
    let all = [
        ("Create", &instance.create_orchestration_id),
        ("Health", &instance.health_orchestration_id),
        ("Delete", &instance.delete_orchestration_id),
    ];
    let known = all.into_iter().filter(|(_, id)| id.is_some());
    let fields = known.map(|(label, id)| Field::new(label, Value::from(id.clone())));
    Block::section("Orchestrations", [Block::fields(fields)])
}

/// The commands that one would type next.
fn next(instance: &Instance, password_shown: bool) -> Vec<String> {
    let name = &instance.name;
    let orchestration = |id: &Option<String>, option: &str| {
        let id = id.as_ref()?;
        Some(format!("See how it came about with: toygres server orchestration {id} {option}"))
    };
    match instance.state.as_str() {
        "running" if !password_shown => {
            vec![format!("See the password with: toygres get {name} --show-password")]
        }
        "creating" => vec![format!("Follow it with: toygres get {name} --watch")],
        "deleting" => vec![format!("Follow it with: toygres get {} --watch", instance.k8s_name)],
        "failed" => orchestration(&instance.create_orchestration_id, "--history")
            .into_iter()
            .chain([format!(
                "Remove what is left of it with: toygres delete {}",
                instance.k8s_name
            )])
            .collect(),
        _ => Vec::new(),
    }
}
