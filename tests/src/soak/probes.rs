//! What Kubernetes asks of the server, and how long it waits for the answer.

use super::SoakReport;
use super::world::World;
use crate::server::http;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A probe that takes longer has failed, as Kubernetes' default has it.
const PROBE_DEADLINE: Duration = Duration::from_secs(1);
const PROBE_INTERVAL: Duration = Duration::from_millis(250);
/// More than these are counted and not told one by one.
const MAX_TOLD: usize = 10;

pub(super) struct Probes(JoinHandle<Found>);

#[derive(Default)]
struct Found {
    answered: u64,
    slowest: Duration,
    missed: Vec<String>,
    missed_count: usize,
}

impl Probes {
    pub(super) fn start(world: Arc<World>, stop: Arc<AtomicBool>) -> Self {
        Self(thread::spawn(move || {
            let began = Instant::now();
            let mut found = Found::default();
            while !stop.load(Ordering::Relaxed) {
                for path in ["/healthz", "/readyz"] {
                    found.probe(&world, path, began);
                }
                thread::sleep(PROBE_INTERVAL);
            }
            found
        }))
    }

    pub(super) fn end(self, report: &mut SoakReport) {
        let Ok(found) = self.0.join() else {
            report.failures.push("the probes broke".to_owned());
            return;
        };
        report.probes = found.answered;
        report.slowest_probe = found.slowest;
        let more = found.missed_count.saturating_sub(found.missed.len());
        report.failures.extend(found.missed);
        if more > 0 {
            report.failures.push(format!("{more} more probes were not answered in time"));
        }
    }
}

impl Found {
    fn probe(&mut self, world: &World, path: &str, began: Instant) {
        let Some(before) = world.generation() else { return };
        let asked = Instant::now();
        let answer = ask(&world.address(), path);
        let took = asked.elapsed();
        // A server that was killed meanwhile owes no answer.
        if world.generation() != Some(before) {
            return;
        }
        match answer {
            Ok(status) if took <= PROBE_DEADLINE && matches!(status, 200 | 503) => {
                self.answered += 1;
                self.slowest = self.slowest.max(took);
            }
            other => {
                self.missed_count += 1;
                if self.missed.len() < MAX_TOLD {
                    let at = began.elapsed().as_secs();
                    self.missed.push(format!("at {at} s {path}: {other:?} after {took:?}"));
                }
            }
        }
    }
}

fn ask(address: &str, path: &str) -> crate::Result<u16> {
    let address: SocketAddr = address.parse()?;
    let mut stream = TcpStream::connect_timeout(&address, PROBE_DEADLINE)?;
    stream.set_read_timeout(Some(PROBE_DEADLINE))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(http::read(&answer).ok_or("no answer")?.status)
}
