//! Statistics of a large deployment: by the roll-ups that a server keeps, and without them.

use super::laptop::Laptop;
use super::measure::{run, times};
use super::{Bench, psql};
use serde_json::Value;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use toygres_tests::{Result, statistics};

/// How long the server may take to roll a million orchestrations up.
const ROLLED_WITHIN: Duration = Duration::from_secs(3600);

/// The least that one would count by hand: events by type, without a duration.
const BY_HAND: &str = r#"
SELECT substring(event_data from '"type":"([A-Za-z]+)"') AS type, count(*)
FROM toygres_duroxide.history WHERE created_at >= now() - interval '1 day' GROUP BY 1"#;

/// Whether everything that ended is rolled up.
const ROLLED: &str = "(SELECT max(rolled_until) >=
        (SELECT max(completed_at) FROM toygres_duroxide.executions)
    FROM toygres_cms.rollup_progress WHERE name = 'executions')";

/// How far it is.
const UNTIL: &str = "(SELECT max(rolled_until) FROM toygres_cms.rollup_progress)";

pub(super) fn measure(bench: &Bench) -> Result {
    let laptop = Laptop::up(&[])?;
    let orchestrations = bench.options.rows;
    let events = orchestrations * statistics::EVENTS;
    statistics::generate(&laptop.url, orchestrations)?;
    println!("stats, {orchestrations} orchestrations, {events} events:");
    let mut stats = bench.toygres(&laptop.url);
    stats.args(["server", "stats", "-o", "json"]);
    let runs = bench.options.runs;

    match method(&mut stats).and_then(|method| Ok((method, times(&mut stats, bench.few())?))) {
        Ok((method, took)) => {
            let held = bench.aims.hold("stats without roll-ups", took.wall_ms, 2000.0, "ms");
            println!(
                "without roll-ups ({method}): {:.1} ms, {:.0} MiB  ({held})",
                took.wall_ms, took.peak_mib
            );
        }
        // The rest is worth measuring all the same.
        Err(error) => {
            let _missed = bench.aims.hold("stats without roll-ups", f64::INFINITY, 2000.0, "ms");
            println!("without roll-ups: {error}");
        }
    }

    let began = Instant::now();
    laptop.start_server()?;
    laptop.waits_for(ROLLED, UNTIL, ROLLED_WITHIN)?;
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "rolled up by a server that started: {seconds:.0} s, {:.0} orchestrations/s, {}",
        orchestrations as f64 / seconds,
        super::load()
    );
    by_rollups(&mut stats)?;
    let rolled = times(&mut stats, runs)?;
    let by_hand = run(psql(&laptop.url)?.args(["-c", BY_HAND]))?;
    let held = bench.aims.hold("stats by roll-ups", rolled.wall_ms, 1000.0, "ms");
    println!(
        "by roll-ups: {:.1} ms, {:.0} MiB  ({held})\n\
         the events counted by type in psql, once: {:.1} ms\nratio {:.3}\n",
        rolled.wall_ms,
        rolled.peak_mib,
        by_hand.wall_ms,
        rolled.wall_ms / by_hand.wall_ms
    );
    laptop.stop_server()
}

/// How the statistics were come by.
fn method(stats: &mut Command) -> Result<String> {
    // A run whose time was taken has left it without output.
    let output =
        stats.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let answer: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("`stats` answers nothing ({}): {error}: {said}", output.status))?;
    Ok(answer["sources"]["method"].as_str().ok_or("`stats` tells no method")?.to_owned())
}

/// A fast answer that is no answer by roll-ups would be no measurement.
fn by_rollups(stats: &mut Command) -> Result {
    let method = method(stats)?;
    if method == "rolled_up" {
        return Ok(());
    }
    Err(format!("everything is rolled up, and the statistics are {method}").into())
}
