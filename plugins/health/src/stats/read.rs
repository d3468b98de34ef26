//! What the database knows, read in one snapshot.

use super::sql;
use crate::check::reason;
use crate::gather::Settings;
use crate::gather::schema::{self, DUROXIDE_TABLES, Schemas};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use toygres_plugin_api::context::Session;
use toygres_plugin_api::{Context, Error, Result};

/// How long one statement may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Executions that ended and that the roll-ups do not have: with more, they are not used.
const LATE: i64 = 5_000;
/// Executions that are counted one by one; where there are many more, a sample of about so many.
const COUNTED: i64 = 10_000;
/// Executions whose events are read; the same.
const EVENTFUL: i64 = 1_000;
/// Executions that roll-ups do not have yet and that are read; more are left out, and told.
pub(super) const LIVE: i64 = 500;

/// Everything that was read.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) now_ms: i64,
    /// Or why not.
    pub(super) instances: Result<Instances, String>,
    pub(super) workers: Result<Workers, String>,
    pub(super) server: Server,
    pub(super) orchestrations: Vec<Orchestration>,
    pub(super) activities: Vec<Activity>,
    /// How long they ran, as the workers measured it; or why that is not known.
    pub(super) runs: Result<Vec<Activity>, String>,
    pub(super) method: &'static str,
    pub(super) rollups: Rollups,
    pub(super) rolled_until_ms: Option<i64>,
    /// Where the counting begins, if that is not where the window begins.
    pub(super) counted_since_ms: Option<i64>,
    /// What ended before then is gone from the roll-ups, and the window begins earlier.
    pub(super) gone_before_ms: Option<i64>,
    /// Of all executions, this part was looked at.
    pub(super) sampled_part: f64,
    /// Of all executions, the events of this part were.
    pub(super) sampled_events_part: f64,
    pub(super) left_out: i64,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Instances {
    pub(super) running: i64,
    pub(super) creating: i64,
    pub(super) deleting: i64,
    pub(super) failed: i64,
    pub(super) healthy: i64,
    pub(super) unhealthy: i64,
    pub(super) unknown: i64,
    pub(super) storage_gb: i64,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Workers {
    pub(super) live: i64,
    pub(super) idle: i64,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Server {
    pub(super) now_ms: i64,
    pub(super) connections: i64,
    pub(super) active: i64,
    pub(super) processing: i64,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Orchestration {
    pub(super) kind: String,
    /// `completed`, `failed`, `cancelled`, `running` (and begun in the window), or `running_now`.
    pub(super) status: String,
    pub(super) count: i64,
    pub(super) total_ms: i64,
    pub(super) rolled: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Activity {
    pub(super) activity: String,
    pub(super) succeeded: bool,
    pub(super) bin: i32,
    pub(super) count: i64,
    pub(super) total_ms: i64,
    pub(super) most_ms: i64,
    pub(super) rolled: bool,
}

impl Raw {
    /// What a count in a sample stands for.
    pub(super) fn scaled(&self, count: i64, rolled: bool) -> i64 {
        if rolled { count } else { stands_for(count, self.sampled_part) }
    }

    /// The same of activities.
    pub(super) fn scaled_events(&self, count: i64, rolled: bool) -> i64 {
        if rolled { count } else { stands_for(count, self.sampled_events_part) }
    }

    /// Why the roll-ups are not used; none where they are.
    pub(super) fn rollups_reason(&self) -> Option<String> {
        match (self.method, self.rollups) {
            ("rolled_up", _) => None,
            (_, Rollups::Readable) => Some("the roll-ups are too far behind, or empty".to_owned()),
            (_, other) => Some(other.missing().to_owned()),
        }
    }

    /// What bounds the answer, in words.
    pub(super) fn bounds(&self) -> Option<String> {
        if self.sampled_events_part < 1.0 {
            let why = match self.rolled_until_ms {
                None => self.rollups.missing().to_owned(),
                Some(until) => format!(
                    "the roll-ups are {} behind, and more than {LATE} executions ended since",
                    toygres_model::time::words(self.now_ms - until)
                ),
            };
            return Some(format!(
                "counts are estimates from a sample of {:.2}% of all executions, and the events of \
                 {:.2}%: {why}",
                self.sampled_part * 100.0,
                self.sampled_events_part * 100.0
            ));
        }
        let left_out = (self.left_out > 0).then(|| {
            format!(
                "the activities of {} executions that run, or ended a moment ago, are not counted",
                self.left_out
            )
        });
        let gone = self.gone_before_ms.and_then(toygres_model::time::rfc3339).map(|moment| {
            format!("what ended before {moment} is not in the roll-ups, and not counted")
        });
        let bounds: Vec<String> = left_out.into_iter().chain(gone).collect();
        (!bounds.is_empty()).then(|| bounds.join("; "))
    }
}

/// Whether there are roll-ups for this role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rollups {
    /// There are none.
    None,
    /// There are, and this role may not read them.
    Forbidden,
    /// There are.
    Readable,
}

impl Rollups {
    /// Why nothing comes from them.
    fn missing(self) -> &'static str {
        match self {
            Self::None => "this deployment keeps no roll-ups",
            Self::Forbidden => "this role may not read the roll-ups: GRANT SELECT shows them",
            Self::Readable => "the roll-ups are still empty",
        }
    }
}

/// Reads.
pub(super) async fn read(ctx: &Context, settings: Settings, since: &str) -> Result<Raw> {
    let schemas = schema::look(ctx.clone(), settings).await?;
    for table in DUROXIDE_TABLES {
        if !schemas.duroxide_has(table) {
            return Err(Error::not_found(format!(
                "the schema `{}` has no table `{table}` of orchestrations",
                schemas.duroxide
            ))
            .hint("is this the right database? see `toygres server db-status`"));
        }
    }
    // Beside the snapshot, since a table that may not be read would end it.
    let (instances, workers, runs) =
        tokio::join!(instances(ctx, &schemas), workers(ctx, &schemas), runs(ctx, &schemas, since));
    let session = ctx.db().snapshot().await?;
    let server: Server = one(&session, sql::server(&schemas), &[]).await?;
    let mut raw = Raw {
        now_ms: server.now_ms,
        instances: instances.map_err(|error| reason(&error)),
        workers: workers.map_err(|error| reason(&error)),
        server,
        orchestrations: Vec::new(),
        activities: Vec::new(),
        runs: runs.map_err(|error| reason(&error)),
        method: "counted",
        rollups: Rollups::None,
        rolled_until_ms: None,
        counted_since_ms: None,
        gone_before_ms: None,
        sampled_part: 1.0,
        sampled_events_part: 1.0,
        left_out: 0,
    };
    raw.rollups = match schemas.cms_has("rollup_progress") {
        false => Rollups::None,
        true if may_read_rollups(ctx, &schemas).await => Rollups::Readable,
        true => Rollups::Forbidden,
    };
    let has_rollups = raw.rollups == Rollups::Readable;
    let progress = if has_rollups {
        one(&session, sql::progress(&schemas), &[since]).await?
    } else {
        Progress::default()
    };
    raw.rolled_until_ms = progress.until_ms;
    let by_rollups = has_rollups && rolled(&session, &schemas, since, &progress, &mut raw).await?;
    if !by_rollups {
        counted(&session, &schemas, since, &mut raw).await?;
    }
    let _over = session.rollback().await;
    Ok(raw)
}

#[derive(Default, Deserialize)]
struct Progress {
    until_ms: Option<i64>,
    /// Where the bucket begins that the window begins in.
    since_ms: i64,
    /// What ended before is not in the roll-ups any more, or never was.
    kept_ms: Option<i64>,
    has_older: bool,
}

fn stands_for(count: i64, part: f64) -> i64 {
    if part >= 1.0 { count } else { (count as f64 / part).round() as i64 }
}

async fn may_read_rollups(ctx: &Context, schemas: &Schemas) -> bool {
    #[derive(Deserialize)]
    struct May {
        may: bool,
    }
    let asked: Result<May> =
        ctx.db().query(sql::may_read_rollups(schemas)).timeout(PATIENCE).fetch_one().await;
    asked.is_ok_and(|answer| answer.may)
}

async fn instances(ctx: &Context, schemas: &Schemas) -> Result<Instances> {
    if !schemas.cms_has("instances") {
        return Err(Error::not_found(format!("the schema `{}` has no instances", schemas.cms)));
    }
    ctx.db().query(sql::instances(schemas)).timeout(PATIENCE).fetch_one().await
}

async fn runs(ctx: &Context, schemas: &Schemas, since: &str) -> Result<Vec<Activity>> {
    if !schemas.cms_has("rollup_activity_runs") {
        return Err(Error::not_found("this deployment does not measure how long activities run"));
    }
    ctx.db().query(sql::activity_runs(schemas)).bind(since).timeout(PATIENCE).fetch().await
}

async fn workers(ctx: &Context, schemas: &Schemas) -> Result<Workers> {
    if !schemas.cms_has("worker_heartbeats") {
        return Err(Error::not_found("this deployment records no heartbeats"));
    }
    ctx.db().query(sql::workers(schemas)).timeout(PATIENCE).fetch_one().await
}

/// What ended from the roll-ups; what they do not have yet, and what runs, now. Answers whether that
/// was possible: roll-ups that are far behind leave too much to be counted one by one. How long ago
/// they were made says nothing of that: with the server, the workers were down too.
async fn rolled(
    session: &Session,
    schemas: &Schemas,
    since: &str,
    progress: &Progress,
    raw: &mut Raw,
) -> Result<bool> {
    #[derive(Deserialize)]
    struct Left {
        left_out: i64,
    }
    let Some(until_ms) = progress.until_ms else { return Ok(false) };
    let until = moment(until_ms)?;
    let late: Executions = one(session, sql::late(schemas, LATE), &[&until]).await?;
    if late.executions > LATE {
        return Ok(false);
    }
    raw.method = "rolled_up";
    let window_ms = toygres_model::time::parse(since).unwrap_or(progress.since_ms);
    raw.gone_before_ms =
        progress.kept_ms.filter(|kept_ms| progress.has_older && window_ms < *kept_ms);
    // Everything is counted from where a bucket begins, so that both parts are of one window.
    raw.counted_since_ms = Some(progress.since_ms);
    let since = &moment(progress.since_ms)?;
    raw.orchestrations = all(session, sql::rolled_orchestrations(schemas), &[since]).await?;
    raw.activities = all(session, sql::rolled_activities(schemas), &[since]).await?;
    let live: Vec<Orchestration> =
        all(session, sql::live_orchestrations(schemas), &[since, &until]).await?;
    raw.orchestrations.extend(live);
    let live: Vec<Activity> =
        all(session, sql::live_activities(schemas, LIVE), &[since, &until]).await?;
    raw.activities.extend(live);
    let left: Left = one(session, sql::left_out(schemas, LIVE), &[&until]).await?;
    raw.left_out = left.left_out;
    Ok(true)
}

fn moment(ms: i64) -> Result<String> {
    toygres_model::time::rfc3339(ms)
        .ok_or_else(|| Error::failed(format!("the roll-ups speak of {ms} ms, no time")))
}

/// Everything now: all of it where that is little, else a sample.
async fn counted(session: &Session, schemas: &Schemas, since: &str, raw: &mut Raw) -> Result<()> {
    let about: Executions = one(session, sql::about(schemas), &[]).await?;
    let part =
        |most: i64| (about.executions > 2 * most).then(|| most as f64 / about.executions as f64);
    let (counted, eventful) = (part(COUNTED), part(EVENTFUL));
    raw.sampled_part = part_of_sample(session, schemas, counted, about.executions).await?;
    raw.sampled_events_part = part_of_sample(session, schemas, eventful, about.executions).await?;
    if eventful.is_some() {
        raw.method = "sampled";
    }
    let orchestrations = sql::counted_orchestrations(schemas, counted);
    raw.orchestrations = all(session, orchestrations, &[since]).await?;
    raw.activities = all(session, sql::counted_activities(schemas, eventful), &[since]).await?;
    Ok(())
}

#[derive(Deserialize)]
struct Executions {
    executions: i64,
}

/// The part of all executions that a sample has when this part was asked for.
async fn part_of_sample(
    session: &Session,
    schemas: &Schemas,
    asked: Option<f64>,
    about: i64,
) -> Result<f64> {
    let Some(asked) = asked else { return Ok(1.0) };
    let has: Executions = one(session, sql::size_of_sample(schemas, asked), &[]).await?;
    Ok(if has.executions > 0 { has.executions as f64 / about as f64 } else { asked })
}

async fn all<T: DeserializeOwned>(
    session: &Session,
    sql: String,
    binds: &[&str],
) -> Result<Vec<T>> {
    let query = session.query(sql).timeout(PATIENCE);
    binds.iter().fold(query, |query, bind| query.bind(*bind)).fetch().await
}

async fn one<T: DeserializeOwned>(session: &Session, sql: String, binds: &[&str]) -> Result<T> {
    let query = session.query(sql).timeout(PATIENCE);
    binds.iter().fold(query, |query, bind| query.bind(*bind)).fetch_one().await
}
