//! The API's gate: which hosts it answers to, who may always ask, and that both halves of the API
//! follow one rule for methods and paths.

use super::Served;
use toygres_tests::server::{Home, http};

#[test]
fn hosts_that_are_configured_lead_here_in_every_spelling() {
    let Some(deployment) = toygres_tests::control::Deployment::new() else { return };
    let home = Home::new(&deployment).set(
        "TOYGRES_HOSTS",
        "203.0.113.7, api.example.com,Other.example., [2001:db8::7],2001:DB8::8,port.example:8443,\
         198.51.100.9:8080",
    );
    home.start(&[]);
    let status =
        |host: &str| home.request("GET", "/api/instances").header("Host", host).send().status;
    for host in [
        "203.0.113.7",
        "203.0.113.7:8080",
        "api.example.com",
        "API.example.com:443",
        "api.example.com.",
        "other.example",
        "[2001:db8::7]",
        "[2001:DB8:0:0::7]:8080",
        "[2001:db8::8]:1",
        "[::ffff:203.0.113.7]",
        "port.example",
        "port.example:9",
        "198.51.100.9",
        "localhost",
        "127.0.0.1:1",
    ] {
        assert_eq!(status(host), 200, "{host}");
    }
    for host in ["203.0.113.8", "[2001:db8::9]", "example.com", "evil-api.example.com", "0.0.0.0"] {
        assert_eq!(status(host), 421, "{host}");
    }
}

#[test]
fn probes_are_answered_whatever_they_call_this_host() {
    let Some(served) = Served::new(&[]) else { return };
    for path in ["/healthz", "/readyz", "/healthz/"] {
        let probe = http::Request::new("GET", path, &served.home.address());
        for host in ["evil.example", "10.244.1.7:8080", "[2001:db8::1]", ""] {
            let answer = probe.clone().header("Host", host).send();
            assert_eq!(answer.status, 200, "{path} {host}: {answer:#?}");
        }
        assert_eq!(probe.without("Host").send().status, 200, "{path}");
    }
}

#[test]
fn head_and_slashes_at_the_end_follow_one_rule() {
    let Some(served) = Served::new(&[]) else { return };
    let home = &served.home;
    for path in [
        "/api/instances",
        "/api/openapi.json",
        "/api/server/health",
        "/api/server/orchestrations",
        "/api/server/stats",
        "/healthz",
        "/metrics",
    ] {
        let got = home.request("GET", path).send();
        assert_eq!(got.status, 200, "{path}: {got:#?}");
        for path in [format!("{path}/"), format!("{path}//")] {
            assert_eq!(home.request("GET", &path).send().status, 200, "{path}");
        }
        let queried = home.request("GET", &format!("{path}/?nosuch=1")).send().status;
        let same = home.request("GET", &format!("{path}?nosuch=1")).send().status;
        assert_eq!(queried, same, "{path}");
        let head = home.request("HEAD", path).send();
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}: {head:#?}");
        let refused = home.request("BREW", path).send();
        assert_eq!(refused.status, 405, "{path}");
        let allow = refused.head.lines().find_map(|line| line.strip_prefix("allow: "));
        let allow: Vec<&str> = allow.unwrap_or_default().split(',').map(str::trim).collect();
        assert!(allow.contains(&"get") && allow.contains(&"head"), "{path}: {allow:?}");
    }
    assert_eq!(home.request("GET", "/api/instances/none/").send().status, 404);
    let head = home.request("HEAD", "/api/server/cancel").send();
    assert_eq!(head.status, home.request("GET", "/api/server/cancel").send().status);
}

#[test]
fn clients_on_this_machine_need_no_proxy_and_no_certificates() {
    let Some(served) = Served::new(&[]) else { return };
    let run = |args: &[&str], environment: &[(&str, &str)]| {
        let mut command = served.home.command(args);
        let output = command.envs(environment.iter().copied()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{args:?} {environment:?}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let dead = "http://127.0.0.1:9";
    let without_roots = [("SSL_CERT_FILE", "/dev/null"), ("SSL_CERT_DIR", "/none")];
    let proxies = [("HTTP_PROXY", dead), ("HTTPS_PROXY", dead), ("all_proxy", dead)];
    for environment in [without_roots.as_slice(), &proxies] {
        assert_eq!(run(&["list", "-o", "json"], environment).trim(), "[]");
        let health = run(
            &["server", "health", "--check", "TG0501", "--check", "TG0101", "-o", "json"],
            environment,
        );
        assert!(health.contains("\"healthy\""), "{health}");
    }
}
