//! A control plane under attack, for as long as one likes: connections that idle, clients that
//! never read, queries that want more memory than there is, and `kill -9`, while databases come and
//! go. It holds if probes were answered within a second throughout, every database ended running
//! and reachable or was deleted, and nothing is left over.

mod aftermath;
mod attack;
mod lifecycle;
mod probes;
mod world;

use crate::Result;
use attack::Attack;
use lifecycle::Lifecycle;
use probes::Probes;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use world::World;

/// How hard, and for how long.
#[derive(Debug, Clone)]
pub struct SoakPlan {
    /// How long the attack lasts.
    pub duration: Duration,
    /// Databases that are created and deleted in that time.
    pub creates: u32,
    /// How often the server is killed and started again.
    pub kills: u32,
    /// The server's limit of memory, in bytes.
    pub memory: u64,
    /// Clients that connect and send nothing.
    pub idle_clients: u32,
    /// Clients that send requests without end and read nothing.
    pub deaf_clients: u32,
    /// Holders of the token whose queries want more than there is.
    pub greedy_clients: u32,
}

/// What a soak found.
#[derive(Debug, Default)]
pub struct SoakReport {
    /// Databases that were created.
    pub created: u32,
    /// Of these, found running and reached by psql.
    pub reached: u32,
    /// How often the server was killed and came back.
    pub kills: u32,
    /// Probes that were answered.
    pub probes: u64,
    /// The slowest of them.
    pub slowest_probe: Duration,
    /// Connections that the attackers made.
    pub connections: u64,
    /// Queries that the attackers sent.
    pub queries: u64,
    /// The most memory that the server held, in bytes; none where there is no control group.
    pub peak_memory: Option<u64>,
    /// What was measured or passed over for want of something.
    pub remarks: Vec<String>,
    /// What does not hold.
    pub failures: Vec<String>,
}

impl SoakPlan {
    /// The long form: half an hour.
    pub fn long() -> Self {
        Self {
            duration: Duration::from_secs(30 * 60),
            creates: 200,
            kills: 20,
            memory: 512 << 20,
            idle_clients: 1200,
            deaf_clients: 200,
            greedy_clients: 16,
        }
    }

    /// The short form, for the tests: the same in a minute.
    pub fn short() -> Self {
        Self {
            duration: Duration::from_secs(60),
            creates: 6,
            kills: 2,
            idle_clients: 400,
            deaf_clients: 60,
            greedy_clients: 8,
            ..Self::long()
        }
    }

    /// Carries it out.
    ///
    /// # Errors
    /// When a part of it does not start. What does not hold is in the report.
    pub fn run(&self) -> Result<SoakReport> {
        let world = Arc::new(World::start(self.memory)?);
        let stop = Arc::new(AtomicBool::new(false));
        let probes = Probes::start(world.clone(), stop.clone());
        let attack = Attack::start(self, &world, stop.clone())?;
        let lifecycle = Lifecycle::start(self, &world);
        let deadline = Instant::now() + self.duration;
        let mut report = SoakReport::default();
        let pause = self.duration / (self.kills + 1);
        for _ in 0..self.kills {
            thread::sleep(pause.min(deadline.saturating_duration_since(Instant::now())));
            world.kill_and_restart()?;
            report.kills += 1;
        }
        lifecycle.finish_by(deadline, &mut report);
        thread::sleep(deadline.saturating_duration_since(Instant::now()));
        stop.store(true, Ordering::Relaxed);
        attack.end(&mut report);
        probes.end(&mut report);
        aftermath::check(&world, &mut report)?;
        Ok(report)
    }
}

impl fmt::Display for SoakReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "databases created:      {} ({} reached by psql)", self.created, self.reached)?;
        writeln!(f, "kill -9 of the server:  {}", self.kills)?;
        let slowest = self.slowest_probe.as_millis();
        writeln!(f, "probes answered:        {} (slowest {slowest} ms)", self.probes)?;
        writeln!(f, "attackers' connections: {}", self.connections)?;
        writeln!(f, "attackers' queries:     {}", self.queries)?;
        if let Some(peak) = self.peak_memory {
            writeln!(f, "most memory:            {} MiB", peak >> 20)?;
        }
        for remark in &self.remarks {
            writeln!(f, "note: {remark}")?;
        }
        for failure in &self.failures {
            writeln!(f, "FAILED: {failure}")?;
        }
        Ok(())
    }
}
