//! Turns: while one process makes an instance's objects, no other unmakes them, and the other way
//! round; and nothing is made once it is decided that the instance goes.

use super::{Change, Cms};
use crate::control::broken::Broken;
use crate::control::order::Removal;
use sqlx::{PgConnection, Postgres, Transaction};
use toygres_model::instance::State;

/// A turn; it ends with this value, or with the process however that ends.
pub(in crate::control) struct Turn {
    transaction: Transaction<'static, Postgres>,
}

impl Turn {
    /// Ends it, and says whether it lasted until now.
    ///
    /// # Errors
    /// When the connection that holds it was lost: somebody else may have had a turn.
    pub(in crate::control) async fn end(self) -> Result<(), Broken> {
        Ok(self.transaction.commit().await?)
    }
}

/// A turn for making the objects of an instance.
///
/// # Errors
/// That the instance is not to be made any more; the database's.
pub(in crate::control) async fn make_turn(cms: &Cms, id: &str) -> Result<Turn, Broken> {
    let mut transaction = cms.pool.begin().await?;
    lock(&mut transaction, "SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0))", id)
        .await?;
    let state: Option<String> =
        sqlx::query_scalar("SELECT state::text FROM instances WHERE id = $1::uuid")
            .bind(id)
            .fetch_optional(&mut *transaction)
            .await?;
    match state.as_deref() {
        Some("creating") => Ok(Turn { transaction }),
        Some(state) => Err(Broken::lasting(format!("the instance is {state} by now"))),
        None => Err(Broken::lasting("the instance's record is gone")),
    }
}

/// A turn for unmaking them. An instance that is still taken for one to be made, or to run, is
/// failed from here on: otherwise a late worker could make its objects again.
///
/// # Errors
/// The database's.
pub(in crate::control) async fn unmake_turn(cms: &Cms, removal: &Removal) -> Result<Turn, Broken> {
    let mut transaction = cms.pool.begin().await?;
    let id = &removal.instance_id;
    lock(&mut transaction, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", id).await?;
    let change = Change {
        id,
        from: &[State::Creating, State::Running],
        to: State::Failed,
        message: removal.failure.as_deref(),
    };
    super::change(&mut transaction, &change).await?;
    Ok(Turn { transaction })
}

async fn lock(connection: &mut PgConnection, sql: &str, id: &str) -> Result<(), sqlx::Error> {
    // Whoever waits for longer tries again later: a worker must not be held for ever.
    sqlx::query("SET LOCAL lock_timeout = '40s'").execute(&mut *connection).await?;
    let name = format!("toygres:objects:{id}");
    sqlx::query(sql).bind(name).execute(connection).await.map(drop)
}
