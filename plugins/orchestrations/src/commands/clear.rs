//! What `cancel` does with an execution of an orchestration that was never started: no worker will
//! ever take it up, so that there is nobody who could be asked to stop.

use super::cancel::ended;
use crate::read::records::{Found, Unstarted};
use crate::read::schema::Schema;
use serde::Deserialize;
use serde_json::{Value, json};
use toygres_model::names;
use toygres_model::unstarted::{DETECTION_TYPE, LOCK};
use toygres_plugin_api::context::{Bind, Session};
use toygres_plugin_api::report::{Block, Field, Kind, Tone};
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Confirmation, Context, Error, Report, Result};

/// What was said of it once it is gone.
const CLEARED: &str = "Cleared: its execution was recorded without a start";

/// Clears the execution, after a confirmation.
///
/// # Errors
/// `Refused` where something may move it on still, and where it was not confirmed; the database's.
pub(super) async fn clear(
    ctx: &Context,
    found: &Found,
    unstarted: &Unstarted,
    data: &Value,
    reason: &str,
) -> Result<Report> {
    let id = &found.records.id;
    if !unstarted.held.is_empty() {
        return Err(is_held(id, unstarted));
    }
    let confirmed = ctx
        .ui()
        .confirm(
            Confirmation::new("Are you sure you want to clear its record?").preview(preview(data)?),
        )
        .await?;
    let session = ctx.db().write(&confirmed).await?;
    let cleared = delete(&session, ctx, id, reason).await;
    match cleared {
        Ok(true) => {
            session.commit().await?;
            ended(id, data, "cleared", CLEARED.to_owned())
        }
        Ok(false) => {
            session.rollback().await?;
            // Somebody else cleared it, or it is something else by now.
            match was_cleared(ctx, id).await? {
                Some(report) => Ok(report),
                None => Err(Error::refused(format!("`{id}` has changed; nothing was cleared"))
                    .hint(format!("look at it again with `{}`", show(id)))),
            }
        }
        Err(error) => {
            let _gone = session.rollback().await;
            Err(error)
        }
    }
}

/// The command that shows an orchestration.
fn show(id: &str) -> ShellCommand {
    ShellCommand::new("toygres server orchestration").arg(id)
}

fn is_held(id: &str, unstarted: &Unstarted) -> Error {
    Error::refused(format!("`{id}` may be moved on still: {}", unstarted.held.join("; ")))
        .hint(format!("look at it again in a minute with `{}`", show(id)))
}

/// Deletes it where it is what it was, in one statement with what tells of it.
async fn delete(session: &Session, ctx: &Context, id: &str, reason: &str) -> Result<bool> {
    #[derive(Deserialize)]
    struct Locked {
        locked: bool,
    }
    #[derive(Deserialize)]
    struct Cleared {
        #[serde(rename = "id")]
        _id: String,
    }
    let schema = Schema::look(ctx, session).await?;
    let statement = schema.unstarted().and_then(|schemas| schemas.clear()).ok_or_else(|| {
        Error::failed("the metadata's tables cannot be read: nothing could tell of the change")
            .hint("see `toygres server db-status`")
    })?;
    let locked: Locked = session.query(LOCK).bind(id).fetch_one().await?;
    if !locked.locked {
        return Ok(false);
    }
    let k8s_name = names::k8s_name(id, &Value::Null);
    let binds: Vec<Bind> = vec![id.into(), by(reason).into(), k8s_name.into()];
    let query = binds.into_iter().fold(session.query(statement), |query, bind| query.bind(bind));
    let cleared: Option<Cleared> = query.fetch_optional().await?;
    Ok(cleared.is_some())
}

/// Who did it and why, as far as that is known.
fn by(reason: &str) -> String {
    let user = std::env::var("USER").ok().filter(|user| !user.is_empty());
    let user = user.map(|user| format!(" by {user}")).unwrap_or_default();
    ["toygres server cancel", &user, ": ", reason].concat()
}

/// The answer for one that was cleared before.
///
/// # Errors
/// The database's.
pub(super) async fn was_cleared(ctx: &Context, id: &str) -> Result<Option<Report>> {
    #[derive(Deserialize)]
    struct Told {
        resolved_by: Option<String>,
    }
    let session = ctx.db().snapshot().await?;
    let schema = Schema::look(ctx, &session).await?;
    if !schema.has("cms") {
        return Ok(None);
    }
    let told: Option<Told> = session
        .query(format!(
            "SELECT resolved_by FROM {}.drift_detections WHERE detection_type = '{DETECTION_TYPE}' \
             AND metadata->>'orchestration' = $1 ORDER BY id DESC LIMIT 1",
            schema.cms()
        ))
        .bind(id)
        .fetch_optional()
        .await?;
    session.rollback().await?;
    let Some(told) = told else { return Ok(None) };
    let k8s_name = names::k8s_name(id, &Value::Null);
    let user_name = k8s_name.as_deref().map(|name| names::user_name(name, &Value::Null));
    let before = json!({"type": null, "instance": user_name, "status": null});
    let by = told.resolved_by.map(|by| format!(" ({by})")).unwrap_or_default();
    ended(id, &before, "already_cleared", format!("Already cleared{by}: nothing was changed"))
        .map(Some)
}

/// What would happen.
fn preview(data: &Value) -> Result<Report> {
    let fields = [
        Field::new("ID", data["id"].clone()),
        Field::new("Instance", data["instance"].clone()),
        Field::new("Recorded", data["started_at"].clone()).kind(Kind::TimeAgo),
    ];
    Ok(Report::data(data)?
        .block(Block::remark(Tone::Warn, "Clear Unstarted Execution"))
        .block(Block::fields(fields))
        .block(Block::text(
            "An execution is recorded for it, and nothing else: no instance, no history, nothing in a\n\
             queue, no lease. No worker will ever take it up. Its record is deleted, and a row of\n\
             `drift_detections` tells of it. Nothing in Kubernetes is changed.",
        )))
}
