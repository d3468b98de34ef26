//! The janitor: finishes what a process left undone that ended between two steps. It runs in every
//! worker; whatever it does may be done twice.

use super::Inner;
use super::broken::{Broken, reason};
use super::cms::{self, Change, Record, Workflow};
use super::operations::start_deletion;
use super::unstarted;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use toygres_model::instance::State;
use toygres_model::kubernetes::delete_orchestration;

/// Rounds between two looks for executions that were never started: no index tells them from others.
const UNSTARTED_EVERY: u64 = 4;

/// Goes round until it is told to stop.
pub(super) async fn run(control: &Inner, stop: &CancellationToken) {
    let lease = control.settings.lease.max(Duration::from_secs(1));
    let mut ticks = tokio::time::interval(lease);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for round in 0_u64.. {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        // Twice a lease: whoever is at it had time to go on, or to be taken over.
        if let Err(error) = tidy(control, lease * 2).await {
            tracing::warn!(%error, "cannot look for what was left undone");
        }
        if round.is_multiple_of(UNSTARTED_EVERY)
            && let Err(error) = unstarted::clear(control, lease * 2).await
        {
            tracing::warn!(%error, "cannot clear executions that were never started");
        }
    }
}

/// Takes care of every instance that no orchestration works on though one should.
async fn tidy(control: &Inner, untouched: Duration) -> Result<(), Broken> {
    for stray in cms::strays(&control.cms, untouched).await? {
        tracing::warn!(k8s_name = stray.k8s_name, "nobody works on this instance");
        if let Err(error) = settle(control, &stray.id).await {
            tracing::warn!(k8s_name = stray.k8s_name, %error, "cannot take care of it");
        }
    }
    Ok(())
}

async fn settle(control: &Inner, id: &str) -> Result<(), Broken> {
    let Some(record) = cms::record(&control.cms.pool, id).await? else { return Ok(()) };
    match record.state {
        State::Creating => {
            let why = ended(control, record.create_id.as_deref(), "its creation never began");
            give_up(control, id, &[State::Creating], &why.await?).await.map(drop)
        }
        State::Deleting => resume(control, &record).await,
        State::Failed => match &record.delete_id {
            Some(delete_id) => {
                let why = record.message.clone().unwrap_or_default();
                start_deletion(control, &record, delete_id, Some(why)).await
            }
            None => Ok(()),
        },
        State::Running | State::Deleted => Ok(()),
    }
}

/// How an orchestration ended that left its instance as it was.
async fn ended(control: &Inner, id: Option<&str>, never: &str) -> Result<String, Broken> {
    let Some(id) = id else { return Ok(never.to_owned()) };
    Ok(match cms::workflow(&control.cms, id).await? {
        Workflow::Failed(why) => format!("`{id}` ended: {}", reason(&why)),
        Workflow::Completed => format!("`{id}` ended without a word"),
        Workflow::Unknown | Workflow::Live => never.to_owned(),
    })
}

/// Fails an instance that is in one of these states, and has what was made of it removed; answers the
/// deletion that does so, `None` where the instance is somebody else's by now.
///
/// # Errors
/// The database's.
pub(super) async fn give_up(
    control: &Inner,
    id: &str,
    from: &[State],
    why: &str,
) -> Result<Option<String>, Broken> {
    let mut transaction = control.cms.pool.begin().await?;
    let change = Change { id, from, to: State::Failed, message: Some(why) };
    if cms::change(&mut transaction, &change).await? != Some(State::Failed) {
        return Ok(None);
    }
    let Some(record) = cms::record(&mut *transaction, id).await? else { return Ok(None) };
    let delete_id = match &record.delete_id {
        Some(delete_id) => delete_id.clone(),
        None => {
            let plain = delete_orchestration(&record.k8s_name);
            let next = cms::next_id(&mut *transaction, &control.cms, &plain, None).await?;
            cms::mark_orchestration(&mut *transaction, id, cms::DELETE_COLUMN, &next).await?;
            next
        }
    };
    transaction.commit().await?;
    start_deletion(control, &record, &delete_id, Some(why.to_owned())).await?;
    Ok(Some(delete_id))
}

/// Starts a deletion that never began; one that ended without its instance's end has failed.
async fn resume(control: &Inner, record: &Record) -> Result<(), Broken> {
    let delete_id = match &record.delete_id {
        Some(delete_id) => delete_id.clone(),
        None => {
            let plain = delete_orchestration(&record.k8s_name);
            let next = cms::next_id(&control.cms.pool, &control.cms, &plain, None).await?;
            let pool = &control.cms.pool;
            cms::mark_orchestration(pool, &record.id, cms::DELETE_COLUMN, &next).await?;
            next
        }
    };
    match cms::workflow(&control.cms, &delete_id).await? {
        Workflow::Unknown => start_deletion(control, record, &delete_id, None).await,
        Workflow::Live => Ok(()),
        Workflow::Completed | Workflow::Failed(_) => {
            let why = ended(control, Some(&delete_id), "").await?;
            let message = format!("it could not be deleted: {why}");
            let mut transaction = control.cms.pool.begin().await?;
            let change = Change {
                id: &record.id,
                from: &[State::Deleting],
                to: State::Failed,
                message: Some(&message),
            };
            cms::change(&mut transaction, &change).await?;
            Ok(transaction.commit().await?)
        }
    }
}
