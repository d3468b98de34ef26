//! Changes of an instance's state, each with its event; a change that is made already is none.

use crate::control::activities::Reached;
use sqlx::{PgConnection, PgExecutor};
use toygres_model::instance::State;

/// A change of state.
#[derive(Debug)]
pub(in crate::control) struct Change<'a> {
    /// The id of the record.
    pub(in crate::control) id: &'a str,
    /// The states from which it may go.
    pub(in crate::control) from: &'a [State],
    pub(in crate::control) to: State,
    /// Why, where there is something to say.
    pub(in crate::control) message: Option<&'a str>,
}

/// Makes the change and answers the state that the instance has then: another one than was asked
/// for where it could not go there; `None` where there is no such record.
///
/// # Errors
/// The database's.
pub(in crate::control) async fn change(
    connection: &mut PgConnection,
    change: &Change<'_>,
) -> Result<Option<State>, sqlx::Error> {
    let Some(old) = state_for_update(connection, change.id).await? else { return Ok(None) };
    // Failed again, with more to say of it, is a change too.
    if !change.from.contains(&old) || (old == change.to && is_said(connection, change).await?) {
        return Ok(Some(old));
    }
    sqlx::query(
        "UPDATE instances SET state = $2::text::public.instance_state, updated_at = now(),
             deleted_at = CASE WHEN $2 = 'deleted' THEN now() ELSE deleted_at END,
             health_status = CASE WHEN $2 = 'running' THEN health_status ELSE 'unknown' END
         WHERE id = $1::uuid",
    )
    .bind(change.id)
    .bind(change.to.word())
    .execute(&mut *connection)
    .await?;
    let (old, new) = (Some(old.word()), Some(change.to.word()));
    event(connection, change.id, "state-changed", old, new, change.message).await?;
    tracing::info!(instance_id = change.id, ?old, ?new, message = change.message, "state changed");
    Ok(Some(change.to))
}

/// Whether the last event of a state says just this.
async fn is_said(connection: &mut PgConnection, change: &Change<'_>) -> Result<bool, sqlx::Error> {
    let Some(message) = change.message else { return Ok(true) };
    let said: Option<Option<String>> = sqlx::query_scalar(
        "SELECT message FROM instance_events
         WHERE instance_id = $1::uuid AND new_state::text = $2
         ORDER BY created_at DESC LIMIT 1",
    )
    .bind(change.id)
    .bind(change.to.word())
    .fetch_optional(connection)
    .await?;
    Ok(said.flatten().as_deref() == Some(message))
}

/// Writes where an instance can be reached.
///
/// # Errors
/// The database's.
pub(in crate::control) async fn write_reached(
    connection: &mut PgConnection,
    id: &str,
    reached: &Reached,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE instances SET external_ip = $2, ip_connection_string = $3,
             dns_connection_string = $4, updated_at = now()
         WHERE id = $1::uuid",
    )
    .bind(id)
    .bind(&reached.external_ip)
    .bind(&reached.ip_url)
    .bind(&reached.dns_url)
    .execute(connection)
    .await
    .map(drop)
}

/// The column of the orchestration that watches over an instance.
pub(in crate::control) const HEALTH_COLUMN: &str = "instance_actor_orchestration_id";
/// The column of the orchestration that unmakes one.
pub(in crate::control) const DELETE_COLUMN: &str = "delete_orchestration_id";

/// The state, with the record locked until the transaction ends.
pub(super) async fn state_for_update(
    connection: &mut PgConnection,
    id: &str,
) -> Result<Option<State>, sqlx::Error> {
    let state: Option<String> =
        sqlx::query_scalar("SELECT state::text FROM instances WHERE id = $1::uuid FOR UPDATE")
            .bind(id)
            .fetch_optional(connection)
            .await?;
    state
        .map(|word| word.parse().map_err(|error: String| sqlx::Error::Decode(error.into())))
        .transpose()
}

/// Writes an event.
pub(super) async fn event(
    connection: &mut PgConnection,
    id: &str,
    event_type: &str,
    old: Option<&str>,
    new: Option<&str>,
    message: Option<&str>,
) -> Result<(), sqlx::Error> {
    // The clock's time, not the transaction's: two events of one transaction stay in order.
    sqlx::query(
        "INSERT INTO instance_events (instance_id, event_type, old_state, new_state, message,
             created_at)
         VALUES ($1::uuid, $2, $3::text::public.instance_state, $4::text::public.instance_state, $5,
             clock_timestamp())",
    )
    .bind(id)
    .bind(event_type)
    .bind(old)
    .bind(new)
    .bind(message)
    .execute(connection)
    .await
    .map(drop)
}

/// Notes which orchestration watches over an instance, or unmakes it.
///
/// # Errors
/// The database's.
pub(in crate::control) async fn mark_orchestration(
    connection: impl PgExecutor<'_>,
    id: &str,
    column: &'static str,
    orchestration: &str,
) -> Result<(), sqlx::Error> {
    let sql = format!(
        "UPDATE instances SET {column} = $2, updated_at = now()
         WHERE id = $1::uuid AND {column} IS DISTINCT FROM $2"
    );
    sqlx::query(&sql).bind(id).bind(orchestration).execute(connection).await.map(drop)
}
