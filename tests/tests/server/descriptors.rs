//! Descriptors: whoever takes them from outside takes none that the server's own work needs, and one
//! that is missing all the same is nobody else's fault.

use super::Served;
use super::floods::{Ends, probe};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use std::fs;
use std::io::Read;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use toygres_tests::control::Deployment;
use toygres_tests::server::Home;
use toygres_tests::wait;

/// What was found out about an instance's health, each word once.
fn verdicts(deployment: &Deployment) -> String {
    let sql = "SELECT coalesce(string_agg(DISTINCT status::text, ' '), '') \
               FROM toygres_cms.instance_health_checks";
    deployment.database.psql(sql).trim().to_owned()
}

fn checks(deployment: &Deployment) -> i64 {
    deployment.count("SELECT count(*) FROM toygres_cms.instance_health_checks")
}

fn create(home: &Home, name: &str) -> String {
    let body = format!("{{\"name\":\"{name}\"}}");
    let created = home.request("POST", "/api/instances").json(body).send();
    assert_eq!(created.status, 202, "{created:#?}");
    created.json()["k8s_name"].as_str().unwrap().to_owned()
}

/// The limit of open files of a process.
fn soft_limit(pid: i32) -> (String, String) {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    (words[3].to_owned(), words[4].to_owned())
}

#[test]
fn the_soft_limit_is_raised() {
    let Some(served) = Served::new(&[]) else { return };
    let (soft, hard) = soft_limit(served.home.pid().unwrap());
    let hard = hard.parse().unwrap_or(u64::MAX).min(65_536);
    assert_eq!(soft.parse::<u64>().unwrap().min(65_536), hard);
    assert!(served.home.log().contains("limits of open files"), "{}", served.home.log());
}

#[test]
fn clients_that_connect_for_ever_make_nothing_unhealthy_and_fail_no_creation() {
    let Some(deployment) = Deployment::new() else { return };
    let home = Home::new(&deployment).descriptors(256);
    home.start(&[]);
    let watched = create(&home, "watched");
    deployment.reaches(&watched, "running").unwrap();
    wait::until("a check", || Ok((checks(&deployment) > 0).then_some(()))).unwrap();
    let address = home.address();
    let (stop, connected) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let _ends = Ends(&stop);
        for _ in 0..400 {
            let thread = std::thread::Builder::new().stack_size(128 * 1024);
            let flood = || {
                while !stop.load(Ordering::SeqCst) {
                    let Ok(mut stream) = TcpStream::connect(&address) else { continue };
                    connected.fetch_add(1, Ordering::SeqCst);
                    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
                    while stream
                        .read(&mut [0])
                        .is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
                        && !stop.load(Ordering::SeqCst)
                    {}
                }
            };
            let _running = thread.spawn_scoped(scope, flood).unwrap();
        }
        wait::until("the flood", || Ok((connected.load(Ordering::SeqCst) > 400).then_some(())))
            .unwrap();
        let before = checks(&deployment);
        let made = create(&home, "amid");
        deployment.reaches(&made, "running").unwrap();
        wait::until("checks meanwhile", || {
            probe(&address);
            Ok((checks(&deployment) > before + 5).then_some(()))
        })
        .unwrap();
    });
    assert_eq!(verdicts(&deployment), "healthy");
    assert!(!home.log().contains("os error 24"), "{}", home.log());
}

/// Lets a process open nothing more, until this is dropped.
struct Exhausted {
    pid: Pid,
    before: Rlimit,
}

impl Exhausted {
    fn new(pid: i32) -> Self {
        let maximum = soft_limit(pid).1.parse().ok();
        let none = Rlimit { current: Some(3), maximum };
        let pid = Pid::from_raw(pid).unwrap();
        let before = prlimit(Some(pid), Resource::Nofile, none).unwrap();
        Self { pid, before }
    }
}

impl Drop for Exhausted {
    fn drop(&mut self) {
        prlimit(Some(self.pid), Resource::Nofile, self.before).unwrap();
    }
}

/// Longer than a step's attempts take where they count, which is a minute.
const LONGER_THAN_ALL_ATTEMPTS: Duration = Duration::from_secs(75);

#[test]
fn a_server_that_can_open_nothing_blames_no_instance_and_gives_up_no_creation() {
    let Some(served) = Served::new(&[]) else { return };
    let Served { home, deployment } = &served;
    let watched = create(home, "watched");
    deployment.reaches(&watched, "running").unwrap();
    wait::until("a check", || Ok((checks(deployment) > 0).then_some(()))).unwrap();
    let made = create(home, "amid");
    let exhausted = Exhausted::new(home.pid().unwrap());
    let failed = "SELECT count(*) FROM toygres_duroxide.history \
                  WHERE event_data LIKE '%exhausted: %'";
    wait::until("a step to find nothing left", || Ok((deployment.count(failed) > 0).then_some(())))
        .unwrap();
    let began = Instant::now();
    wait::until_within(LONGER_THAN_ALL_ATTEMPTS * 2, "all attempts to be over", || {
        assert_eq!(deployment.record(&made)?["state"], "creating");
        assert_ne!(deployment.record(&watched)?["health_status"], "unhealthy");
        Ok((began.elapsed() > LONGER_THAN_ALL_ATTEMPTS).then_some(()))
    })
    .unwrap();
    drop(exhausted);
    deployment.reaches(&made, "running").unwrap();
    let verdicts = verdicts(deployment);
    assert!(!verdicts.contains("unhealthy"), "{verdicts}");
    wait::until("it to be healthy again", || {
        Ok((deployment.record(&watched)?["health_status"] == "healthy").then_some(()))
    })
    .unwrap();
    let lines = home.log().matches("a connection could not be taken").count();
    assert!(lines < 20, "{lines} lines");
}
