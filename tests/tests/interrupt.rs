//! Ctrl-C where something hangs: the command ends, soon, and as interrupted.

#[path = "support/mod.rs"]
mod support;

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::Child;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use support::Toygres;
use toygres_tests::toygres;

fn interrupt(child: &Child) {
    let process = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(process, Signal::INT).unwrap();
}

/// Native code in this process cannot be stopped; toygres leaves without it, and blames nobody.
#[test]
fn a_plugin_that_goes_on_is_left() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(toygres::bad_plugin(), folder.path().join("libtoygres_bad_plugin.so")).unwrap();
    let (mut child, _home) = Toygres::new()
        .env("TOYGRES_PLUGIN_PATH", folder.path().to_str().unwrap())
        .args(["server", "bad", "--fault", "go-on"])
        .start();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    stderr.read_line(&mut said).unwrap();
    assert!(said.contains("it goes on"), "{said}");
    interrupt(&child);
    let status = child.wait().unwrap();
    said.clear();
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!((status.code(), said.as_str()), (Some(130), "error: interrupted\n"));
}

/// The question to an API that is silent is given up at once.
#[test]
fn a_question_to_a_silent_api_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let (child, _home) = Toygres::new()
        .env("TOYGRES_API_URL", &url)
        .env("TOYGRES_API_TOKEN", "canary-token")
        .args(["list"])
        .start();
    let (mut asked, _) = silent.accept().unwrap();
    let mut request = [0; 5];
    asked.read_exact(&mut request).unwrap();
    assert_eq!(&request, b"GET /");
    interrupt(&child);
    let ran = support::Ran::of(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.stderr.as_str()), (130, "error: interrupted\n"), "{ran:#?}");
}

/// What answers at the API's address, and does so without an end: `head`, then `piece` again and
/// again.
fn endless_api(
    head: &'static str,
    piece: &'static [u8],
    pause: Duration,
) -> (String, mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (asked, was_asked) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, asked) = (stream.unwrap(), asked.clone());
            std::thread::spawn(move || {
                let _request = stream.read(&mut [0; 4096]);
                let mut sent = stream.write_all(head.as_bytes());
                // Nobody may be waiting for it.
                let _unheard = asked.send(());
                while sent.is_ok() {
                    sent = stream.write_all(piece);
                    std::thread::sleep(pause);
                }
            });
        }
    });
    (url, was_asked)
}

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\n\
                       transfer-encoding: chunked\r\n\r\n";
const OPEN: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";

fn at(url: &str, args: &[&str]) -> (Child, tempfile::TempDir) {
    Toygres::new()
        .env("TOYGRES_API_URL", url)
        .env("TOYGRES_API_TOKEN", "canary-token")
        .env("TOYGRES_API_TIMEOUT_MS", "3000")
        .args(args.iter().copied())
        .start()
}

/// Ctrl-C ends it whatever comes in, and soon.
#[test]
fn an_answer_without_an_end_is_left() {
    const PIECE: &[u8] = b"400\r\n";
    let chunk: &'static [u8] =
        Box::leak([PIECE, [b'x'; 0x400].as_slice(), b"\r\n"].concat().into_boxed_slice());
    let rows: &'static [u8] =
        Box::leak(b"{\"progress\":{\"text\":\"x\"}}\n".repeat(200).into_boxed_slice());
    let none = Duration::ZERO;
    for (head, piece, args) in [
        (CHUNKED, chunk, ["server", "health"].as_slice()),
        (OPEN, b"[0,".repeat(1000).leak(), &["server", "health"]),
        (OPEN, rows, &["server", "health"]),
        (OPEN, b"[0,".repeat(1000).leak(), &["list"]),
        ("HTTP/1.1 200 OK\r\n", b"a: b\r\n", &["list"]),
    ] {
        let (url, asked) = endless_api(head, piece, none);
        let (child, _home) = at(&url, args);
        asked.recv().unwrap();
        std::thread::sleep(Duration::from_millis(300));
        let began = Instant::now();
        interrupt(&child);
        let ran = support::Ran::of(child.wait_with_output().unwrap());
        // One that gave up by itself before had words for it.
        assert!(matches!(ran.code, 4 | 130), "{args:?}: {ran:#?}");
        assert!(began.elapsed() < Duration::from_secs(6), "{args:?}: {:?}", began.elapsed());
    }
}

/// Nobody interrupts: it ends by itself, within its limits.
#[test]
fn an_answer_without_an_end_is_given_up() {
    let drop = Duration::from_millis(10);
    let flood = Duration::ZERO;
    for (head, piece, pause, args) in [
        (
            OPEN,
            [b'x'; 65536].as_slice().to_vec().leak() as &[u8],
            flood,
            ["server", "health"].as_slice(),
        ),
        (OPEN, b"x", drop, &["server", "health"]),
        (CHUNKED, b"1\r\nx\r\n", drop, &["server", "health"]),
        ("HTTP/1.1 500 No\r\n\r\n", b"x", drop, &["server", "health"]),
        ("HTTP/1.1 200 OK\r\n", b"a: b\r\n", drop, &["server", "health"]),
        (OPEN, b"x", drop, &["list"]),
        (OPEN, [b' '; 65536].as_slice().to_vec().leak(), flood, &["list"]),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n",
            b"a: b\r\n",
            drop,
            &["list"],
        ),
    ] {
        let began = Instant::now();
        let (child, _home) = at(&endless_api(head, piece, pause).0, args);
        let ran = support::Ran::of(child.wait_with_output().unwrap());
        assert_eq!(ran.code, 4, "{head} {args:?}: {ran:#?}");
        assert!(began.elapsed() < Duration::from_secs(150), "{head} {args:?}");
    }
}

/// The second Ctrl-C ends it at once, though the command has time left.
#[test]
fn the_second_interrupt_ends_it_at_once() {
    for (second, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(toygres::bad_plugin(), folder.path().join("libtoygres_bad_plugin.so"))
            .unwrap();
        let (mut child, _home) = Toygres::new()
            .env("TOYGRES_PLUGIN_PATH", folder.path().to_str().unwrap())
            .args(["server", "bad", "--fault", "go-on"])
            .start();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        stderr.read_line(&mut said).unwrap();
        let began = Instant::now();
        interrupt(&child);
        std::thread::sleep(Duration::from_millis(300));
        assert!(child.try_wait().unwrap().is_none(), "it has two seconds");
        let process = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        kill_process(process, second).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert!(began.elapsed() < Duration::from_millis(1800), "{:?}", began.elapsed());
    }
}

/// Nobody reads what it writes.
#[test]
fn a_command_that_cannot_write_is_ended() {
    let server = toygres_tests::postgres::PrivatePostgres::new().unwrap();
    let (mut child, _home) = Toygres::on(&server.url())
        .args(["server", "db-query", "SELECT generate_series(1, 100000000)", "-o", "csv"])
        .args(["--limit", "0", "--timeout", "10m"])
        .start();
    let mut first = [0; 1];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let began = Instant::now();
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
}
