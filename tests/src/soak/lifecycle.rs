//! Databases that come and go while the server is attacked.

use super::world::World;
use super::{SoakPlan, SoakReport};
use crate::postgres::Binaries;
use crate::{Result, wait};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// So many are made at a time.
const AT_A_TIME: u32 = 3;
/// Every so many, one stays until the end.
const ONE_STAYS_OF: u32 = 10;
/// A machine under attack takes its time for a database.
const PATIENCE: Duration = Duration::from_secs(240);

pub(super) struct Lifecycle {
    threads: Vec<JoinHandle<Found>>,
    no_more: Arc<AtomicBool>,
    creates: u32,
}

#[derive(Default)]
struct Found {
    created: u32,
    reached: u32,
    failures: Vec<String>,
}

impl Lifecycle {
    pub(super) fn start(plan: &SoakPlan, world: &Arc<World>) -> Self {
        let next = Arc::new(AtomicU32::new(0));
        let no_more = Arc::new(AtomicBool::new(false));
        let creates = plan.creates;
        let threads = (0..AT_A_TIME).map(|_| {
            let (world, next, no_more) = (world.clone(), next.clone(), no_more.clone());
            thread::spawn(move || {
                let mut found = Found::default();
                while !no_more.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= creates {
                        break;
                    }
                    if let Err(error) = found.live_through(&world, number) {
                        found.failures.push(format!("soak{number}: {error}"));
                    }
                }
                found
            })
        });
        Self { threads: threads.collect(), no_more, creates }
    }

    /// Waits for all of them; those that are not begun by the deadline are left out, and told.
    pub(super) fn finish_by(self, deadline: Instant, report: &mut SoakReport) {
        while !self.threads.iter().all(JoinHandle::is_finished) {
            if Instant::now() > deadline {
                self.no_more.store(true, Ordering::Relaxed);
            }
            thread::sleep(Duration::from_millis(200));
        }
        for ended in self.threads.into_iter().map(JoinHandle::join) {
            let Ok(found) = ended else {
                report.failures.push("a life of databases broke".to_owned());
                continue;
            };
            report.created += found.created;
            report.reached += found.reached;
            report.failures.extend(found.failures);
        }
        if report.created < self.creates {
            let made = report.created;
            report.remarks.push(format!("{made} of {} creations fitted in the time", self.creates));
        }
    }
}

impl Found {
    fn live_through(&mut self, world: &World, number: u32) -> Result {
        let name = format!("soak{number}");
        expect(world, &["create", &name, "-o", "json"], &[0])?;
        self.created += 1;
        if number % 3 == 1 {
            // At once, or a moment later: in another step of the creation each time.
            thread::sleep(Duration::from_millis(u64::from(number % 7) * 250));
            return delete(world, &name);
        }
        reach(world, &name)?;
        self.reached += 1;
        if number.is_multiple_of(ONE_STAYS_OF) { Ok(()) } else { delete(world, &name) }
    }
}

/// Waits until it runs, and asks it something.
pub(super) fn reach(world: &World, name: &str) -> Result {
    let instance = wait::until_within(PATIENCE, &format!("`{name}` to run"), || {
        let ran = world.run(&["get", name, "--show-password", "-o", "json"])?;
        if ran.code != 0 {
            return Err(format!("{ran:?}").into());
        }
        let instance: serde_json::Value = serde_json::from_str(&ran.stdout)?;
        match instance["state"].as_str() {
            Some("running") => Ok(Some(instance)),
            Some("creating") => Ok(None),
            state => Err(format!("it is {state:?}: {}", instance["message"]).into()),
        }
    })?;
    let url = instance["connection_string"].as_str().ok_or("no connection string")?;
    let password = instance["password"].as_str().ok_or("no password")?;
    let url = if url.contains("***") { url.replace("***", password) } else { url.to_owned() };
    let answer = Binaries::find()?.psql(&url, "SELECT 6 * 7")?;
    if answer == "42" { Ok(()) } else { Err(format!("psql answered {answer}").into()) }
}

fn delete(world: &World, name: &str) -> Result {
    // It may be gone already: an interrupted request was taken.
    expect(world, &["delete", name, "--force", "-o", "json"], &[0, 5])?;
    wait::until_within(PATIENCE, &format!("`{name}` to go"), || {
        let ran = world.run(&["get", name, "-o", "json"])?;
        if ran.code == 5 {
            return Ok(Some(()));
        }
        let instance: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap_or_default();
        match instance["state"].as_str() {
            Some("deleted") => Ok(Some(())),
            Some("failed") => Err(format!("it failed: {}", instance["message"]).into()),
            _ => Ok(None),
        }
    })
}

/// Runs a command that may end so; one whose request was cut off may have been taken, and then
/// says of the second that it is there already.
fn expect(world: &World, args: &[&str], codes: &[i32]) -> Result {
    let ran = world.run(args)?;
    let again = args[0] == "create" && world.run(&["get", args[1], "-o", "json"])?.code == 0;
    if codes.contains(&ran.code) || again {
        return Ok(());
    }
    Err(format!("`toygres {}`: {ran:?}", args.join(" ")).into())
}
