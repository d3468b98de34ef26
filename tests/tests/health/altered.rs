//! Backends that answer late, or otherwise than they should: the answers are the real ones' own, and
//! what leads to them is at fault.

use crate::plane::{Plane, found, is};
use crate::support::Toygres;
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use toygres_tests::control::{Deployment, Options, Way};
use toygres_tests::kube::{ApiServer, Rule};
use toygres_tests::postgres::PrivatePostgres;
use toygres_tests::wait;

fn port_of(url: &str) -> u16 {
    url.trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap()
}

#[test]
fn an_api_that_is_not_what_it_should_be_is_named() {
    let Some(plane) = Plane::empty() else { return };
    let home = plane.server.as_ref().unwrap().home().join("toygres");
    let url = std::fs::read_to_string(home.join("api-url")).unwrap();
    let by = |way: &Way, code: &str| {
        let url = format!("http://127.0.0.1:{}", way.port());
        found(plane.toygres().env("TOYGRES_API_URL", &url), code)
    };
    let direct = Way::to(port_of(url.trim())).unwrap();
    for code in ["TG0103", "TG0104", "TG0105", "TG0106"] {
        is(&by(&direct, code), "ok", "");
    }
    let other = Way::altering(
        port_of(url.trim()),
        "toygres_build_info{version=\"0",
        "toygres_build_info{version=\"9",
    );
    is(&by(&other.unwrap(), "TG0103"), "warning", "the server is release 9.");
    let lacking = Way::altering(port_of(url.trim()), "\"/api/instances\"", "\"/api/insTances\"");
    is(&by(&lacking.unwrap(), "TG0105"), "warning", "the API lacks /api/instances");
    let slow = Way::slow(port_of(url.trim()), Duration::from_millis(1050)).unwrap();
    is(&by(&slow, "TG0106"), "warning", "to answer");
    let row = found(plane.toygres().env("TOYGRES_API_TOKEN", "canary-wrong"), "TG0104");
    is(&row, "warning", "refuses this command's token");
}

#[test]
fn an_api_that_lost_what_it_needs_is_named() {
    let Some(deployment) = Deployment::new() else { return };
    let port = deployment.database.server().port();
    let way = Way::to(port).unwrap();
    let url = deployment
        .database
        .url
        .replace(&format!("127.0.0.1:{port}/"), &format!("127.0.0.1:{}/", way.port()));
    let server = deployment.start(Options::default().env("DATABASE_URL", &url));
    // The command itself reaches the database.
    let plane = Plane { deployment, server: Some(server) };
    plane.is("TG0102", "ok", "every backend");
    way.cut();
    plane.becomes("TG0102", "failed", "not ready: ");
    way.mend();
    plane.becomes("TG0102", "ok", "every backend");
}

#[test]
fn a_slow_way_to_the_database_is_named() {
    let server = PrivatePostgres::shared();
    let by = |way: &Way| {
        let to = format!("127.0.0.1:{}/", way.port());
        let url = server.url().replace(&format!("127.0.0.1:{}/", server.port()), &to);
        found(Toygres::on(&url), "TG0409")
    };
    let quick = || by(&Way::to(server.port()).unwrap());
    // Another test may hold the machine for a moment.
    wait::until("a quick statement", || Ok((quick()["outcome"] == "ok").then_some(()))).unwrap();
    let slow = Way::slow(server.port(), Duration::from_millis(140)).unwrap();
    is(&by(&slow), "warning", "a statement that does nothing took");
}

/// `kubectl proxy`: the API server without TLS, which something on the way can alter.
struct Proxy {
    process: Child,
    port: u16,
}

impl Proxy {
    fn of(kubeconfig: &Path) -> Self {
        let mut process = Command::new("kubectl")
            .env("KUBECONFIG", kubeconfig)
            .args(["proxy", "--port=0"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("kubectl");
        let mut said = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut said).unwrap();
        Self { process, port: port_of(said.trim()) }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _ended = self.process.wait();
    }
}

#[test]
fn a_cluster_that_is_old_or_slow_is_named() {
    let Some(cluster) = ApiServer::shared() else { return };
    let proxy = Proxy::of(cluster.kubeconfig());
    let by = |way: &Way, code: &str| {
        let server = json!({"server": format!("http://127.0.0.1:{}", way.port())});
        let kubeconfig = json!({"apiVersion": "v1", "kind": "Config", "current-context": "way",
            "clusters": [{"name": "way", "cluster": server}],
            "users": [{"name": "way", "user": {}}],
            "contexts": [{"name": "way", "context": {"cluster": "way", "user": "way"}}]});
        let toygres = Toygres::new().file("way.kubeconfig", kubeconfig.to_string());
        let path = toygres.home().join("way.kubeconfig");
        found(toygres.env("KUBECONFIG", &path.to_string_lossy()), code)
    };
    let direct = Way::to(proxy.port).unwrap();
    for code in ["TG0502", "TG0507"] {
        is(&by(&direct, code), "ok", "");
    }
    let old = Way::altering(proxy.port, "\"major\": \"1\"", "\"major\": \"0\"").unwrap();
    is(&by(&old, "TG0502"), "warning", "is older than 1.20");
    let slow = Way::slow(proxy.port, Duration::from_millis(1050)).unwrap();
    is(&by(&slow, "TG0507"), "warning", "to answer");
}

#[test]
fn network_policies_that_may_not_be_managed_are_named() {
    let Some(plane) = Plane::at_rest() else { return };
    plane.is("TG0516", "skipped", "no network policy");
    let all = ["create", "delete", "get"];
    for (verbs, outcome, words) in
        [(&all[..], "ok", "create, delete, get"), (&all[1..], "failed", "may not create")]
    {
        let rules = [Rule { group: "networking.k8s.io", resources: &["networkpolicies"], verbs }];
        let namespace = &plane.deployment.namespace;
        let user = plane.deployment.world.api.user_with(namespace, &rules).unwrap();
        let toygres = plane
            .toygres()
            .env("KUBECONFIG", &user.kubeconfig.to_string_lossy())
            .env("TOYGRES_NETWORK_POLICY", "true");
        is(&found(toygres, "TG0516"), outcome, words);
    }
}
