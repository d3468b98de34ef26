//! Delete: the decision is in the record first, then an orchestration carries it out.

use crate::control::broken::Broken;
use crate::control::cms::{self, Change, Record};
use crate::control::orchestrations::DELETE_INSTANCE;
use crate::control::order::Removal;
use crate::control::{ControlPlane, Inner, broken, faults};
use sqlx::{Acquire, PgConnection};
use toygres_model::instance::{Instance, State};
use toygres_model::kubernetes::delete_orchestration;
use toygres_plugin_api::{Error, Result};

impl ControlPlane {
    /// Begins to unmake an instance; where that is begun or done already, says so.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` when the database cannot be asked.
    pub(crate) async fn delete(&self, name: &str) -> Result<Instance> {
        self.reached().await?;
        let found = self.find(name).await?;
        let record = decide(&self.inner, &found.id).await?;
        if let (true, Some(id)) = (record.state != State::Deleted, &record.delete_id) {
            start(&self.inner, &record, id, None).await.map_err(Error::from)?;
            tracing::info!(k8s_name = record.k8s_name, orchestration = id, "deleting");
        }
        Ok(self.shown(&record))
    }
}

/// Starts a deletion; a second start of the same id changes nothing.
pub(in crate::control) async fn start(
    control: &Inner,
    record: &Record,
    orchestration: &str,
    failure: Option<String>,
) -> Result<(), Broken> {
    let poll = control.settings.ready_interval.as_millis();
    let removal = Removal {
        user_name: record.user_name.clone(),
        k8s_name: record.k8s_name.clone(),
        instance_id: record.id.clone(),
        namespace: record.namespace.clone(),
        failure,
        poll_ms: u64::try_from(poll).unwrap_or(u64::MAX),
    };
    let input = serde_json::to_string(&removal)?;
    let start = async || {
        Ok(control.client.start_orchestration(orchestration, DELETE_INSTANCE, &input).await?)
    };
    faults::around("start-deletion", start).await
}

/// Writes down that the instance goes, and which orchestration sees to it.
async fn decide(control: &Inner, id: &str) -> Result<Record> {
    let mut transaction = control.cms.pool.begin().await.map_err(broken::cms)?;
    lock(&mut transaction, id).await.map_err(broken::cms)?;
    let record = read(&mut transaction, id).await?;
    if matches!(record.state, State::Creating | State::Running | State::Failed) {
        turn(&mut transaction, id).await.map_err(broken::cms)?;
    }
    let begun = record.state == State::Deleting && record.delete_id.is_some();
    if !begun && record.state != State::Deleted {
        let plain = delete_orchestration(&record.k8s_name);
        let taken = record.delete_id.as_deref();
        let next = cms::next_id(&mut *transaction, &control.cms, &plain, taken).await;
        let next = next.map_err(broken::cms)?;
        sqlx::query("UPDATE instances SET delete_orchestration_id = $2 WHERE id = $1::uuid")
            .bind(id)
            .bind(&next)
            .execute(&mut *transaction)
            .await
            .map_err(broken::cms)?;
    }
    let record = read(&mut transaction, id).await?;
    transaction.commit().await.map_err(broken::cms)?;
    Ok(record)
}

async fn lock(connection: &mut PgConnection, id: &str) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT FROM instances WHERE id = $1::uuid FOR UPDATE")
        .bind(id)
        .execute(connection)
        .await
        .map(drop)
}

async fn read(connection: &mut PgConnection, id: &str) -> Result<Record> {
    let record = cms::record(connection, id).await.map_err(broken::cms)?;
    record.ok_or_else(|| Error::not_found("the instance's record is gone"))
}

/// A failed instance whose name somebody else has by now stays failed while it goes: a name is held
/// by one that is being deleted, and only one can hold it.
async fn turn(connection: &mut PgConnection, id: &str) -> Result<(), sqlx::Error> {
    let mut attempt = connection.begin().await?;
    let change = Change {
        id,
        from: &[State::Creating, State::Running, State::Failed],
        to: State::Deleting,
        message: None,
    };
    match cms::change(&mut attempt, &change).await {
        Ok(_) => attempt.commit().await,
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
            attempt.rollback().await
        }
        Err(error) => Err(error),
    }
}
