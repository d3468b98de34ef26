//! The processes that do the work, by their heartbeats.

use crate::check::{Finding, Row, row};
use crate::gather::Sources;
use crate::gather::database::{Beat, LOST_FOR_MS};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use toygres_model::time::words;

pub(super) const ROWS: &[Row] = &[
    row!("TG0301", Runtime, Error, "a worker is alive", alive),
    row!("TG0302", Runtime, Warning, "no worker was lost", lost),
    row!("TG0303", Runtime, Warning, "all workers are of one release", versions),
    row!("TG0304", Runtime, Warning, "a worker has room for more work", room),
];

/// The heartbeats, or what to say instead.
async fn beats(sources: &Sources) -> Result<Arc<Option<Vec<Beat>>>, Finding> {
    sources.beats.clone().await.map_err(|error| Finding::cannot_tell(&error))
}

async fn alive(sources: &Sources) -> Finding {
    let beats = match beats(sources).await {
        Ok(beats) => beats,
        Err(finding) => return finding,
    };
    let Some(beats) = beats.as_ref() else {
        return Finding::unknown("this deployment records no heartbeats, so no worker can be seen")
            .fix("toygres server restart");
    };
    let live: Vec<&Beat> = beats.iter().filter(|beat| beat.is_live() && beat.works()).collect();
    // A process is as many workers as it works on activities at once.
    let count: i64 = live.iter().map(|beat| beat.concurrency).sum();
    let busy: i64 = live.iter().map(|beat| beat.busy().min(beat.concurrency)).sum();
    let idle = count - busy;
    let ids: Vec<&str> = live.iter().map(|beat| beat.worker_id.as_str()).collect();
    let plural = if count == 1 { "" } else { "s" };
    let finding = if live.is_empty() {
        // One that stopped does no work any more, and was a worker all the same.
        let worked = beats.iter().filter(|beat| beat.works() || beat.stopped);
        let seen = worked.map(|beat| beat.age_ms).min();
        let last = seen.map_or_else(
            || "none was seen within a day".to_owned(),
            |age| format!("the last one was seen {} ago", words(age)),
        );
        silent(sources, &last).await
    } else {
        let headline = format!("{count} worker{plural} active");
        Finding::ok(headline.clone()).headline(headline)
    };
    finding
        .see("live", live.len())
        .see("places", count)
        .see("idle", idle)
        .see("workers", json!(ids))
        .fact("Workers", format!("{busy} active, {idle} idle"))
}

/// No worker is alive, as far as the database knows. One that cannot write its heartbeat looks the
/// same as one that is gone, and starting another helps it as little.
async fn silent(sources: &Sources, last: &str) -> Finding {
    let server = sources.server.clone().await.ok();
    let full = server.as_ref().is_some_and(|server| server.is_full());
    let connected = server.as_ref().map_or(0, |server| server.said.servers);
    let finding = if full {
        Finding::failed(format!(
            "no heartbeat can be written, because the disk of the database is full; {last}"
        ))
        .fix("toygres server db-status")
    } else if connected > 0 {
        let open = match connected {
            1 => "a connection of a server is open".to_owned(),
            more => format!("{more} connections of servers are open"),
        };
        Finding::failed(format!(
            "no worker is alive; {last}, and {open}: it hangs, or the database refuses what it \
             writes, as where its disk is full"
        ))
        .fix("toygres server db-status")
        .fix("toygres server logs")
    } else {
        Finding::failed(format!("no worker is alive; {last}"))
            .fix("toygres server start")
            .fix("toygres server workers")
    };
    finding.see("servers_connected", connected)
}

async fn lost(sources: &Sources) -> Finding {
    let beats = match beats(sources).await {
        Ok(beats) => beats,
        Err(finding) => return finding,
    };
    let Some(beats) = beats.as_ref() else {
        return Finding::skipped("this deployment records no heartbeats");
    };
    let lost: Vec<&Beat> = beats.iter().filter(|beat| beat.is_lost()).collect();
    let names: Vec<&str> = lost.iter().map(|beat| beat.worker_id.as_str()).collect();
    let finding = match lost.first() {
        None => Finding::ok(format!("none within {}", words(LOST_FOR_MS))),
        Some(first) => Finding::warning(format!(
            "{} went without a word, `{}` on {} {} ago",
            if lost.len() == 1 { "a worker".to_owned() } else { format!("{} workers", lost.len()) },
            first.worker_id,
            first.host,
            words(first.age_ms)
        ))
        .fix("toygres server workers"),
    };
    finding.see("lost", json!(names))
}

async fn versions(sources: &Sources) -> Finding {
    let beats = match beats(sources).await {
        Ok(beats) => beats,
        Err(finding) => return finding,
    };
    let live = beats.iter().flatten().filter(|beat| beat.is_live());
    let versions: BTreeSet<&str> = live.map(|beat| beat.version.as_str()).collect();
    let listed: Vec<&str> = versions.iter().copied().collect();
    let finding = match listed.as_slice() {
        [] => Finding::skipped("no worker is alive"),
        [one] => Finding::ok(format!("all are {one}")),
        several => Finding::warning(format!("workers of releases {}", several.join(" and ")))
            .fix("toygres server workers"),
    };
    finding.see("versions", json!(listed))
}

async fn room(sources: &Sources) -> Finding {
    let beats = match beats(sources).await {
        Ok(beats) => beats,
        Err(finding) => return finding,
    };
    let live: Vec<&Beat> =
        beats.iter().flatten().filter(|beat| beat.is_live() && beat.works()).collect();
    if live.is_empty() {
        return Finding::skipped("no worker is alive");
    }
    let busy: i64 = live.iter().map(|beat| beat.busy()).sum();
    let most: i64 = live.iter().map(|beat| beat.concurrency).sum();
    let waiting = sources.queues.clone().await.map_or(0, |queues| queues.worker_due);
    let finding = if busy < most || waiting == 0 {
        Finding::ok(format!("{busy} of {most} activities at once"))
    } else {
        Finding::warning(format!(
            "{} and {}; start another worker",
            if most == 1 {
                "the only place is taken".to_owned()
            } else {
                format!("all {most} places are taken")
            },
            if waiting == 1 {
                "1 activity waits".to_owned()
            } else {
                format!("{waiting} activities wait")
            }
        ))
        .fix("toygres server start --mode worker")
    };
    finding.see("busy", busy).see("most", most).see("waiting", waiting)
}
