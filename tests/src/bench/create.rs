//! Databases made through the whole control plane, beside what duroxide alone does on the same
//! PostgreSQL.
//!
//! Both sides run as many orchestrations, with as many activities one after the other, by runtimes
//! with the same options. What makes the difference is all that a creation is: requests, the CMS,
//! objects in Kubernetes and their readiness, a connection, a monitor. The pods are light: starting
//! real PostgreSQL servers would be most of it.

use super::Bench;
use super::laptop::Laptop;
use super::plain::{self, Plain};
use serde_json::json;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use toygres_tests::kube::open_postgres;
use toygres_tests::{Error, Result};

/// Requests at a time.
const AT_ONCE: u32 = 8;
/// Activities at a time, on both sides.
const WORKERS: usize = 8;
/// How long all of a run may take.
const WITHIN: Duration = Duration::from_secs(600);

/// What one run took.
struct Took {
    seconds: f64,
    activities: u32,
}

impl Took {
    /// Activities a second.
    fn rate(&self) -> f64 {
        f64::from(self.activities) / self.seconds
    }
}

pub(super) fn measure(bench: &Bench) -> Result {
    let pods = open_postgres()?;
    let laptop = Laptop::up(&[
        ("TOYGRES_LOCAL_LIGHT_PODS", &pods.port().to_string()),
        ("TOYGRES_WORKERS", &WORKERS.to_string()),
        ("TOYGRES_LEASE_MS", "30000"),
        // Checks of what is made already would slow the next run.
        ("TOYGRES_MONITOR_INTERVAL_MS", "3600000"),
    ])?;
    laptop.start_server()?;
    let plain = Plain::start(&laptop.url, WORKERS)?;
    let count = bench.options.creates.max(1);
    // One run of each that does not count.
    let activities = creates(&laptop, "warm", count.min(16))?.activities / count.min(16);
    alone(&laptop, &plain, "warm", count.min(16), activities)?;
    let (mut ours, mut others) = (Vec::new(), Vec::new());
    for run in 0..bench.few() {
        let made = creates(&laptop, &format!("r{run}"), count)?;
        others.push(alone(&laptop, &plain, &format!("r{run}"), count, made.activities / count)?);
        ours.push(made);
    }
    plain.stop();
    let (ours, other) = (median(ours), median(others));
    println!(
        "{count} creates, {AT_ONCE} at a time, until all run: {:.1} s, {:.1} creates/s, {:.0} activities/s\n\
         duroxide alone, as many orchestrations and activities: {:.1} s, {:.0} activities/s\n\
         ratio {:.2}  (creates' activities per second / duroxide's; median of {} runs)\n",
        ours.seconds,
        f64::from(count) / ours.seconds,
        ours.rate(),
        other.seconds,
        other.rate(),
        ours.rate() / other.rate(),
        bench.few(),
    );
    Ok(())
}

/// Creates through the API, until all of them run.
fn creates(laptop: &Laptop, prefix: &str, count: u32) -> Result<Took> {
    let began = Instant::now();
    let next = AtomicU32::new(0);
    std::thread::scope(|scope| {
        let caller = || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return Ok::<_, Error>(());
                }
                create(laptop, &format!("{prefix}-{number}"))?;
            }
        };
        let callers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(caller)).collect();
        callers.into_iter().try_for_each(|caller| {
            caller.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })?;
    let states = format!("toygres_cms.instances WHERE user_name LIKE '{prefix}-%'");
    all(laptop, &format!("{states} AND state <> 'creating'"), count)?;
    let seconds = began.elapsed().as_secs_f64();
    let running = laptop.count(&format!("SELECT count(*) FROM {states} AND state = 'running'"))?;
    if running != count {
        return Err(format!("of {count} creates, {running} run").into());
    }
    // What follows a creation's last change of state is its own, too.
    let ids = format!("instance_id LIKE 'create-{prefix}-%'");
    let executions = "toygres_duroxide.executions";
    all(laptop, &format!("{executions} WHERE {ids} AND status = 'Completed'"), count)?;
    let activities = laptop.count(&format!(
        "SELECT count(*) FROM toygres_duroxide.history
         WHERE {ids} AND event_data LIKE '%\"ActivityCompleted\"%'"
    ))?;
    Ok(Took { seconds, activities })
}

fn create(laptop: &Laptop, name: &str) -> Result {
    let wanted = json!({"name": name, "password": "test123"}).to_string();
    let answer = laptop.home().request("POST", "/api/instances").json(wanted).send();
    if answer.status == 202 {
        return Ok(());
    }
    Err(format!("creating {name} was answered with {}: {}", answer.status, answer.body).into())
}

/// The same by duroxide alone.
fn alone(
    laptop: &Laptop,
    plain: &Plain,
    prefix: &str,
    count: u32,
    activities: u32,
) -> Result<Took> {
    let began = Instant::now();
    plain.begin(&format!("{prefix}-"), count, activities, AT_ONCE as usize)?;
    let done = format!(
        "{}.executions WHERE instance_id LIKE '{prefix}-%' AND status = 'Completed'",
        plain::SCHEMA
    );
    all(laptop, &done, count)?;
    Ok(Took { seconds: began.elapsed().as_secs_f64(), activities: count * activities })
}

/// Waits until so many rows are there.
fn all(laptop: &Laptop, rows: &str, count: u32) -> Result {
    let there = format!("(SELECT count(*) FROM {rows})");
    laptop.waits_for(&format!("{there} >= {count}"), &there, WITHIN)
}

fn median(mut runs: Vec<Took>) -> Took {
    runs.sort_by(|a, b| a.rate().total_cmp(&b.rate()));
    let middle = runs.len() / 2;
    runs.swap_remove(middle)
}
