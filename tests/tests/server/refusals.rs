//! What the API refuses: each with a status, an error as JSON, and never a 5xx.

use super::Served;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use toygres_tests::server::http::{Answer, Request, exchange, read};

/// The error of a refusal: all of its keys, and its status.
#[track_caller]
fn refused(answer: &Answer, status: u16, kind: &str) -> Value {
    let error = answer.json();
    assert_eq!((answer.status, error["kind"].as_str()), (status, Some(kind)), "{answer:#?}");
    for key in ["code", "kind", "message", "hint", "retryable", "causes"] {
        assert!(error.get(key).is_some(), "{key} is missing in {error}");
    }
    let head = &answer.head;
    assert!(!head.contains("\nserver:") && !head.contains("toygres"), "it says what it is: {head}");
    error
}

#[test]
fn without_the_token_nothing_is_answered() {
    let Some(served) = Served::new(&[]) else { return };
    let home = &served.home;
    let token = home.text("api-token");
    let paths = [
        ("GET", "/api/instances"),
        ("POST", "/api/instances"),
        ("GET", "/api/instances/a"),
        ("DELETE", "/api/instances/a"),
        ("GET", "/api/anything"),
        ("GET", "/metrics"),
        ("PUT", "/metrics"),
    ];
    for (method, path) in paths {
        let bare = Request::new(method, path, &home.address());
        let answer = bare.send();
        refused(&answer, 401, "unavailable");
        assert!(answer.head.contains("www-authenticate: bearer"), "{answer:#?}");
        for wrong in [
            String::new(),
            "Bearer".to_owned(),
            "Bearer ".to_owned(),
            format!("Bearer {}", "0".repeat(64)),
            format!("Bearer {}", &token[..63]),
            format!("Bearer {token}0"),
            format!("Bearer {}", token.to_uppercase()),
            format!("Basic {token}"),
            token.clone(),
            format!("Bearer {token}, Bearer {token}"),
        ] {
            refused(&bare.clone().header("Authorization", &wrong).send(), 401, "unavailable");
        }
        let twice = home.request(method, path).also("Authorization", "Bearer x");
        refused(&twice.send(), 401, "unavailable");
    }
    // Nor is it taken from anywhere else.
    let query = format!("/api/instances?token={token}");
    refused(&Request::new("GET", &query, &home.address()).send(), 401, "unavailable");
    let error = refused(&Request::new("GET", "/", &home.address()).send(), 404, "not_found");
    assert!(error["message"].as_str().unwrap().contains("`/`"));
}

#[test]
fn the_probes_need_no_token_and_give_nothing_away() {
    let Some(served) = Served::new(&[]) else { return };
    for path in ["/healthz", "/readyz"] {
        let answer = Request::new("GET", path, &served.home.address()).send();
        assert_eq!(answer.status, 200, "{answer:#?}");
        let database = &served.deployment.database.name;
        assert!(!answer.body.contains(database.as_str()) && !answer.body.contains("0.1."));
    }
}

#[test]
fn another_hosts_name_is_refused_with_and_without_the_token() {
    let Some(served) = Served::new(&[]) else { return };
    let home = &served.home;
    let port = home.address().rsplit_once(':').unwrap().1.to_owned();
    for host in [
        "evil.example",
        &format!("evil.example:{port}"),
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "10.0.0.1",
        "0.0.0.0",
        "user@evil.example",
    ] {
        for path in ["/api/instances", "/api/server/health", "/metrics", "/"] {
            refused(&home.request("GET", path).header("Host", host).send(), 421, "refused");
        }
    }
    for host in ["", "a b", "[::1", "ä", "/"] {
        refused(&home.request("GET", "/metrics").header("Host", host).send(), 400, "usage");
    }
    refused(&home.request("GET", "/metrics").without("Host").send(), 400, "usage");
    refused(&home.request("GET", "/metrics").also("Host", "localhost").send(), 400, "usage");
    let absolute = home.request("GET", "http://evil.example/metrics");
    refused(&absolute.send(), 421, "refused");
    for host in ["localhost", &format!("localhost:{port}"), "127.0.0.1", "[::1]:1", "LOCALHOST"] {
        let answer = home.request("GET", "/api/instances").header("Host", host).send();
        assert_eq!(answer.status, 200, "{host}: {answer:#?}");
    }
}

#[test]
fn bodies_that_cannot_be_taken_are_refused() {
    let Some(served) = Served::new(&[]) else { return };
    let home = &served.home;
    let post = || home.request("POST", "/api/instances");
    let huge = format!("{{\"name\":\"{}\"}}", "x".repeat(64 * 1024));
    refused(&post().json(&huge).send(), 413, "usage");
    refused(&post().json("{}").header("Content-Length", "99999999999").send(), 413, "usage");
    let chunk = format!("{:x}\r\n{huge}\r\n0\r\n\r\n", huge.len());
    let chunked = post()
        .header("Content-Type", "application/json")
        .header("Transfer-Encoding", "chunked")
        .body(&chunk);
    refused(&chunked.send(), 413, "usage");

    for body in ["", "{", "nonsense", "null", "[]", "\"text\"", "7", "{\"name\":\"a\"}{}", "\u{0}"]
    {
        refused(&post().json(body).send(), 400, "usage");
    }
    refused(&post().json([0xff, 0xfe, b'{', b'}']).send(), 400, "usage");
    refused(&post().json("[".repeat(60_000)).send(), 400, "usage");
    refused(&post().json("{\"name\":".repeat(8000)).send(), 400, "usage");

    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""] {
        let answer = post().json("{\"name\":\"a\"}").header("Content-Type", kind).send();
        refused(&answer, 415, "usage");
    }
    assert_eq!(served.deployment.count("SELECT count(*) FROM toygres_cms.instances"), 0);
}

#[test]
fn fields_that_are_wrong_are_named() {
    let Some(served) = Served::new(&[]) else { return };
    let post = |body: &str| served.home.request("POST", "/api/instances").json(body).send();
    for (body, parts) in [
        (r#"{"name":"a","sise":1,"Password":"x"}"#, &["`sise`", "`Password`"][..]),
        (r#"{}"#, &["name"]),
        (r#"{"name":null}"#, &["name"]),
        (r#"{"name":5}"#, &["name"]),
        (r#"{"name":"a","name":"b"}"#, &["name"]),
        (r#"{"name":"a","storage_gb":"10"}"#, &["storage_gb"]),
        (r#"{"name":"a","storage_gb":1e99}"#, &["storage_gb"]),
        (r#"{"name":"a","storage_gb":0}"#, &["0 GB"]),
        (r#"{"name":"a","load_balancer":"yes"}"#, &["load_balancer"]),
        (r#"{"name":"a","tags":{"k":1}}"#, &["tags.k"]),
        (r#"{"name":"a","tags":[]}"#, &["tags"]),
        (r#"{"name":"a","version":"99"}"#, &["version"]),
        (r#"{"name":"A B"}"#, &["name"]),
        (r#"{"name":"a","dns_label":"."}"#, &["DNS label"]),
    ] {
        let error = refused(&post(body), 400, "usage").to_string();
        for part in parts {
            assert!(error.contains(part), "{part} is missing in {error} for {body}");
        }
    }
    // A secret in the wrong place or shape is not repeated.
    for body in
        [r#"{"name":"a","password":47114711}"#, r#"{"name":"a","password":["canary47114711"]}"#]
    {
        let answer = post(body);
        refused(&answer, 400, "usage");
        assert!(!answer.body.contains("47114711"), "{answer:#?}");
    }
    assert!(!served.home.log().contains("47114711"));
    assert_eq!(served.deployment.count("SELECT count(*) FROM toygres_cms.instances"), 0);
}

#[test]
fn paths_methods_and_parameters_that_are_not_there_are_refused() {
    let Some(served) = Served::new(&[]) else { return };
    let send = |method: &str, target: &str| served.home.request(method, target).send();
    for path in ["/", "/api", "/api/instances/a/b", "/api/instances/../x", "/%00"] {
        refused(&send("GET", path), 404, "not_found");
    }
    for (method, path, allowed) in [
        ("PUT", "/api/instances", "get,head,post"),
        ("PATCH", "/api/instances/a", "get,head,delete"),
        ("POST", "/api/instances/a", "get,head,delete"),
        ("DELETE", "/healthz", "get,head"),
        ("OPTIONS", "/api/instances", "get,head,post"),
        ("TRACE", "/metrics", "get,head"),
        ("BREW", "/readyz", "get,head"),
    ] {
        let answer = send(method, path);
        refused(&answer, 405, "usage");
        assert!(answer.head.contains(&format!("allow: {allowed}")), "{answer:#?}");
    }
    for target in [
        "/api/instances?stat=running",
        "/api/instances?state=asleep",
        "/api/instances?health=good",
        "/api/instances?all=perhaps",
        "/api/instances?all=true&all=true",
        "/api/instances?state=running&state=failed",
        "/api/instances/a?password=true",
        "/api/instances/a?progress=2",
        "/api/instances/%ff",
    ] {
        refused(&send("GET", target), 400, "usage");
    }
    let post = served.home.request("POST", "/api/instances?force=true").json("{\"name\":\"a\"}");
    refused(&post.send(), 400, "usage");
    for name in ["nope", "%2e%2e", "a%20b", "a%27--", "%00", &"x".repeat(4000)] {
        for method in ["GET", "DELETE"] {
            refused(&send(method, &format!("/api/instances/{name}")), 404, "not_found");
        }
    }
}

/// What may stand in a request, between sense and nonsense.
fn anything() -> impl Strategy<Value = (String, String, Vec<(String, String)>, Vec<u8>)> {
    let method = prop_oneof!["GET|POST|DELETE|PUT|HEAD|[A-Z]{1,9}", "[!-~]{1,8}"];
    let target = prop_oneof![
        "/api/instances(/[ -~]{0,12})?([?][ -~]{0,20})?",
        "/(metrics|readyz|healthz)?[!-~]{0,20}",
        "[!-~]{1,40}",
    ];
    let header = ("[A-Za-z-]{1,16}", "[ -~]{0,40}");
    let body = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        r#"\{"name":("[ -~]{0,20}"|[0-9]{1,30}|null|\[\]|\{\}),"[a-z_]{1,12}":[0-9-]{1,20}\}"#
            .prop_map(String::into_bytes),
    ];
    (method, target, proptest::collection::vec(header, 0..6), body)
}

#[test]
fn no_request_is_answered_with_a_5xx() {
    let Some(served) = Served::new(&[]) else { return };
    let home = &served.home;
    let address = home.address();
    let token = home.text("api-token");
    let mut runner = TestRunner::new(Config { cases: 400, ..Config::default() });
    let run = runner.run(&anything(), |(method, target, headers, body)| {
        let mut bytes = format!(
            "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Authorization: Bearer {token}\r\nContent-Length: {}\r\n\
             Content-Type: application/json\r\n",
            body.len()
        )
        .into_bytes();
        for (name, value) in headers {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&body);
        let answer =
            exchange(&address, &bytes, false).map_err(|e| TestCaseError::fail(e.to_string()))?;
        if let Some(answer) = read(&answer) {
            prop_assert!(answer.status < 500, "{answer:#?}");
        }
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{error}"));
    let mut runner = TestRunner::new(Config { cases: 300, ..Config::default() });
    let garbage = proptest::collection::vec(any::<u8>(), 0..2000);
    let run = runner.run(&garbage, |bytes| {
        let answer = exchange(&address, &bytes, true).unwrap_or_default();
        if let Some(answer) = read(&answer) {
            prop_assert!(answer.status < 500, "{answer:#?}");
        }
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{error}"));
    let status = home.run(&["server", "status", "-o", "json"]).code(0).json();
    assert_eq!(status["ready"], true);
    let text = home.request("GET", "/metrics").send().body;
    assert!(!text.contains("status=\"5"), "{text}");
    assert!(!home.log().contains("\"ERROR\""), "{}", home.log());
}

#[test]
fn a_request_that_takes_too_long_is_ended() {
    let Some(deployment) = toygres_tests::control::Deployment::new() else { return };
    let home =
        toygres_tests::server::Home::new(&deployment).set("TOYGRES_REQUEST_TIMEOUT_MS", "700");
    home.start(&[]);
    // The body never comes.
    let answer =
        home.request("POST", "/api/instances").json("{}").header("Content-Length", "100").send();
    refused(&answer, 504, "timed_out");
}
