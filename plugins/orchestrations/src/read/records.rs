//! All records of one orchestration.

use super::schema::Schema;
use super::workers::{Heartbeat, heartbeats, holder};
use serde::Deserialize;
use serde_json::Value;
use toygres_model::diagnosis::{
    Diagnosis, FailedChild, Kind, Records, child_id, diagnose, root_cause,
};
use toygres_model::history::Event;
use toygres_model::queue::QueueRow;
use toygres_model::steps::{Step, StepKind, StepState, steps};
use toygres_model::{error_details, time};
use toygres_plugin_api::Result;
use toygres_plugin_api::context::Session;
use toygres_plugin_api::shell::ShellCommand;

/// One orchestration as its records have it.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// `running`, `completed`, `failed`, `cancelled`, `pending`, or another generation's word.
    pub(crate) status: String,
    /// The execution that was asked for; the latest by default.
    pub(crate) execution: Option<i64>,
    /// The latest execution.
    pub(crate) latest: Option<i64>,
    /// How many executions there are.
    pub(crate) executions: Vec<Execution>,
    pub(crate) created_at: Option<String>,
    pub(crate) parent: Option<String>,
    pub(crate) custom_status: Option<String>,
    /// What it was started with.
    pub(crate) input: Option<String>,
    /// What it returned.
    pub(crate) output: Option<String>,
    /// What it failed with.
    pub(crate) error: Option<String>,
    /// The records for a diagnosis; their steps are those of the execution that was asked for.
    pub(crate) records: Records,
    /// The reason of its cancellation.
    pub(crate) cancel_reason: Option<String>,
    /// It was never started, and has an execution though.
    pub(crate) unstarted: Option<Unstarted>,
}

/// An execution of an orchestration that was never started.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Unstarted {
    /// What keeps it from being cleared.
    pub(crate) held: Vec<String>,
}

/// One execution.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Execution {
    pub(crate) execution_id: i64,
    pub(crate) status: Option<String>,
    pub(crate) output: Option<String>,
    pub(crate) started_at: Option<String>,
    pub(crate) completed_at: Option<String>,
}

impl Found {
    /// Terminal: nothing will change any more.
    pub(crate) fn is_terminal(&self) -> bool {
        matches!(self.status.as_str(), "completed" | "failed" | "cancelled")
    }

    /// The execution that was asked for.
    pub(crate) fn shown(&self) -> Option<&Execution> {
        self.executions.iter().find(|execution| Some(execution.execution_id) == self.execution)
    }
}

/// The most executions that are read: a health monitor has one a minute, for ever.
const MOST_EXECUTIONS: u32 = 50;
/// The most events of one execution.
const MOST_EVENTS: u32 = 20_000;

/// Reads an orchestration; `None` where there is no record of it.
pub(crate) async fn find(
    session: &Session,
    schema: &Schema,
    id: &str,
    execution: Option<i64>,
) -> Result<Option<Found>> {
    #[derive(Deserialize)]
    struct Instance {
        row: Value,
        now_ms: i64,
    }
    let instance: Option<Instance> = session
        .query(format!(
            "SELECT to_jsonb(i) AS row, (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms \
             FROM {} i WHERE i.instance_id = $1",
            schema.table("instances")
        ))
        .bind(id)
        .fetch_optional()
        .await?;
    let orchestrator_queue = orchestrator_queue(session, schema, id).await?;
    let (Instance { row, now_ms }, unstarted) = match instance {
        Some(instance) => (instance, None),
        None => {
            if let Some(found) = not_begun(session, id, &orchestrator_queue).await? {
                return Ok(Some(found));
            }
            // An execution may be all that there is of it.
            let alone: Option<Instance> = session
                .query(format!(
                    "SELECT jsonb_build_object('current_execution_id', max(e.execution_id), \
                     'created_at', min(e.started_at)) AS row, \
                     (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms \
                     FROM {} e WHERE e.instance_id = $1 HAVING count(*) > 0",
                    schema.table("executions")
                ))
                .bind(id)
                .fetch_optional()
                .await?;
            let Some(alone) = alone else { return Ok(None) };
            (alone, unstarted(session, schema, id).await?)
        }
    };
    let text = |key: &str| row.get(key).and_then(Value::as_str).map(str::to_owned);
    let latest = row.get("current_execution_id").and_then(Value::as_i64);
    let wanted = execution.or(latest);
    let executions = executions(session, schema, id, wanted).await?;
    let shown = executions.iter().find(|execution| Some(execution.execution_id) == wanted).cloned();
    let events = match wanted {
        Some(execution) => events(session, schema, id, execution).await?,
        None => Vec::new(),
    };
    let terminal = events.iter().rev().find(|event| event.kind == "OrchestrationFailed");
    let details =
        terminal.and_then(|event| event.data.get("details").or_else(|| event.data.get("error")));
    let cancel_reason = details.and_then(error_details::cancel_reason);
    let status = status(shown.as_ref(), wanted != latest, cancel_reason.is_some());
    let error = match status.as_str() {
        "failed" | "cancelled" => details
            .map(error_details::message)
            .or_else(|| shown.as_ref().and_then(|execution| execution.output.clone())),
        _ => None,
    };
    let started = events.iter().find(|event| event.kind == "OrchestrationStarted");
    let records = Records {
        id: id.to_owned(),
        name: text("orchestration_name"),
        version: text("orchestration_version"),
        steps: steps(&events),
        worker_queue: worker_queue(session, schema, id).await?,
        orchestrator_queue,
        locked_until: lock(session, schema, id).await?,
        now: now_ms,
    };
    Ok(Some(Found {
        output: match status.as_str() {
            "completed" => shown.as_ref().and_then(|execution| execution.output.clone()),
            _ => None,
        },
        status,
        execution: wanted,
        latest,
        created_at: text("created_at").and_then(|at| time::rfc3339(time::parse(&at)?)),
        parent: text("parent_instance_id")
            .or_else(|| started.and_then(|event| event.text("parent_instance")).map(str::to_owned))
            .or_else(|| id.rfind("::sub::").map(|end| id[..end].to_owned())),
        custom_status: text("custom_status"),
        input: started.and_then(|event| event.text("input")).map(str::to_owned),
        error,
        cancel_reason,
        unstarted,
        executions,
        records,
    }))
}

fn status(shown: Option<&Execution>, is_earlier: bool, cancelled: bool) -> String {
    match shown.and_then(|execution| execution.status.as_deref()) {
        Some("Failed") if cancelled => "cancelled".to_owned(),
        Some("ContinuedAsNew") if is_earlier => "continued_as_new".to_owned(),
        Some("ContinuedAsNew") => "running".to_owned(),
        Some(status) => status.to_lowercase(),
        None => "running".to_owned(),
    }
}

/// What keeps an execution without an instance and without an event from being cleared; `None` where
/// it is none such.
async fn unstarted(session: &Session, schema: &Schema, id: &str) -> Result<Option<Unstarted>> {
    let Some(schemas) = schema.unstarted() else { return Ok(None) };
    session.query(schemas.find()).bind(id).fetch_optional().await
}

/// Its start lies in the queue, and nothing else is known of it.
async fn not_begun(session: &Session, id: &str, queue: &[QueueRow]) -> Result<Option<Found>> {
    #[derive(Deserialize)]
    struct Now {
        now_ms: i64,
    }
    let Some(start) = queue.iter().find(|row| row.kind == "StartOrchestration").cloned() else {
        return Ok(None);
    };
    let now: Now = session
        .query("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms")
        .fetch_one()
        .await?;
    Ok(Some(Found {
        status: "pending".to_owned(),
        execution: None,
        latest: None,
        executions: Vec::new(),
        created_at: start.created_at().and_then(time::rfc3339),
        parent: start.text("parent_instance").map(str::to_owned),
        custom_status: None,
        input: start.text("input").map(str::to_owned),
        output: None,
        error: None,
        cancel_reason: None,
        unstarted: None,
        records: Records {
            id: id.to_owned(),
            name: start.text("orchestration").map(str::to_owned),
            version: start.text("version").map(str::to_owned),
            orchestrator_queue: queue.to_vec(),
            now: now.now_ms,
            ..Records::default()
        },
    }))
}

async fn executions(
    session: &Session,
    schema: &Schema,
    id: &str,
    wanted: Option<i64>,
) -> Result<Vec<Execution>> {
    let mut found: Vec<Execution> = session
        .query(format!(
            "SELECT e.execution_id, e.status, e.output, e.started_at, e.completed_at FROM {} e \
             WHERE e.instance_id = $1 AND (e.execution_id = $2::bigint OR e.execution_id > \
             (SELECT max(execution_id) - {MOST_EXECUTIONS} FROM {} WHERE instance_id = $1)) \
             ORDER BY e.execution_id",
            schema.table("executions"),
            schema.table("executions")
        ))
        .bind(id)
        .bind(wanted)
        .fetch()
        .await?;
    found.sort_by_key(|execution| execution.execution_id);
    Ok(found)
}

async fn events(
    session: &Session,
    schema: &Schema,
    id: &str,
    execution: i64,
) -> Result<Vec<Event>> {
    #[derive(Deserialize)]
    struct Row {
        event_id: i64,
        event_data: String,
        created_ms: Option<i64>,
    }
    if !schema.has("history") {
        return Ok(Vec::new());
    }
    let rows: Vec<Row> = session
        .query(format!(
            "SELECT h.event_id, h.event_data, (extract(epoch FROM h.created_at) * 1000)::bigint AS created_ms \
             FROM {} h WHERE h.instance_id = $1 AND h.execution_id = $2::bigint \
             ORDER BY h.event_id LIMIT {MOST_EVENTS}",
            schema.table("history")
        ))
        .bind(id)
        .bind(execution)
        .fetch()
        .await?;
    Ok(rows.iter().map(|row| Event::read(row.event_id, &row.event_data, row.created_ms)).collect())
}

#[derive(Deserialize)]
struct Queued {
    columns: Value,
    work_item: String,
}

async fn worker_queue(session: &Session, schema: &Schema, id: &str) -> Result<Vec<QueueRow>> {
    if !schema.has("worker_queue") {
        return Ok(Vec::new());
    }
    let rows: Vec<Queued> = session
        .query(format!(
            "SELECT to_jsonb(q) - 'work_item' AS columns, q.work_item FROM {} q \
             WHERE coalesce(to_jsonb(q)->>'instance_id', substring(q.work_item from \
             '\"instance\":\"([^\"]*)\"')) = $1 ORDER BY q.id LIMIT 1000",
            schema.table("worker_queue")
        ))
        .bind(id)
        .fetch()
        .await?;
    Ok(rows.into_iter().map(|row| QueueRow::read(row.columns, &row.work_item)).collect())
}

async fn orchestrator_queue(session: &Session, schema: &Schema, id: &str) -> Result<Vec<QueueRow>> {
    if !schema.has("orchestrator_queue") {
        return Ok(Vec::new());
    }
    let rows: Vec<Queued> = session
        .query(format!(
            "SELECT to_jsonb(q) - 'work_item' AS columns, q.work_item FROM {} q \
             WHERE q.instance_id = $1 ORDER BY q.id LIMIT 1000",
            schema.table("orchestrator_queue")
        ))
        .bind(id)
        .fetch()
        .await?;
    Ok(rows.into_iter().map(|row| QueueRow::read(row.columns, &row.work_item)).collect())
}

async fn lock(session: &Session, schema: &Schema, id: &str) -> Result<Option<i64>> {
    #[derive(Deserialize)]
    struct Lock {
        locked_until: i64,
    }
    if !schema.has("instance_locks") {
        return Ok(None);
    }
    let lock: Option<Lock> = session
        .query(format!(
            "SELECT locked_until FROM {} WHERE instance_id = $1",
            schema.table("instance_locks")
        ))
        .bind(id)
        .fetch_optional()
        .await?;
    Ok(lock.map(|lock| lock.locked_until))
}

/// How deep sub-orchestrations are followed.
const DEEPEST: usize = 16;

/// Why it is where it is, sub-orchestrations followed; `None` for one that ended well.
pub(crate) async fn explain(
    session: &Session,
    schema: &Schema,
    found: &Found,
) -> Result<Option<Diagnosis>> {
    let mut chain: Vec<Diagnosis> = Vec::new();
    let mut current = found.clone();
    loop {
        let (diagnosis, child) = match current.status.as_str() {
            "completed" | "continued_as_new" => break,
            "cancelled" => (cancelled(&current), None),
            "failed" => {
                match root_cause(&current.records, current.error.as_deref().unwrap_or_default()) {
                    FailedChild::Here(diagnosis) => (diagnosis, None),
                    FailedChild::In(child) => (in_child(&current, &child), Some(child)),
                }
            }
            _ if current.unstarted.is_some() => (never_started(&current), None),
            _ => {
                let mut diagnosis = diagnose(&current.records);
                if diagnosis.kind == Kind::ExecutingActivity {
                    name_worker(session, schema, &current.records, &mut diagnosis).await?;
                }
                let child = diagnosis.child.clone();
                (diagnosis, child)
            }
        };
        chain.push(diagnosis);
        let Some(child) = child.filter(|_| chain.len() < DEEPEST) else { break };
        match find(session, schema, &child, None).await? {
            // The answer of a child that has ended is on its way.
            Some(next) if next.status != "completed" => current = next,
            _ => break,
        }
    }
    let mut chain = chain.into_iter().rev();
    let Some(mut whole) = chain.next() else { return Ok(None) };
    for outer in chain {
        whole = outer.with_nested(whole);
    }
    Ok(Some(whole))
}

/// Adds which worker has the activity, where a heartbeat tells. One that is lost will not end it: only
/// the lease keeps another one from taking it.
async fn name_worker(
    session: &Session,
    schema: &Schema,
    records: &Records,
    diagnosis: &mut Diagnosis,
) -> Result<()> {
    let heartbeats = heartbeats(session, schema).await?;
    let Some(activity) = diagnosis.evidence["activity"].as_str().map(str::to_owned) else {
        return Ok(());
    };
    let is_any_alive = heartbeats.iter().any(Heartbeat::is_alive);
    let holder = holder(&heartbeats, &records.id, &activity);
    let lost = match holder {
        Some(worker) if worker.is_lost() => Some(worker),
        Some(_) => None,
        // No heartbeat tells of it: with nobody alive it was taken by one that is gone.
        None if is_any_alive => None,
        None => heartbeats.iter().find(|worker| worker.is_lost()),
    };
    diagnosis.evidence["worker"] = holder.or(lost).map_or(serde_json::Value::Null, Heartbeat::json);
    if let Some(worker) = lost {
        let next = if is_any_alive {
            "another worker takes it once the lease has expired"
        } else {
            "no other worker is alive"
        };
        diagnosis.summary = format!(
            "{}; worker `{}` was last seen {} ago and is considered lost: {next}",
            diagnosis.summary,
            worker.worker_id,
            time::words(worker.age_ms)
        );
        diagnosis.is_abandoned = !is_any_alive;
    } else if let Some(worker) = holder {
        diagnosis.summary = format!("{} on worker `{}`", diagnosis.summary, worker.worker_id);
    }
    Ok(())
}

fn never_started(found: &Found) -> Diagnosis {
    let held = found.unstarted.iter().flat_map(|unstarted| &unstarted.held);
    let held: Vec<&str> = held.map(String::as_str).collect();
    let id = &found.records.id;
    let summary = if held.is_empty() {
        let cancel = ShellCommand::new("toygres server cancel").arg(id).flag("--force");
        format!(
            "an execution is recorded and no start: it was sent a message, such as a cancellation, \
             without having been started, and nothing will move it on; clear it with `{cancel}`"
        )
    } else {
        format!("an execution is recorded and no start so far: {}", held.join("; "))
    };
    let evidence = serde_json::json!({
        "orchestration": id,
        "execution": found.execution,
        "instance_record": false,
        "events": 0,
        "clearable": held.is_empty(),
        "held": held,
    });
    Diagnosis::new(Kind::NeverStarted, summary, evidence)
}

fn cancelled(found: &Found) -> Diagnosis {
    let reason = found.cancel_reason.clone().unwrap_or_default();
    Diagnosis::new(
        Kind::Cancelled,
        format!("cancelled: {reason}"),
        serde_json::json!({"orchestration": found.records.id, "reason": reason}),
    )
}

fn in_child(found: &Found, child: &str) -> Diagnosis {
    let mut diagnosis = Diagnosis::new(
        Kind::RootCause,
        format!("sub-orchestration `{child}` failed"),
        serde_json::json!({
            "orchestration": found.records.id, "sub_orchestration": child, "error": found.error,
        }),
    );
    diagnosis.child = Some(child.to_owned());
    diagnosis
}

/// The sub-orchestrations that an execution started, in order.
pub(crate) fn children(found: &Found) -> Vec<(&Step, String)> {
    let steps = found.records.steps.iter().filter(|step| step.kind == StepKind::SubOrchestration);
    steps
        .map(|step| {
            (step, child_id(&found.records.id, step.instance.as_deref().unwrap_or_default()))
        })
        .collect()
}

/// Failed or cancelled steps count as ended.
pub(crate) fn is_pending(step: &Step) -> bool {
    step.state == StepState::Pending
}
