//! What listens, where, and for whom.

use super::Served;
use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use toygres_tests::control::Deployment;
use toygres_tests::server::Home;

/// The sockets that a process listens on, by the kernel's word.
fn listening(pid: i32) -> BTreeSet<SocketAddr> {
    let links = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let inodes: BTreeSet<String> = links
        .filter_map(|link| fs::read_link(link.ok()?.path()).ok())
        .filter_map(|target| {
            Some(target.to_str()?.strip_prefix("socket:[")?.trim_end_matches(']').to_owned())
        })
        .collect();
    let mut found = BTreeSet::new();
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        for line in fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap().lines().skip(1)
        {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            // 0A is LISTEN; a UDP socket that waits for anybody is in state 07.
            if matches!(fields[3], "0A" | "07") && inodes.contains(fields[9]) {
                found.insert(address(fields[1]));
            }
        }
    }
    found
}

/// `0100007F:1F90` as the kernel writes 127.0.0.1:8080.
fn address(text: &str) -> SocketAddr {
    let (host, port) = text.split_once(':').unwrap();
    let words: Vec<u32> = (0..host.len() / 8)
        .map(|n| u32::from_str_radix(&host[n * 8..n * 8 + 8], 16).unwrap().swap_bytes())
        .collect();
    let ip = match words.as_slice() {
        [word] => IpAddr::V4(Ipv4Addr::from(*word)),
        words => {
            let bits = words.iter().fold(0u128, |bits, word| bits << 32 | u128::from(*word));
            IpAddr::V6(Ipv6Addr::from(bits))
        }
    };
    SocketAddr::new(ip, u16::from_str_radix(port, 16).unwrap())
}

#[test]
fn nothing_listens_but_the_api_on_loopback() {
    let Some(served) = Served::new(&[]) else { return };
    let expected = BTreeSet::from([served.home.address().parse().unwrap()]);
    let found = listening(served.home.pid().unwrap());
    assert_eq!(found, expected);
    assert!(found.iter().all(|address| address.ip().is_loopback()));
}

#[test]
fn a_worker_opens_no_port_and_an_api_takes_no_work() {
    let Some(deployment) = Deployment::new() else { return };
    let worker = Home::new(&deployment);
    worker.start(&["--mode", "worker"]);
    assert_eq!(listening(worker.pid().unwrap()), BTreeSet::new());
    assert!(!worker.file("api-url").exists() && !worker.file("api-token").exists());
    let _stopped = worker.run(&["server", "stop"]).code(0);

    let api = Home::new(&deployment);
    api.start(&["--mode", "api"]);
    let created = api.request("POST", "/api/instances").json(r#"{"name":"waits"}"#).send();
    assert_eq!(created.status, 202, "{created:#?}");
    let log = api.log();
    assert!(!log.contains("activity done"), "{log}");
    let queued = deployment.count("SELECT count(*) FROM toygres_duroxide.executions");
    assert_eq!(queued, 0, "nobody has begun it");
    worker.start(&["--mode", "worker"]);
    let k8s_name = created.json()["k8s_name"].as_str().unwrap().to_owned();
    deployment.reaches(&k8s_name, "running").unwrap();
}

#[test]
fn beyond_loopback_it_listens_with_a_token_of_ones_own_only() {
    let Some(deployment) = Deployment::new() else { return };
    let home = Home::new(&deployment);
    let ran = home.run(&["server", "start", "--bind", "0.0.0.0", "-o", "json"]).code(2);
    assert!(ran.error()["hint"].as_str().unwrap().contains("TOYGRES_API_TOKEN"), "{ran:#?}");
    assert!(!home.file("api-token").exists());
    let home = home.set("TOYGRES_API_TOKEN", "short");
    let _weak = home.run(&["server", "start", "--bind", "0.0.0.0"]).code(2);

    let token = "a-token-of-my-own-4711";
    let home = home.set("TOYGRES_API_TOKEN", token);
    home.start(&["--bind", "0.0.0.0"]);
    assert!(!home.file("api-token").exists());
    let found = listening(home.pid().unwrap());
    assert!(found.iter().all(|address| address.ip().is_unspecified()), "{found:?}");
    let ask = |token: &str| {
        home.request("GET", "/api/instances").header("Authorization", &format!("Bearer {token}"))
    };
    assert_eq!(ask(token).send().status, 200);
    assert_eq!(ask("another").send().status, 401);
    assert_eq!(ask(token).header("Host", "evil.example").send().status, 421);
    assert!(!home.log().contains(token), "{}", home.log());
}

#[test]
fn ipv6_is_an_address_like_others() {
    let Some(deployment) = Deployment::new() else { return };
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        eprintln!("passed over: this machine has no IPv6");
        return;
    }
    let home = Home::new(&deployment);
    home.start(&["--bind", "::1"]);
    assert!(home.address().starts_with("[::1]:"), "{}", home.address());
    assert_eq!(home.request("GET", "/api/instances").send().status, 200);
    let status = home.run(&["server", "status", "-o", "json"]).code(0).json();
    assert_eq!(status["answers"], true);
}
