//! Plans for an instance whose Secret is gone, or does not have its password.
//!
//! Kubernetes keeps the only copy of a password, and the data only what verifies it. So a lost one is
//! given back by whoever still has it, or a new one is set while PostgreSQL is stopped.

use super::make::{self, make_stateful_set, orchestration};
use super::{Action, Plan, Step};
use crate::read::Sides;
use crate::settings::Settings;
use toygres_model::drift::{Group, Kind, Piece, Record};
use toygres_model::instance::State;
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Error, Result};

/// A plan that makes the Secret of one instance again, and the StatefulSet that cannot be without
/// it; an empty one where nothing is missing.
///
/// # Errors
/// `failed` where the instance does not run or something works on it; `unavailable` where Secrets
/// cannot be read.
pub(crate) fn restore_secret(record: &Record, sides: &Sides, settings: &Settings) -> Result<Plan> {
    let group = checked(record, sides)?;
    let mut steps = Vec::new();
    if group.secret.is_none() {
        let held = record.keeps_password;
        steps.push(if held { Action::RestoreSecret } else { Action::KeepPassword });
    }
    steps.extend(make_stateful_set(record, &group, settings));
    Ok(plan(record, steps, sides))
}

/// A plan that gives an instance a new password, or, where it has a Secret, that one's.
///
/// # Errors
/// As [`restore_secret`]; `failed` where there is no claim with its data.
pub(crate) fn reset_password(record: &Record, sides: &Sides, settings: &Settings) -> Result<Plan> {
    let group = checked(record, sides)?;
    let k8s_name = &record.k8s_name;
    if group.claim.as_ref().is_none_or(|claim| claim.object.is_terminating()) {
        return Err(Error::failed(format!(
            "there is no data of `{k8s_name}` to set a password in"
        ))
        .hint("see `toygres server drift`"));
    }
    let mut steps: Vec<Action> = make_stateful_set(record, &group, settings).into_iter().collect();
    steps.push(Action::ResetPassword { has_secret: group.secret.is_some() });
    Ok(plan(record, steps, sides))
}

fn plan(record: &Record, actions: Vec<Action>, sides: &Sides) -> Plan {
    let step = |action| make::step(record, Kind::Mismatch, action);
    let steps: Vec<Step> = actions.into_iter().map(step).collect();
    Plan { steps, ..Plan::default() }.observed_in(sides)
}

/// What there is of an instance that runs and that nothing works on.
fn checked(record: &Record, sides: &Sides) -> Result<Group> {
    let k8s_name = &record.k8s_name;
    if record.state != State::Running {
        let get = ShellCommand::new("toygres get").arg(k8s_name);
        return Err(Error::failed(format!("`{k8s_name}` is {}, not running", record.state))
            .hint(format!("see `{get}`")));
    }
    if let Some(id) = sides.live.as_ref().and_then(|live| live.work_on(record)) {
        return Err(Error::failed(format!("`{id}` is at work on `{k8s_name}`"))
            .hint(format!("wait for it, or see `{}`", orchestration(id))));
    }
    if !sides.cluster.knows(&record.namespace, Piece::Secret) {
        return Err(Error::unavailable(format!(
            "whether there is a Secret `{k8s_name}-credentials` cannot be read"
        ))
        .hint("this needs the right to get Secrets"));
    }
    let group = sides.cluster.group(&record.namespace, k8s_name).cloned().unwrap_or_default();
    if group.secret.as_ref().is_some_and(toygres_model::drift::Object::is_terminating) {
        return Err(Error::failed(format!("the Secret `{k8s_name}-credentials` is being deleted"))
            .hint("wait until it is gone, and run this again"));
    }
    Ok(group)
}
