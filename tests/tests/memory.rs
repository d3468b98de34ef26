//! No answer that somebody with a token asks for ends the server, or stays in its memory. It is a
//! suite of its own, because it takes most of what the machine has.

#[path = "support/mod.rs"]
mod support;

use serde_json::json;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use support::plane::Plane;
use toygres_tests::server::http::{Answer, exchange, read};
use toygres_tests::wait;

/// What `deploy/kubernetes` gives the server.
const SERVER_BYTES: u64 = 512 << 20;

/// The server's memory, as its process says.
struct Server {
    pid: String,
    _limit: Option<Limit>,
}

/// A control group that holds the server to its memory; it takes root and the first version of
/// control groups, and without them the peak alone is looked at.
struct Limit(PathBuf);

impl Server {
    fn new() -> Self {
        let pid = Plane::shared().text("server.pid").lines().next().unwrap().to_owned();
        let limit = Limit::new(&pid);
        if limit.is_none() {
            eprintln!("passed over: the limit of memory (it takes root and control groups)");
        }
        std::fs::write(format!("/proc/{pid}/clear_refs"), "5").unwrap();
        Self { pid, _limit: limit }
    }

    fn bytes(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_matches([':', ' ', '\t']).trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }
}

impl Limit {
    fn new(pid: &str) -> Option<Self> {
        let folder = PathBuf::from(format!("/sys/fs/cgroup/memory/toygres-test-{pid}"));
        std::fs::create_dir(&folder).ok()?;
        let limit = Self(folder);
        std::fs::write(limit.0.join("memory.limit_in_bytes"), SERVER_BYTES.to_string()).ok()?;
        std::fs::write(limit.0.join("cgroup.procs"), pid).ok()?;
        Some(limit)
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        let all = std::fs::read_to_string(self.0.join("cgroup.procs")).unwrap_or_default();
        for pid in all.lines() {
            let _ended = std::fs::write("/sys/fs/cgroup/memory/cgroup.procs", pid);
        }
        let _gone = std::fs::remove_dir(&self.0);
    }
}

/// What comes back, whole or not.
fn ask(sql: &str, limit: u64) -> Vec<u8> {
    let plane = Plane::shared();
    let address = plane.text("api-url").trim_start_matches("http://").to_owned();
    let body = json!({"sql": sql, "limit": limit, "timeout": "5m"}).to_string();
    let request = format!(
        "POST /api/server/db-query HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Authorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        plane.text("api-token"),
        body.len()
    );
    exchange(&address, request.as_bytes(), false).unwrap_or_default()
}

fn query(sql: &str, limit: u64) -> Answer {
    let answer = ask(sql, limit);
    read(&answer).unwrap_or_else(|| panic!("no answer of {} bytes: {sql}", answer.len()))
}

/// `n` rows of five numbers each.
fn numbers(n: u64) -> String {
    format!("SELECT g, g AS a, g AS b, g AS c, g AS d FROM generate_series(1, {n}) g")
}

#[test]
fn no_answer_ends_the_server_or_stays_in_its_memory() {
    let server = Server::new();
    let before = server.bytes("VmRSS");
    let refused = |sql: &str, says: &str| {
        let answer = query(sql, 20);
        assert!((400..500).contains(&answer.status), "{sql}: {} {}", answer.head, answer.body);
        let error = answer.json().to_string();
        assert!(error.contains(says) && error.len() < 20_000, "{sql}: {error}");
    };
    for bytes in [9_000_000_u64, 150_000_000] {
        refused(&format!("SELECT repeat('x', {bytes})"), "substring");
    }
    // PostgreSQL takes its time to make it.
    let status = query("SELECT repeat('x', 1000000000)", 20).status;
    assert!(matches!(status, 409 | 503 | 504), "{status}");
    refused("SELECT repeat('x', 5000000), repeat('y', 5000000)", "substring");
    refused("SELECT repeat('x', 100000000)::int", "the database's message of");
    refused("SELECT repeat('x', 900000)::int", "in all");

    // As many rows as were asked for, and whether there are more: after the rows, where these are
    // too many to be kept.
    let n = 700_000;
    let answer = query(&numbers(n + 1), n);
    assert_eq!(answer.status, 200, "{}", answer.head);
    assert_eq!(answer.body.matches("\"d\":").count() as u64, n);
    assert!(answer.body.ends_with(&format!("\"d\":{n}}}]")), "it broke off");
    assert!(answer.head.contains("trailer: toygres-more"), "{}", answer.head);
    drop(answer);
    let few = query("SELECT 1 AS a", 1);
    assert!(few.head.contains("toygres-more: false"), "{}", few.head);
    assert_eq!(few.body, "[{\"a\":1}]");

    let worst = [
        // Written with six times its bytes.
        "SELECT repeat(chr(1), 8000000) AS a FROM generate_series(1, 2)",
        // JSON that takes many times its bytes as a value.
        "SELECT jsonb_agg(jsonb_build_object('a', 0)) AS a FROM generate_series(1, 700000)",
        "SELECT jsonb_agg(jsonb_build_object('password', 'x')) AS a FROM generate_series(1, 50000)",
        "SELECT repeat('x', 8000000) AS a FROM generate_series(1, 4)",
    ];
    std::thread::scope(|scope| {
        for sql in worst.iter().chain(&worst) {
            // One that has to wait for the others may find that it took too long.
            scope.spawn(move || ask(sql, 0));
        }
    });
    assert_eq!(query("SELECT 1 AS a", 1).body, "[{\"a\":1}]");
    let peak = server.bytes("VmHWM");
    assert!(peak < SERVER_BYTES * 9 / 10, "the peak was {} MiB", peak >> 20);
    let began = Instant::now();
    let after = wait::until("the memory to be given back", || {
        let now = server.bytes("VmRSS");
        Ok((now < before + (48 << 20)).then_some(now))
    });
    let now = server.bytes("VmRSS") >> 20;
    assert!(
        after.is_ok(),
        "before {} MiB, at most {} MiB, now {now} MiB",
        before >> 20,
        peak >> 20
    );
    assert!(began.elapsed() < Duration::from_secs(60));
    eprintln!("before {} MiB, at most {} MiB, now {now} MiB", before >> 20, peak >> 20);
}
