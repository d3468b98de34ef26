//! `create-instance`.
//!
//! A creation that fails has what it made removed by a deletion of its own, an orchestration beside
//! it whose id the CMS knows. It is started by an activity and never as a sub-orchestration: an
//! orchestration that is cancelled in the turn in which it schedules a sub-orchestration sends that
//! one the cancellation without its start, which leaves an execution that nothing ever ends. Creations
//! that began at version 1.0.0 still do so ([`create_instance_1_0`]), since a replay has to take the
//! steps that its history holds; what they leave, `control::unstarted` clears.

use super::DELETE_INSTANCE;
use super::step::{ATTEMPTS, growing, step, until};
use crate::control::activities::{Attempt, NewState, Reached, names};
use crate::control::order::{Order, Removal, Watch};
use duroxide::OrchestrationContext;
use serde_json::{Value, json};
use toygres_model::instance::State;

/// Makes an instance; has what it made removed where it fails, and ends when that has ended.
pub(super) async fn create_instance(
    ctx: OrchestrationContext,
    input: String,
) -> Result<String, String> {
    let order: Order = super::parse(&input)?;
    let failure = match make(&ctx, &order).await {
        Ok(answer) => return Ok(answer.to_string()),
        Err(failure) => failure,
    };
    match clean_up(&ctx, &order, &failure).await {
        Ok(()) => Err(failure),
        Err(left) => Err(format!("{failure}; what it made could not be removed: {left}")),
    }
}

/// Starts the deletion of what a creation made, and waits until it has ended.
async fn clean_up(ctx: &OrchestrationContext, order: &Order, failure: &str) -> Result<(), String> {
    let removal = Removal::after(order, failure);
    let started = step(ctx, names::START_CLEAN_UP, &removal).await?;
    if started["orchestration_id"].is_null() {
        // Whoever deletes the instance meanwhile removes all of it.
        return Ok(());
    }
    let ended = until(ctx, names::AWAIT_CLEAN_UP, "ended", |_| &started, growing(order.poll()));
    match ended.await?["failure"].as_str() {
        None => Ok(()),
        Some(left) => Err(left.to_owned()),
    }
}

/// Version 1.0.0: as [`create_instance`], with the deletion as a sub-orchestration.
pub(super) async fn create_instance_1_0(
    ctx: OrchestrationContext,
    input: String,
) -> Result<String, String> {
    let order: Order = super::parse(&input)?;
    let failure = match make(&ctx, &order).await {
        Ok(answer) => return Ok(answer.to_string()),
        Err(failure) => failure,
    };
    let removal = json!(Removal::after(&order, &failure)).to_string();
    match ctx.schedule_sub_orchestration(DELETE_INSTANCE, removal).await {
        Ok(_) => Err(failure),
        Err(left) => Err(format!("{failure}; what it made could not be removed: {left}")),
    }
}

async fn make(ctx: &OrchestrationContext, order: &Order) -> Result<Value, String> {
    step(ctx, names::RECORD, order).await?;
    step(ctx, names::DEPLOY, order).await?;
    let attempt = |attempt| Attempt { attempt, attempts: ATTEMPTS, order: order.clone() };
    until(ctx, names::READY, "ready", attempt, |_| order.poll()).await?;
    let mut found = until(ctx, names::ADDRESSES, "ready", attempt, |_| order.poll()).await?;
    step(ctx, names::TEST, order).await?;
    let reached: Reached =
        serde_json::from_value(found["reached"].take()).map_err(|error| error.to_string())?;
    step(ctx, names::STATE, &running(order, reached)).await?;
    // The pause between two checks was decided with the order, as the one between two attempts.
    let started = step(ctx, names::START_MONITOR, &watch(order)).await?;
    let watcher = json!({
        "k8s_name": order.k8s_name,
        "instance_id": order.instance_id,
        "orchestration_id": started["orchestration_id"],
    });
    step(ctx, names::RECORD_MONITOR, &watcher).await?;
    Ok(json!({
        "k8s_name": order.k8s_name,
        "dns_name": found["dns_name"],
        "external_ip": found["external_ip"],
        "port": found["port"],
        "connection": found["connection"],
    }))
}

fn running(order: &Order, reached: Reached) -> NewState {
    NewState {
        k8s_name: order.k8s_name.clone(),
        instance_id: order.instance_id.clone(),
        // Running already where this step is done again.
        from: vec![State::Creating],
        state: State::Running,
        message: None,
        reached: Some(reached),
    }
}

fn watch(order: &Order) -> Watch {
    Watch {
        user_name: order.user_name.clone(),
        k8s_name: order.k8s_name.clone(),
        instance_id: order.instance_id.clone(),
        namespace: order.namespace.clone(),
        interval_ms: order.monitor_ms,
    }
}
