//! `delete-instance`: for whoever asks for it, and for what a failed creation left.

use super::step::{growing, step, until};
use crate::control::activities::{NewState, names};
use crate::control::order::Removal;
use duroxide::OrchestrationContext;
use serde_json::json;
use toygres_model::instance::State;

/// Unmakes an instance. It ends as deleted, or as failed where it was the creation that failed, or
/// where something cannot be unmade.
pub(super) async fn delete_instance(
    ctx: OrchestrationContext,
    input: String,
) -> Result<String, String> {
    let removal: Removal = super::parse(&input)?;
    match unmake(&ctx, &removal).await {
        Ok(()) => {
            let deleted = removal.failure.is_none();
            Ok(json!({"k8s_name": removal.k8s_name, "deleted": deleted, "cleaned_up": true})
                .to_string())
        }
        Err(failure) => {
            let message = match &removal.failure {
                Some(first) => format!("{first}; what it made could not be removed: {failure}"),
                None => format!("it could not be deleted: {failure}"),
            };
            // Where even this cannot be written, the janitor will.
            let _written = step(&ctx, names::STATE, &failed(&removal, message)).await;
            Err(failure)
        }
    }
}

async fn unmake(ctx: &OrchestrationContext, removal: &Removal) -> Result<(), String> {
    // Its end is told first: from here on, nobody makes anything for it any more.
    let told = match &removal.failure {
        Some(failure) => step(ctx, names::STATE, &gave_up(removal, failure)).await,
        None => until(ctx, names::STOP_CREATE, "ended", |_| removal, growing(removal.poll())).await,
    };
    until(ctx, names::STOP_MONITOR, "ended", |_| removal, growing(removal.poll())).await?;
    until(ctx, names::REMOVE, "gone", |_| removal, growing(removal.poll())).await?;
    told?;
    if removal.failure.is_none() {
        step(ctx, names::STATE, &deleted(removal)).await?;
    }
    Ok(())
}

fn deleted(removal: &Removal) -> NewState {
    new_state(removal, &[State::Deleting, State::Failed], State::Deleted, None)
}

/// One that has failed already keeps its reason.
fn gave_up(removal: &Removal, failure: &str) -> NewState {
    let from = [State::Creating, State::Running];
    new_state(removal, &from, State::Failed, Some(failure.to_owned()))
}

fn failed(removal: &Removal, message: String) -> NewState {
    let from: &[State] = if removal.failure.is_some() {
        &[State::Creating, State::Running, State::Failed]
    } else {
        &[State::Deleting, State::Failed]
    };
    new_state(removal, from, State::Failed, Some(message))
}

fn new_state(removal: &Removal, from: &[State], state: State, message: Option<String>) -> NewState {
    NewState {
        k8s_name: removal.k8s_name.clone(),
        instance_id: removal.instance_id.clone(),
        from: from.to_vec(),
        state,
        message,
        reached: None,
    }
}
