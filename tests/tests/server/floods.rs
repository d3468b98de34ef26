//! Connections of clients without a token: idle ones, slow ones, such that read nothing. Probes are
//! answered within a second meanwhile, and whoever has the token is served.

use super::Served;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use toygres_tests::control::Deployment;
use toygres_tests::server::Home;
use toygres_tests::server::http::Request;
use toygres_tests::wait;

/// How long a probe waits, and how often in a row it may fail: Kubernetes' defaults.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
const FAILURE_THRESHOLD: usize = 3;
/// The server gives a silent client ten seconds; machines are slow.
const ENDED_WITHIN: Duration = Duration::from_secs(30);

/// A server with room for few connections.
fn small() -> Option<Served> {
    let deployment = Deployment::new()?;
    let home = Home::new(&deployment).set("TOYGRES_SERVER_CONNECTIONS", "32");
    home.start(&[]);
    Some(Served { home, deployment })
}

/// Probes as Kubernetes does: a connection of its own, and an answer within a second. The machine
/// may be busy with other tests; one that fails again and again means that the server is lost.
#[track_caller]
pub(crate) fn probe(address: &str) {
    for path in ["/healthz", "/readyz"] {
        let mut tried = Vec::new();
        while tried.len() < FAILURE_THRESHOLD {
            let began = Instant::now();
            let answer = Request::new("GET", path, address).send();
            assert_eq!(answer.status, 200, "{answer:#?}");
            tried.push(began.elapsed());
            if began.elapsed() < PROBE_TIMEOUT {
                break;
            }
        }
        assert!(tried.last().is_some_and(|last| *last < PROBE_TIMEOUT), "{path} took {tried:?}");
    }
}

/// Probes again and again while something goes on, and asks with the token.
fn watched(home: &Home, meanwhile: impl FnOnce() + Send) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let probing = scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                probe(&home.address());
                let listed = home.request("GET", "/api/instances").send();
                assert_eq!(listed.status, 200, "{listed:#?}");
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        let ends = Ends(&done);
        meanwhile();
        drop(ends);
        probing.join().unwrap();
    });
}

/// Ends what goes on meanwhile, also where a test fails: its threads are waited for.
pub(crate) struct Ends<'a>(pub(crate) &'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Whether the server has ended a connection that never reads: what comes is thrown away only here.
fn is_ended(stream: &TcpStream) -> bool {
    let mut waits = [rustix::event::PollFd::new(
        stream,
        rustix::event::PollFlags::RDHUP | rustix::event::PollFlags::HUP,
    )];
    let none = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    rustix::event::poll(&mut waits, Some(&none)).unwrap() > 0
}

/// Connects with a small buffer for what comes.
fn connect(address: SocketAddr) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect(address).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    stream
}

/// Sends many requests at once.
fn pipeline(stream: TcpStream, address: SocketAddr) -> TcpStream {
    let requests = format!("GET /api/x HTTP/1.1\r\nHost: {address}\r\n\r\n").repeat(500);
    for _ in 0..40 {
        // More than is taken is not sent.
        if (&stream).write_all(requests.as_bytes()).is_err() {
            break;
        }
    }
    stream
}

#[test]
fn a_client_that_reads_nothing_is_ended() {
    let Some(served) = Served::new(&[]) else { return };
    let address = served.home.address().parse().unwrap();
    let streams: Vec<TcpStream> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| pipeline(connect(address), address))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    watched(&served.home, || {
        wait::until_within(ENDED_WITHIN, "every connection to be ended", || {
            Ok(streams.iter().all(is_ended).then_some(()))
        })
        .unwrap();
    });
    let metrics = served.home.request("GET", "/metrics").send().body;
    assert!(!metrics.contains("\ntoygres_http_write_timeouts_total 0\n"), "{metrics}");
}

#[test]
fn clients_that_read_nothing_keep_nobody_out() {
    let Some(served) = small() else { return };
    let address = served.home.address().parse().unwrap();
    watched(&served.home, || {
        let streams: Vec<TcpStream> = std::thread::scope(|scope| {
            // All are there before the first one sends, and they are more than there is room for.
            let connected: Vec<TcpStream> = (0..60).map(|_| connect(address)).collect();
            let threads =
                connected.into_iter().map(|it| scope.spawn(move || pipeline(it, address)));
            let threads: Vec<_> = threads.collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        wait::until("some to go for others", || Ok(streams.iter().any(is_ended).then_some(())))
            .unwrap();
    });
    let metrics = served.home.request("GET", "/metrics").send().body;
    assert!(!metrics.contains("\ntoygres_http_connections_shed_total 0\n"), "{metrics}");
}

#[test]
fn clients_that_only_connect_keep_nobody_out() {
    let Some(served) = small() else { return };
    let address = served.home.address();
    let (stop, ended) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let _ends = Ends(&stop);
        for n in 0..120 {
            let (address, stop, ended) = (&address, &stop, &ended);
            scope.spawn(move || {
                // Some say nothing, some a part of a head; all come again when they are ended.
                let begun: &[u8] = if n % 2 == 0 { b"" } else { b"GET /api/x HTTP/1.1\r\nHost: a" };
                while !stop.load(Ordering::SeqCst) {
                    let Ok(mut stream) = TcpStream::connect(address) else { continue };
                    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
                    let _begun = stream.write_all(begun);
                    let waits =
                        |error: &std::io::Error| error.kind() == std::io::ErrorKind::WouldBlock;
                    while stream.read(&mut [0; 64]).is_err_and(|error| waits(&error))
                        && !stop.load(Ordering::SeqCst)
                    {}
                    ended.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let created = served.home.request("POST", "/api/instances").json(r#"{"name":"calm"}"#);
        watched(&served.home, || {
            wait::until("silent connections to go", || {
                Ok((ended.load(Ordering::SeqCst) > 500).then_some(()))
            })
            .unwrap();
            let created = created.send();
            assert_eq!(created.status, 202, "{created:#?}");
            let k8s_name = created.json()["k8s_name"].as_str().unwrap().to_owned();
            served.deployment.reaches(&k8s_name, "running").unwrap();
        });
    });
    // Anybody can bring these lines about.
    let lines = served.home.log().matches("silent ones are closed").count();
    assert!((1..20).contains(&lines), "{lines} lines");
}

#[test]
fn a_head_comes_in_time_or_not_at_all() {
    let Some(served) = Served::new(&[]) else { return };
    let address = served.home.address();
    watched(&served.home, || {
        let began = Instant::now();
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nX: ").unwrap();
        wait::until_within(ENDED_WITHIN, "the slow one to be ended", || {
            // It goes on: only the whole head counts.
            let _gone = stream.write_all(b"a");
            Ok(is_ended(&stream).then_some(()))
        })
        .unwrap();
        assert!(began.elapsed() > Duration::from_secs(5), "{:?}", began.elapsed());
    });
}

#[test]
fn a_body_comes_in_time_or_not_at_all() {
    let Some(deployment) = Deployment::new() else { return };
    let home = Home::new(&deployment).set("TOYGRES_REQUEST_TIMEOUT_MS", "1500");
    home.start(&[]);
    for path in ["/api/server/run", "/api/server/db-query", "/api/instances"] {
        let slow = home
            .request("POST", path)
            .header("Content-Type", "application/json")
            .header("Content-Length", "1000")
            .body("{\"sql\":");
        let began = Instant::now();
        let answer = slow.send();
        assert!(matches!(answer.status, 408 | 504), "{answer:#?}");
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    }
}

/// Sends a request from an address of this machine, and answers the connection.
fn send_from(source: Ipv4Addr, home: &Home, target: &str, token: bool) -> TcpStream {
    let address: SocketAddr = home.address().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((source, 0).into()).unwrap();
        socket.connect(address).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let token = match token {
        true => format!("Authorization: Bearer {}\r\n", home.text("api-token")),
        false => String::new(),
    };
    let head = format!("GET {target} HTTP/1.1\r\nHost: {address}\r\n{token}\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

fn status(mut stream: &TcpStream) -> u16 {
    let mut begun = [0; 12];
    stream.read_exact(&mut begun).unwrap();
    std::str::from_utf8(&begun[9..]).unwrap().parse().unwrap()
}

#[test]
fn an_address_has_its_share_and_probes_have_room_beside_it() {
    let Some(deployment) = Deployment::new() else { return };
    let home = Home::new(&deployment).set("TOYGRES_SERVER_CONNECTIONS_PER_ADDRESS", "2");
    home.start(&[]);
    let (crowd, other) = (Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3));
    let sleeps = "/api/server/db-query?sql=SELECT%20pg_sleep(600)";
    let _busy = [send_from(crowd, &home, sleeps, true), send_from(crowd, &home, sleeps, true)];
    wait::until("both to be under way", || Ok((sleeping(&deployment) == 2).then_some(()))).unwrap();
    assert_eq!(status(&send_from(crowd, &home, "/api/instances", true)), 503);
    assert_eq!(status(&send_from(crowd, &home, "/healthz", false)), 200);
    assert_eq!(status(&send_from(crowd, &home, "/readyz", false)), 200);
    assert_eq!(status(&send_from(other, &home, "/api/instances", true)), 200);
    let metrics = home.request("GET", "/metrics").send().body;
    assert!(!metrics.contains("_over_address_limit_total 0\n"), "{metrics}");
}

/// Statements that sleep on the deployment's database.
pub(crate) fn sleeping(deployment: &Deployment) -> i64 {
    deployment.count(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
         AND wait_event = 'PgSleep'",
    )
}

#[test]
fn when_every_connection_serves_somebody_probes_are_answered() {
    let Some(deployment) = Deployment::new() else { return };
    let home = Home::new(&deployment)
        .set("TOYGRES_SERVER_CONNECTIONS", "16")
        .set("TOYGRES_SERVER_COMMANDS", "12");
    home.start(&[]);
    let sleeps = "/api/server/db-query?sql=SELECT%20pg_sleep(600)";
    let here = Ipv4Addr::LOCALHOST;
    let _busy: Vec<TcpStream> = (0..12).map(|_| send_from(here, &home, sleeps, true)).collect();
    wait::until("all to be under way", || Ok((sleeping(&deployment) == 12).then_some(()))).unwrap();
    // Those that only connect take the probes' room from each other, not from a probe.
    let _silent: Vec<TcpStream> =
        (0..20).map(|_| TcpStream::connect(home.address()).unwrap()).collect();
    probe(&home.address());
    let refused = home.request("GET", "/api/instances").send();
    assert_eq!(refused.status, 503, "{refused:#?}");
    assert!(refused.head.contains("retry-after: "), "{refused:#?}");
    let error = refused.json();
    assert_eq!((&error["kind"], &error["retryable"]), (&"unavailable".into(), &true.into()));
}
