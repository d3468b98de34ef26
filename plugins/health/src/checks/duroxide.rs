//! duroxide: its schema, its queues, its executions, and clocks.

use crate::check::{Finding, NAMED, Row, listed, orchestration, row};
use crate::gather::Sources;
use crate::gather::database::{MOST_STUCK, Stuck};
use crate::gather::schema::DUROXIDE_TABLES;
use serde_json::json;
use toygres_model::releases::{DUROXIDE_SCHEMA, Standing, standing};
use toygres_model::time::words;
use toygres_plugin_api::shell::ShellCommand;

pub(super) const ROWS: &[Row] = &[
    row!("TG0201", DuroxideDatabase, Error, "duroxide's tables are there", present),
    row!("TG0202", DuroxideDatabase, Warning, "duroxide's schema is not behind", behind),
    row!("TG0203", DuroxideDatabase, Warning, "duroxide's schema is not ahead", ahead),
    row!("TG0204", Runtime, Error, "messages are taken from the orchestrator's queue", messages),
    row!("TG0205", Runtime, Error, "activities are taken from the worker's queue", activities),
    row!("TG0206", Runtime, Error, "no orchestration is stuck", stuck),
    row!("TG0207", Runtime, Error, "no orchestration was given up as poisoned", poisoned),
    row!("TG0208", Runtime, Error, "no lease has run out", leases),
    row!("TG0209", Runtime, Warning, "no orchestration failed within a day", failed),
    row!("TG0210", Runtime, Error, "no work is taken again and again", retried),
    row!("TG0211", CmsDatabase, Error, "this machine's clock agrees with the database's", clock),
    row!("TG0212", Runtime, Error, "the workers' clocks agree with the database's", worker_clocks),
    row!("TG0213", Runtime, Warning, "no orchestration fails again and again", failing),
];

/// Work that waits longer is worth a warning: dispatchers poll several times a second.
const WAITS_MS: i64 = 15_000;
/// Work that waits longer has no worker.
const ABANDONED_MS: i64 = 60_000;
/// A lease that ran out is taken over within this.
const TAKEN_OVER_MS: i64 = 15_000;
/// A clock that is off by more confuses leases and timers.
const CLOCK_WARNING_MS: i64 = 2_000;
/// A clock that is off by more breaks them.
const CLOCK_FAILURE_MS: i64 = 30_000;

async fn present(sources: &Sources) -> Finding {
    let schemas = match sources.schemas.clone().await {
        Ok(schemas) => schemas,
        Err(error) => return Finding::cannot_tell(&error),
    };
    let missing: Vec<&str> =
        DUROXIDE_TABLES.iter().filter(|table| !schemas.duroxide_has(table)).copied().collect();
    let schema = &sources.settings.duroxide;
    if missing.is_empty() {
        return Finding::ok(format!("{} tables", schemas.count(schema)))
            .headline(format!("PostgreSQL ({schema} schema)"))
            .fact("Schema", schema)
            .fact("Tables", schemas.count(schema).to_string())
            .see("schema", schema.as_str())
            .see("tables", schemas.count(schema));
    }
    let what = if missing.len() == DUROXIDE_TABLES.len() {
        format!("the schema `{schema}` has none of duroxide's tables")
    } else {
        format!("the schema `{schema}` lacks {}", missing.join(", "))
    };
    Finding::failed(what)
        .see("schema", schema.as_str())
        .see("missing", json!(missing))
        .fix("toygres server start")
}

async fn behind(sources: &Sources) -> Finding {
    compared(sources, Standing::Behind, "restart the server of this release: it migrates").await
}

async fn ahead(sources: &Sources) -> Finding {
    compared(sources, Standing::Ahead, "a newer release was here").await
}

async fn compared(sources: &Sources, bad: Standing, why: &str) -> Finding {
    let schemas = match sources.schemas.clone().await {
        Ok(schemas) => schemas,
        Err(error) => return Finding::cannot_tell(&error),
    };
    let Some(found) = schemas.newest(&sources.settings.duroxide) else {
        return Finding::unknown("no table that can be read records duroxide's migrations");
    };
    let finding = if standing(found, DUROXIDE_SCHEMA) == bad {
        Finding::warning(format!(
            "its newest migration is {found}, this release knows {DUROXIDE_SCHEMA}: {why}"
        ))
        .fix(if bad == Standing::Behind {
            "toygres server restart"
        } else {
            "toygres version"
        })
    } else {
        Finding::ok(format!("its newest migration is {found}"))
    };
    finding.see("newest", found).see("known", DUROXIDE_SCHEMA)
}

async fn messages(sources: &Sources) -> Finding {
    match sources.queues.clone().await {
        Err(error) => Finding::cannot_tell(&error),
        Ok(queues) => queue("messages", queues.orchestrator_due, queues.orchestrator_oldest_ms)
            .see("timers", queues.timers)
            .fact(
                "Queue Size",
                format!("{} pending items", queues.orchestrator_due + queues.worker_due),
            ),
    }
}

async fn activities(sources: &Sources) -> Finding {
    match sources.queues.clone().await {
        Err(error) => Finding::cannot_tell(&error),
        Ok(queues) => queue("activities", queues.worker_due, queues.worker_oldest_ms)
            .see("held", queues.held)
            .fact("Processing", format!("{} activities", queues.held)),
    }
}

fn queue(what: &str, due: i64, oldest_ms: Option<i64>) -> Finding {
    let oldest = oldest_ms.unwrap_or(0).max(0);
    let finding = if oldest <= WAITS_MS {
        Finding::ok(format!("{due} {what} wait, none for long"))
    } else {
        let said = format!("{due} {what} wait, the oldest for {}", words(oldest));
        let finding =
            if oldest > ABANDONED_MS { Finding::failed(said) } else { Finding::warning(said) };
        finding.fix("toygres server workers").fix("toygres server orchestrations --stuck")
    };
    finding.see("due", due).see("oldest_ms", oldest_ms)
}

async fn stuck(sources: &Sources) -> Finding {
    let found = match sources.executions.clone().await {
        Ok(found) => found,
        Err(error) => return Finding::cannot_tell(&error),
    };
    let ids: Vec<&str> = found.stuck_of.iter().map(|stuck| stuck.id.as_str()).collect();
    let finding = match found.stuck_of.first() {
        None => Finding::ok("each waits for something that will come"),
        Some(first) => Finding::failed(format!(
            "{}{} running with nothing that will move them on, such as {}",
            if found.stuck < MOST_STUCK { "" } else { "at least " },
            orchestrations(found.stuck),
            listed(ids.iter().take(NAMED).copied())
        ))
        .fixes(found.stuck_of.iter().take(NAMED).map(mend))
        .fixes((ids.len() > 1).then_some("toygres server orchestrations --stuck"))
        .see("example", first.id.as_str())
        .see("ids", json!(ids)),
    };
    finding.see("count", found.stuck).see("counted_to", MOST_STUCK)
}

async fn failing(sources: &Sources) -> Finding {
    let found = match sources.executions.clone().await {
        Ok(found) => found,
        Err(error) => return Finding::cannot_tell(&error),
    };
    let ids: Vec<&str> = found.failing.iter().map(String::as_str).collect();
    let finding = match ids.first() {
        None => Finding::ok("none has failed three times in a row"),
        Some(_) => {
            let verb = if ids.len() == 1 { "has" } else { "have" };
            Finding::warning(format!(
                "{} {verb} failed at least three times in a row and will be tried again: {}",
                orchestrations(i64::try_from(ids.len()).unwrap_or(i64::MAX)),
                listed(ids.iter().copied())
            ))
            .fixes(ids.iter().take(NAMED).map(|id| orchestration(id)))
        }
    };
    finding.see("ids", json!(ids))
}

/// What was never started, nothing but clearing it ends; of the others their records tell more.
fn mend(stuck: &Stuck) -> ShellCommand {
    match stuck.unstarted {
        true => ShellCommand::new("toygres server cancel").arg(&stuck.id).flag("--force"),
        false => orchestration(&stuck.id),
    }
}

async fn poisoned(sources: &Sources) -> Finding {
    let found = match sources.executions.clone().await {
        Ok(found) => found,
        Err(error) => return Finding::cannot_tell(&error),
    };
    let finding = match &found.poisoned_of {
        None => Finding::ok("none within a day"),
        Some(id) => Finding::failed(format!(
            "{} given up after too many attempts, last `{id}`",
            orchestrations(found.poisoned)
        ))
        .fix(orchestration(id))
        .see("example", id.as_str()),
    };
    finding.see("count", found.poisoned)
}

async fn failed(sources: &Sources) -> Finding {
    let found = match sources.executions.clone().await {
        Ok(found) => found,
        Err(error) => return Finding::cannot_tell(&error),
    };
    let finding = match &found.failed_of {
        None => Finding::ok("none"),
        Some(id) => Finding::warning(format!(
            "{} failed within a day, last `{id}`",
            orchestrations(found.failed)
        ))
        .fix("toygres server orchestrations --status failed --since 1d")
        .fix(orchestration(id))
        .see("example", id.as_str()),
    };
    finding.see("count", found.failed)
}

fn orchestrations(count: i64) -> String {
    format!("{count} orchestration{}", if count == 1 { "" } else { "s" })
}

async fn leases(sources: &Sources) -> Finding {
    let queues = match sources.queues.clone().await {
        Ok(queues) => queues,
        Err(error) => return Finding::cannot_tell(&error),
    };
    let oldest = queues.expired_ms.unwrap_or(0);
    let id = queues.expired_of.as_deref().unwrap_or("-");
    let said = || {
        format!(
            "{} lease{} ran out and nobody took over, the oldest {} ago (`{id}`)",
            queues.expired,
            if queues.expired == 1 { "" } else { "s" },
            words(oldest)
        )
    };
    let finding = match oldest {
        0..=TAKEN_OVER_MS => Finding::ok("whoever took work is at it"),
        ..=ABANDONED_MS => Finding::warning(said()).fix("toygres server workers"),
        _ => Finding::failed(said()).fix("toygres server workers"),
    };
    finding.see("expired", queues.expired).see("oldest_ms", queues.expired_ms)
}

async fn retried(sources: &Sources) -> Finding {
    let queues = match sources.queues.clone().await {
        Ok(queues) => queues,
        Err(error) => return Finding::cannot_tell(&error),
    };
    let most = queues.retried_most.unwrap_or(0);
    let finding = match &queues.retried_of {
        None => Finding::ok("none"),
        Some(id) => Finding::failed(format!(
            "{} item{} of work taken up to {most} times and given back, such as one of `{id}`",
            queues.retried,
            if queues.retried == 1 { " was" } else { "s were" },
        ))
        .fix(orchestration(id))
        .see("example", id.as_str()),
    };
    finding.see("count", queues.retried).see("attempts", most)
}

async fn clock(sources: &Sources) -> Finding {
    match sources.server.clone().await {
        Err(error) => Finding::cannot_tell(&error),
        Ok(server) => skew("this machine's clock", server.ahead_ms),
    }
}

async fn worker_clocks(sources: &Sources) -> Finding {
    let beats = match sources.beats.clone().await {
        Ok(beats) => beats,
        Err(error) => return Finding::cannot_tell(&error),
    };
    let Some(beats) = beats.as_ref() else {
        return Finding::skipped("this deployment records no heartbeats");
    };
    // A beat from the future is a clock that was off, too.
    let off =
        |beat: &crate::gather::database::Beat| beat.ahead_ms.unwrap_or(0).max(-beat.age_ms).max(0);
    let recent = beats.iter().filter(|beat| !beat.stopped && beat.age_ms < 3_600_000);
    let Some(worst) = recent.max_by_key(|beat| off(beat)) else {
        return Finding::skipped("no worker was seen within an hour");
    };
    skew(&format!("the clock of worker `{}` on {}", worst.worker_id, worst.host), off(worst))
        .see("worker_id", worst.worker_id.as_str())
        .see("host", worst.host.as_str())
}

fn skew(whose: &str, ahead_ms: i64) -> Finding {
    let off = ahead_ms.abs();
    let finding = if off <= CLOCK_WARNING_MS {
        Finding::ok(format!("within {} ms", off.max(1)))
    } else {
        let way = if ahead_ms > 0 { "ahead of" } else { "behind" };
        let said = format!("{whose} is {} {way} the database's", words(off));
        let finding =
            if off > CLOCK_FAILURE_MS { Finding::failed(said) } else { Finding::warning(said) };
        finding.fix("timedatectl status")
    };
    finding.see("ahead_ms", ahead_ms)
}

#[cfg(test)]
mod tests {
    use super::{queue, skew};
    use crate::check::Outcome;

    #[test]
    fn a_queue_is_judged_by_the_age_of_its_oldest_item() {
        for (oldest, outcome) in [
            (None, Outcome::Ok),
            (Some(15_000), Outcome::Ok),
            (Some(15_001), Outcome::Warning),
            (Some(60_001), Outcome::Failed),
        ] {
            assert_eq!(queue("activities", 9, oldest).outcome, outcome, "{oldest:?}");
        }
    }

    #[test]
    fn clocks_may_differ_a_little_in_either_direction() {
        for (ahead, outcome) in [
            (0, Outcome::Ok),
            (-2_000, Outcome::Ok),
            (2_001, Outcome::Warning),
            (-30_001, Outcome::Failed),
        ] {
            assert_eq!(skew("it", ahead).outcome, outcome, "{ahead}");
        }
        assert!(skew("it", -60_000).summary.contains("1m behind"));
    }
}
