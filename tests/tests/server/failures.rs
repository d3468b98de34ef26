//! Starts that fail: what failed is said, and nothing is left running.

use std::net::{Shutdown, TcpListener, TcpStream};
use toygres_tests::control::Deployment;
use toygres_tests::server::http::Request;
use toygres_tests::server::{Home, Ran};

/// A start that fails, and leaves nothing.
#[track_caller]
fn fails(home: &Home, options: &[&str], code: i32) -> Ran {
    let ran = home.run(&[&["server", "start", "-o", "json"], options].concat()).code(code);
    assert!(!home.file("server.pid").exists(), "{ran:#?}");
    assert!(!home.file("api-url").exists(), "{ran:#?}");
    let _gone = home.run(&["server", "status"]).code(3);
    let error = ran.error();
    assert!(error["hint"].is_string(), "no hint: {error}");
    ran
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn without_a_database_nothing_starts() {
    let error = fails(&Home::bare(), &[], 2).error();
    assert!(error["message"].as_str().unwrap().contains("no database"), "{error}");
    let home = Home::bare()
        .set("KUBECONFIG", "/nowhere")
        .set("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none");
    let error = fails(&home, &[], 4).error();
    assert!(error["message"].as_str().unwrap().contains("Kubernetes"), "{error}");
}

#[test]
fn a_database_that_is_down_is_said() {
    let Some(deployment) = Deployment::new() else { return };
    let url = format!("postgres://u:canary-5b1c@127.0.0.1:{}/db", free_port());
    let home = Home::new(&deployment).set("DATABASE_URL", &url);
    let ran = fails(&home, &[], 4);
    assert_eq!(ran.error()["kind"], "unavailable");
    assert!(!ran.stderr.contains("canary"), "{ran:#?}");
    assert!(!home.log().contains("canary"), "{}", home.log());
    // Where it is to be waited for, it is, and no longer.
    let ran = fails(&home, &["--wait", "--timeout", "1500ms"], 7);
    assert!(ran.error()["message"].as_str().unwrap().contains("not ready within"), "{ran:#?}");
    assert!(!ran.error()["causes"].as_array().unwrap().is_empty(), "{ran:#?}");
}

#[test]
fn a_cluster_that_is_down_is_said() {
    let Some(deployment) = Deployment::new() else { return };
    let home = Home::new(&deployment);
    let kubeconfig = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": format!("http://127.0.0.1:{}", free_port())}}],
        "users": [{"name": "c", "user": {"token": "canary-77aa"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
    });
    let file = home.folder().join("kubeconfig");
    std::fs::write(&file, kubeconfig.to_string()).unwrap();
    let home = home.set("KUBECONFIG", file.to_str().unwrap());
    let ran = fails(&home, &[], 4);
    assert!(ran.error()["message"].as_str().unwrap().contains("Kubernetes"), "{ran:#?}");
}

/// Leads a port to another one from now on, for as long as the process lives.
fn lead(from: u16, to: u16) {
    let listener = TcpListener::bind(("127.0.0.1", from)).unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let server = TcpStream::connect(("127.0.0.1", to)).unwrap();
            let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
            for (mut reader, mut writer) in [(client, server), back] {
                std::thread::spawn(move || {
                    let _broke_off = std::io::copy(&mut reader, &mut writer);
                    let _gone = writer.shutdown(Shutdown::Both);
                });
            }
        }
    });
}

#[test]
fn a_database_that_comes_late_is_waited_for() {
    let Some(deployment) = Deployment::new() else { return };
    let (port, real) = (free_port(), deployment.database.server().port());
    let url = deployment.database.url.replace(&format!(":{real}/"), &format!(":{port}/"));
    let home = Home::new(&deployment).set("DATABASE_URL", &url);
    let mut start = home.spawn(&["server", "start", "--wait", "--timeout", "60s", "-o", "json"]);
    toygres_tests::wait::until("the server to wait", || {
        Ok(home.log().contains("not ready yet").then_some(()))
    })
    .unwrap();
    let status = home.run(&["server", "status", "-o", "json"]).code(0).json();
    assert_eq!((status["ready"].as_bool(), status["running"].as_bool()), (Some(false), Some(true)));
    assert!(!status["waits_for"].as_array().unwrap().is_empty(), "{status}");
    // It lives, and says that it can do nothing yet.
    let url = status["url"].as_str().unwrap().trim_start_matches("http://").to_owned();
    let ask = |path: &str| Request::new("GET", path, &url).send().status;
    assert_eq!((ask("/healthz"), ask("/readyz")), (200, 503));
    lead(port, real);
    assert!(start.wait().unwrap().success(), "{}", home.log());
    assert_eq!((ask("/healthz"), ask("/readyz")), (200, 200));
}

#[test]
fn a_port_that_is_taken_is_named() {
    let Some(deployment) = Deployment::new() else { return };
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let home = Home::new(&deployment);
    let error = fails(&home, &["--port", &port], 9).error();
    assert!(error["message"].as_str().unwrap().contains(&format!("127.0.0.1:{port}")), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("--port 0"), "{error}");
    // Nothing was changed before that was known.
    assert_eq!(
        deployment
            .database
            .psql("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'toygres%'")
            .trim(),
        "0"
    );
}

#[test]
fn options_and_settings_that_cannot_be_are_refused() {
    let home = Home::bare();
    for (options, part) in [
        (&["--mode", "worker", "--port", "8081"][..], "opens no port"),
        (&["--workers", "0"], "workers"),
        (&["--bind", "example.com"], "no address"),
        (&["--log-level", "a=b=c"], "log level"),
        (&["--bind", "0.0.0.0"], "token of your own"),
    ] {
        let error = fails(&home, options, 2).error();
        assert!(error["message"].as_str().unwrap().contains(part), "{options:?}: {error}");
    }
    for (name, value, part) in [
        ("TOYGRES_MODE", "both", "no mode `both`"),
        ("TOYGRES_PORT", "70000", "server.port"),
        ("TOYGRES_WORKERS", "many", "server.workers"),
        ("TOYGRES_LOG_MAX_BYTES", "1", "server.log_max_bytes"),
    ] {
        let error = fails(&Home::bare().set(name, value), &[], 2).error();
        assert!(error["message"].as_str().unwrap().contains(part), "{name}: {error}");
    }
    let _clap = home.run(&["server", "start", "--detached"]).code(2);
}

#[test]
fn a_start_that_is_interrupted_leaves_nothing() {
    use rustix::process::{Pid, Signal, kill_process};
    let Some(deployment) = Deployment::new() else { return };
    let url = format!("postgres://u@127.0.0.1:{}/db", free_port());
    let home = Home::new(&deployment).set("DATABASE_URL", &url);
    let start = home.spawn(&["server", "start", "--wait", "--timeout", "60s"]);
    toygres_tests::wait::until("the server to wait", || {
        Ok(home.log().contains("not ready yet").then_some(()))
    })
    .unwrap();
    let pid = home.pid().unwrap();
    kill_process(Pid::from_child(&start), Signal::INT).unwrap();
    let output = start.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!toygres_tests::server::lives(pid));
    assert!(!home.file("server.pid").exists());
}
