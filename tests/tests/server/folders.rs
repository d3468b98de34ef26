//! The folder that a server was started in: it is left, and what was named from there stays named.

use std::path::Path;
use toygres_tests::control::Deployment;
use toygres_tests::server::{Home, Ran};

/// Runs a command in a folder.
#[track_caller]
fn run_in(home: &Home, folder: &Path, args: &[&str]) -> Ran {
    let output = home.command(args).current_dir(folder).output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn the_start_folder_is_left_and_relative_paths_keep_their_meaning() {
    let Some(deployment) = Deployment::new() else { return };
    let (start, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::copy(deployment.world.api.kubeconfig(), start.path().join("kubeconfig")).unwrap();
    let home = Home::new(&deployment)
        .set("TOYGRES_LOG_FILE", "logs.jsonl")
        .set("KUBECONFIG", "none:kubeconfig");
    let args = ["server", "start", "--timeout", "60s", "-o", "json"];
    let _started = run_in(&home, start.path(), &args).code(0);
    let pid = home.pid().unwrap();
    assert_eq!(std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap(), Path::new("/"));
    let log = start.path().join("logs.jsonl").display().to_string();
    let written = std::fs::read_to_string(&log).unwrap();
    assert!(written.contains("the server starts"), "{written}");
    let status = run_in(&home, elsewhere.path(), &["server", "status", "-o", "json"]).code(0);
    assert_eq!(status.json()["log_file"].as_str(), Some(log.as_str()));
    let logs = run_in(&home, elsewhere.path(), &["server", "logs", "--tail", "0"]).code(0);
    assert!(logs.stdout.contains("the server starts"), "{logs:#?}");
    // Nothing holds the folder, and what it named goes on working.
    let created = home.request("POST", "/api/instances").json(r#"{"name":"there"}"#).send();
    assert_eq!(created.status, 202, "{created:#?}");
    let k8s_name = created.json()["k8s_name"].as_str().unwrap().to_owned();
    deployment.reaches(&k8s_name, "running").unwrap();
}

#[test]
fn what_the_start_folder_gave_is_kept_or_said_to_be_lost() {
    let Some(deployment) = Deployment::new() else { return };
    let (start, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let dotenv = format!(
        "DATABASE_URL={}\nAKS_NAMESPACE={}\n",
        deployment.database.url, deployment.namespace
    );
    std::fs::write(start.path().join(".env"), dotenv).unwrap();
    let home =
        Home::bare().set("KUBECONFIG", &deployment.world.api.kubeconfig().display().to_string());
    let args = ["server", "start", "--timeout", "60s", "-o", "json"];
    let _started = run_in(&home, start.path(), &args).code(0);
    let restart = ["server", "restart", "-o", "json"];
    let restarted = run_in(&home, elsewhere.path(), &restart).code(0).json();
    assert_eq!(restarted["result"], "restarted", "{restarted:#}");
    // Twice: it is kept by what it was kept in.
    let _again = run_in(&home, elsewhere.path(), &restart).code(0);
    home.kill().unwrap();
    let lost = run_in(&home, elsewhere.path(), &restart);
    assert_ne!(lost.code, 0, "{lost:#?}");
    let hint = lost.error()["hint"].as_str().unwrap().to_owned();
    assert!(hint.contains("`DATABASE_URL`") && hint.contains("`.env`"), "{hint}");
}
