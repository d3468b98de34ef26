//! Starts that fail: what failed is said, and nothing is left running.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
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

/// A port that leads to another one while it is open.
struct Gate {
    port: u16,
    to: u16,
    open: Arc<AtomicBool>,
    /// What goes through; cut when it is shut.
    streams: Arc<Mutex<Vec<TcpStream>>>,
}

impl Gate {
    fn shut(to: u16) -> Self {
        Self { port: free_port(), to, open: Arc::default(), streams: Arc::default() }
    }

    fn open(&self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).unwrap();
        let (to, open, streams) = (self.to, self.open.clone(), self.streams.clone());
        open.store(true, Ordering::SeqCst);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if !open.load(Ordering::SeqCst) {
                    break;
                }
                let server = TcpStream::connect(("127.0.0.1", to)).unwrap();
                let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
                streams
                    .lock()
                    .unwrap()
                    .extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
                for (mut reader, mut writer) in [(client, server), back] {
                    std::thread::spawn(move || {
                        let _broke_off = std::io::copy(&mut reader, &mut writer);
                        let _gone = writer.shutdown(Shutdown::Both);
                    });
                }
            }
        });
    }

    fn close(&self) {
        self.open.store(false, Ordering::SeqCst);
        // The thread looks up when somebody knocks, and lets the port go.
        let _knock = TcpStream::connect(("127.0.0.1", self.port));
        for stream in self.streams.lock().unwrap().drain(..) {
            let _gone = stream.shutdown(Shutdown::Both);
        }
    }
}

#[test]
fn a_database_that_goes_and_comes_back_is_seen() {
    let Some(deployment) = Deployment::new() else { return };
    let real = deployment.database.server().port();
    let gate = Gate::shut(real);
    gate.open();
    let url = deployment.database.url.replace(&format!(":{real}/"), &format!(":{}/", gate.port));
    let home = Home::new(&deployment).set("DATABASE_URL", &url);
    home.start(&[]);
    let ready = || home.request("GET", "/readyz").send();
    assert_eq!(ready().status, 200);
    gate.close();
    toygres_tests::wait::until(
        "the server to see it",
        || Ok((ready().status == 503).then_some(())),
    )
    .unwrap();
    assert_eq!(ready().json()["parts"]["database"], false);
    assert_eq!(ready().json()["parts"]["kubernetes"], true);
    let status = home.run(&["server", "status", "-o", "json"]).code(0).json();
    assert_eq!((status["running"].as_bool(), status["ready"].as_bool()), (Some(true), Some(false)));
    let reasons = status["waits_for"].to_string();
    assert!(reasons.contains("database") && !reasons.contains("kubernetes"), "{status}");
    let metrics = home.request("GET", "/metrics").send();
    assert_eq!(metrics.status, 200);
    assert!(metrics.body.contains("toygres_figures_up 0\n"), "{}", metrics.body);
    assert!(metrics.body.contains("toygres_ready 0\n"), "{}", metrics.body);
    let answer = home.request("GET", "/api/instances").send();
    assert_eq!((answer.status, answer.json()["retryable"].as_bool()), (503, Some(true)));
    gate.open();
    toygres_tests::wait::until("the server to be ready", || {
        Ok((ready().status == 200).then_some(()))
    })
    .unwrap();
    let status = home.run(&["server", "status", "-o", "json"]).code(0).json();
    assert_eq!((&status["ready"], &status["waits_for"]), (&true.into(), &serde_json::json!([])));
}

#[test]
fn a_database_that_comes_late_is_waited_for() {
    let Some(deployment) = Deployment::new() else { return };
    let real = deployment.database.server().port();
    let gate = Gate::shut(real);
    let url = deployment.database.url.replace(&format!(":{real}/"), &format!(":{}/", gate.port));
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
    gate.open();
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
        (&["--log-level", "bogus"], "`bogus` is no log level"),
        (&["--bind", "0.0.0.0"], "token of your own"),
    ] {
        let error = fails(&home, options, 2).error();
        assert!(error["message"].as_str().unwrap().contains(part), "{options:?}: {error}");
    }
    for (name, value, part) in [
        ("TOYGRES_MODE", "both", "no mode `both`"),
        ("TOYGRES_PORT", "70000", "server.port"),
        ("TOYGRES_WORKERS", "many", "server.workers"),
        ("RUST_LOG", "bogus", "`bogus` is no log level"),
        ("TOYGRES_LOG_MAX_BYTES", "1", "server.log_max_bytes"),
    ] {
        let error = fails(&Home::bare().set(name, value), &[], 2).error();
        assert!(error["message"].as_str().unwrap().contains(part), "{name}: {error}");
    }
    let _clap = home.run(&["server", "start", "--detached"]).code(2);
}

#[test]
fn starts_that_fail_at_once_each_say_why() {
    let home = Home::bare()
        .set("KUBECONFIG", "/nowhere")
        .set("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none");
    let starts: Vec<_> = (0..4).map(|_| home.spawn(&["server", "start", "-o", "json"])).collect();
    for start in starts {
        let output = start.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let error: serde_json::Value =
            serde_json::from_str(said.lines().last().unwrap_or_default()).unwrap();
        // The one that was first says what failed; one that waited for it, that it ended.
        let message = error["message"].as_str().unwrap();
        let known = [
            "no Kubernetes cluster",
            "that was starting ended",
            "was first, and failed",
            "is ending",
        ];
        assert!(known.iter().any(|part| message.contains(part)), "{said}");
        assert_ne!(output.status.code(), Some(0));
    }
    let _gone = home.run(&["server", "status"]).code(3);
    let left: Vec<_> =
        std::fs::read_dir(home.file("")).unwrap().map(|it| it.unwrap().file_name()).collect();
    let litter = left.iter().filter(|name| name.to_string_lossy().starts_with("server.start."));
    assert_eq!(litter.count(), 0, "{left:?}");
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
