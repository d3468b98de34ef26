//! Kubeconfigs and environments as `kubectl` reads them: each row is given to `kubectl` and to
//! toygres, and both come to the same servers, by the same way and as the same user.

mod rows;
mod world;

use crate::stage::{Stage, chmod, is_root};
use crate::support::Ran;
use rows::{Outcome, Row, rows};
use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use world::World;

/// Where a pod finds the credentials of its service account.
const SERVICE_ACCOUNT: &str = "/run/secrets/kubernetes.io/serviceaccount";

/// One tool's way through a row.
#[derive(Debug, PartialEq, Eq)]
struct Result {
    reached: bool,
    visits: BTreeSet<String>,
}

fn has_kubectl() -> bool {
    let found = Command::new("kubectl").args(["version", "--client"]).output();
    let found = found.is_ok_and(|ran| ran.status.success());
    if !found {
        eprintln!("passed over: there is no kubectl");
    }
    found
}

/// The command within a pod's view of the machine, or as it is.
fn prepared(stage: &Stage, row: &Row, program: &str) -> Command {
    let mut command = match row.in_cluster {
        false => Command::new(program),
        true => {
            let script = format!(
                "mount -t tmpfs tmpfs /run && mkdir -p {SERVICE_ACCOUNT} && \
                 cp ca.crt token namespace {SERVICE_ACCOUNT}/ && exec \"$@\""
            );
            let mut command = Command::new("unshare");
            command.args(["-m", "sh", "-c", &script, "sh", program]);
            command
        }
    };
    command.env_clear().current_dir(stage.path("work")).stdin(Stdio::null());
    command.env("HOME", stage.path("user")).env("PATH", std::env::var_os("PATH").unwrap());
    command.env("LANG", "C.UTF-8").env("TZ", "UTC");
    let work = stage.path("work").display().to_string();
    for (name, value) in &row.environment {
        command.env(name, value.replace("{work}", &work));
    }
    command
}

/// The kubeconfig that is named on the command line.
fn kubeconfig(row: &Row) -> impl Iterator<Item = &str> {
    row.kubeconfig.iter().flat_map(|path| ["--kubeconfig", path])
}

fn by_kubectl(stage: &Stage, row: &Row, world: &World) -> (Result, Ran) {
    let mut command = prepared(stage, row, "kubectl");
    if let Some(context) = &row.context {
        command.args(["--context", context]);
    }
    command.args(["get", "--raw", "/version"]).args(kubeconfig(row));
    if !row.in_cluster {
        // With it kubectl does not look for a pod's cluster.
        command.arg("--request-timeout=5s");
    }
    let ran = Ran::of(command.output().unwrap());
    (Result { reached: ran.code == 0, visits: world.visits() }, ran)
}

fn by_toygres(stage: &Stage, row: &Row, world: &World) -> (Result, Ran) {
    let binary = toygres_tests::toygres::binary();
    let mut command = prepared(stage, row, binary.to_str().unwrap());
    command.env("TOYGRES_PLUGIN_PATH", toygres_tests::toygres::plugins());
    if let Some(context) = &row.context {
        command.env("TOYGRES_KUBE_CONTEXT", context);
    }
    command.args(["server", "health", "--check", "TG0501", "-o", "json"]);
    command.args(kubeconfig(row));
    let ran = Ran::of(command.output().unwrap());
    let answer: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap_or_default();
    let reached = answer["checks"][0]["outcome"] == "ok";
    (Result { reached, visits: world.visits() }, ran)
}

fn summary(ran: &Ran) -> String {
    let answer: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap_or_default();
    answer["checks"][0]["summary"].to_string()
}

#[test]
fn each_kubeconfig_leads_where_it_leads_kubectl() {
    if !has_kubectl() {
        return;
    }
    let world = World::new();
    let mut wrong = Vec::new();
    let mut count = 0;
    for row in rows(&world) {
        if row.in_cluster && !is_root() {
            continue;
        }
        let stage = Stage::new();
        for (name, text) in &row.files {
            let path = stage.file(name, text);
            if name.ends_with(".sh") || name.ends_with("toygres-test-login") {
                chmod(&path, 0o755);
            }
        }
        let (kubectl, said) = by_kubectl(&stage, &row, &world);
        let (toygres, answered) = by_toygres(&stage, &row, &world);
        let expected = matches!(row.outcome, Outcome::Reached);
        if kubectl != toygres || kubectl.reached != expected {
            wrong.push(format!(
                "{}: kubectl {kubectl:?}, toygres {toygres:?}\n{}\n{}{}",
                row.name,
                said.stderr,
                summary(&answered),
                answered.stderr
            ));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n---\n"));
    assert!(count >= 30, "only {count} rows");
}

#[test]
fn a_failure_names_what_names_the_kubeconfig() {
    let stage = Stage::new();
    let broken = stage.file("work/broken", "clusters: [");
    let text = "current-context: nosuch\ncontexts: []\n";
    let other = stage.file("work/other", text);
    let unselected = stage.file(
        "work/unselected",
        "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:9'}}]\n\
         contexts: [{name: a, context: {cluster: c}}]\n",
    );
    let said = |environment: &[(&str, &str)], args: &[&str]| {
        let all = [&["server", "health", "--check", "TG0501", "-o", "json"], args].concat();
        let mut command = stage.command(&all);
        command.envs(environment.iter().copied());
        let ran = crate::stage::ran(command);
        ran.json()["checks"][0]["summary"].as_str().unwrap().to_owned()
    };
    for path in [&broken, &other, &unselected] {
        let path = path.to_str().unwrap();
        let by_variable = said(&[("KUBECONFIG", path)], &[]);
        assert!(by_variable.contains("`KUBECONFIG`"), "{by_variable}");
        let by_option = said(&[], &["--kubeconfig", path]);
        assert!(by_option.contains("`--kubeconfig`"), "{by_option}");
        for summary in [by_variable, by_option] {
            assert!(!summary.contains("is configured"), "{summary}");
            assert!(summary.contains(path), "{summary}");
        }
    }
    let none = said(&[], &[]);
    assert!(none.contains("no Kubernetes cluster is configured"), "{none}");
    assert!(none.contains(".kube/config"), "{none}");
    // What is configured and cannot be used is not said to be missing.
    let text = "current-context: a\nclusters: [{name: c, cluster: {server: 'https://127.0.0.1:9'}}]\n\
                contexts: [{name: a, context: {cluster: c, user: u}}]\n\
                users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: ./fails.sh}}}]\n";
    let exec = stage.file("work/exec", text);
    chmod(&stage.file("work/fails.sh", "#!/bin/sh\necho no ticket today >&2\nexit 3\n"), 0o755);
    let failed = said(&[("KUBECONFIG", exec.to_str().unwrap())], &[]);
    assert!(failed.contains("no ticket today") && !failed.contains("is configured"), "{failed}");
}
