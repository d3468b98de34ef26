//! What tells of a change: a row of `drift_detections`, and an event of the instance.

use super::{Applying, StepOutcome, faults};
use crate::plan::{Action, Step};
use crate::settings::quoted;
use serde::Deserialize;
use serde_json::json;
use toygres_plugin_api::context::{Bind, Session};
use toygres_plugin_api::{Context, Error, Result};

impl Applying<'_> {
    /// Tells of a step outside of the database before it is done, so that one which is killed
    /// half-way has left its row. Answers the row, where none told of this drift yet.
    pub(super) async fn intended(&self, step: &Step) -> Result<Option<i64>> {
        #[derive(Deserialize)]
        struct Row {
            id: i64,
        }
        let session = self.ctx.db().write(self.confirmed).await?;
        let sql = format!(
            "INSERT INTO {cms}.drift_detections (detection_type, k8s_name, cms_state, k8s_exists,
                 message, metadata)
             SELECT $1, $2, $3, true, $4, $5::jsonb WHERE NOT EXISTS (
                 SELECT FROM {cms}.drift_detections
                 WHERE detection_type = $1 AND k8s_name = $2 AND resolved_at IS NULL)
             RETURNING id::bigint AS id",
            cms = quoted(&self.settings.cms)
        );
        let query = session
            .query(sql)
            .bind(step.kind.as_str())
            .bind(step.k8s_name.as_str())
            .bind(Some(step.state.as_str()).filter(|state| *state != "none"))
            .bind(step.text())
            .bind(json!({"step": step}));
        let row: Option<Row> = query.fetch_optional().await?;
        session.commit().await?;
        Ok(row.map(|row| row.id))
    }

    /// Closes the row of a step that failed, and says in it what it failed with. What cannot be
    /// written is left to the next run, which takes it for interrupted.
    pub(super) async fn not_done(&self, detection: i64, error: &Error) {
        let what = format!("; the step failed: {}", error.message);
        if let Err(left) = self.close(detection, &what).await {
            let text = format!("the record of a step that failed stays open: {}", left.message);
            self.ctx.ui().warn(text).await;
        }
    }

    /// Tells of a step that was done outside of the database.
    pub(super) async fn audited(
        &self,
        number: usize,
        step: &Step,
        done: StepOutcome,
        event: bool,
    ) -> Result<StepOutcome> {
        faults::at(number, "abort");
        let session = self.ctx.db().write(self.confirmed).await?;
        let cms = quoted(&self.settings.cms);
        if event {
            self::event(&session, &cms, step).await?;
        }
        detection(self.ctx, &session, &cms, step).await?;
        session.commit().await?;
        Ok(done)
    }
}

/// What is added to a record whose step was interrupted.
const INTERRUPTED: &str = "; the run that began this was interrupted, and it is not found any more";

impl Applying<'_> {
    /// Closes the record of a step that was interrupted, and says in it what happened.
    pub(super) async fn settled(&self, detection: i64) -> Result<StepOutcome> {
        let closed = self.close(detection, INTERRUPTED).await?;
        Ok(if closed { StepOutcome::Done } else { StepOutcome::Already })
    }

    /// Closes a row and adds to what it says; answers whether it was open.
    async fn close(&self, detection: i64, what: &str) -> Result<bool> {
        let session = self.ctx.db().write(self.confirmed).await?;
        let sql = format!(
            "UPDATE {cms}.drift_detections SET resolved_at = now(),
                 resolved_by = $2 || current_user, message = coalesce(message, '') || $3
             WHERE id = $1 AND resolved_at IS NULL",
            cms = quoted(&self.settings.cms)
        );
        let binds: Vec<Bind> = vec![detection.into(), by(self.ctx).into(), what.into()];
        let closed = session.execute(&sql, binds).await?;
        session.commit().await?;
        Ok(closed > 0)
    }
}

/// The word of a step's event.
fn event_type(action: &Action) -> &'static str {
    match action {
        Action::MarkDeleted => "marked-deleted",
        Action::KeepPassword => "password-kept",
        Action::Import(_) => "imported",
        Action::RestoreSecret => "secret-restored",
        Action::ResetPassword { .. } => "password-reset",
        Action::MakeStatefulSet { .. } => "stateful-set-made",
        Action::StartMonitor => "monitor-started",
        Action::RecordMonitor { .. } => "monitor-recorded",
        Action::RecordAddress { .. } => "address-recorded",
        Action::RecordStorage { .. } => "storage-recorded",
        Action::MakeService { .. } => "service-made",
        Action::RestoreLabels { .. } => "labels-restored",
        Action::Settle { .. } => "step-settled",
    }
}

/// Writes the event.
pub(super) async fn event(session: &Session, cms: &str, step: &Step) -> Result<()> {
    let (old, new) = match step.action {
        Action::MarkDeleted => (Some(step.state.as_str()), Some("deleted")),
        Action::Import(_) => {
            (Some(step.state.as_str()).filter(|old| *old != "none"), Some("running"))
        }
        _ => (None, None),
    };
    let sql = format!(
        "INSERT INTO {cms}.instance_events
             (instance_id, event_type, old_state, new_state, message, metadata, created_at)
         VALUES ($1::uuid, $2, $3::text::public.instance_state, $4::text::public.instance_state,
             $5, $6::jsonb, clock_timestamp())"
    );
    let binds: Vec<Bind> = vec![
        step.id.as_str().into(),
        event_type(&step.action).into(),
        old.into(),
        new.into(),
        step.text().into(),
        json!({"by": "sync", "step": step}).into(),
    ];
    session.execute(&sql, binds).await.map(drop)
}

/// Closes the open row of the drift, or writes a closed one.
pub(super) async fn detection(
    ctx: &Context,
    session: &Session,
    cms: &str,
    step: &Step,
) -> Result<()> {
    let by = by(ctx);
    let close = format!(
        "UPDATE {cms}.drift_detections SET resolved_at = now(), resolved_by = $3 || current_user
         WHERE detection_type = $1 AND k8s_name = $2 AND resolved_at IS NULL"
    );
    let (kind, name) = (step.kind.as_str(), step.k8s_name.as_str());
    let closed =
        session.execute(&close, vec![kind.into(), name.into(), by.as_str().into()]).await?;
    if closed > 0 {
        return Ok(());
    }
    let sql = format!(
        "INSERT INTO {cms}.drift_detections (detection_type, k8s_name, cms_state, k8s_exists,
             message, metadata, detected_at, resolved_at, resolved_by)
         VALUES ($1, $2, $3, $4, $5, $6::jsonb, now(), now(), $7 || current_user)"
    );
    let state = Some(step.state.as_str()).filter(|state| *state != "none");
    let exists = !matches!(step.action, Action::MarkDeleted);
    let binds: Vec<Bind> = vec![
        kind.into(),
        name.into(),
        state.into(),
        exists.into(),
        step.text().into(),
        json!({"step": step}).into(),
        by.into(),
    ];
    session.execute(&sql, binds).await.map(drop)
}

/// Who did it, as far as that is known.
fn by(_: &Context) -> String {
    let user = std::env::var("USER").ok().filter(|user| !user.is_empty());
    user.map_or_else(|| "toygres sync as ".to_owned(), |user| format!("toygres sync by {user} as "))
}
