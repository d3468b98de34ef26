//! Each value with its source, the nearer before the farther.

use crate::support::{Toygres, check};
use crate::{URL, run};
use serde_json::json;

const FILE: &str = r#"
current = "west"

[server]
workers = 7

[kubernetes]
namespace = "from-file"
cluster = "every-context"

[contexts.west.kubernetes]
cluster = "west-cluster"

[contexts.west.database]
url = "postgresql://file:canary-7f3a1c@file.example.com/db"

[contexts.east.kubernetes]
cluster = "east-cluster"
"#;

fn with_file() -> Toygres {
    Toygres::new().file("toygres/config.toml", FILE)
}

/// Value and source of one setting.
fn setting(toygres: Toygres, args: &[&str], pointer: &str) -> (serde_json::Value, String) {
    let mut all = vec!["config", "-o", "json"];
    all.extend(args);
    let config = run(toygres, &all).code(0).json();
    let found = &config.pointer(pointer).unwrap_or_else(|| panic!("no {pointer} in {config:#}"));
    (found["value"].clone(), found["source"].as_str().unwrap().to_owned())
}

#[test]
fn people_see_the_sample() {
    let ran = run(
        Toygres::on(URL)
            .env("AKS_CLUSTER_NAME", "toygres-aks")
            .env("AKS_RESOURCE_GROUP", "adar-rg"),
        &["config"],
    )
    .code(0);
    let home = ran.stdout.lines().find(|line| line.contains("Config File:")).unwrap().to_owned();
    assert_eq!(
        ran.stdout.replace(&home, "  Config File:   …"),
        "\
Server Configuration
━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━

Server:
  Mode:             standalone (default)
  Bind:             127.0.0.1 (default)
  API Port:         8080 (default)
  Workers:          3 (default)
  Log Level:        info (default)
  Log Size:         10 MB (default)
  Old Logs:         5 (default)
  Host Names:       - (not set)
  Request Timeout:  30s (default)
  Follow Timeout:   1h (default)
  Connections:      1024 (default)
  Per Address:      0 (default)
  Commands:         10 (default)
  Drain:            25s (default)
  Monitor Interval: 30s (default)
  Ready Interval:   30s (default)
  Row Limit:        8 MB (default)
  Lease:            30s (default)
  Days of Checks:   7 (default)
  Days of Events:   90 (default)

API:
  URL:           http://localhost:8080 (default)
  Token:         - (not set)
  Timeout:       30s (default)

Database:
  URL:               postgresql://affandar:***@db.example.com:5432/postgres (environment: DATABASE_URL)
  Schema (CMS):      toygres_cms (default)
  Schema (Duroxide): toygres_duroxide (default)
  Connect Timeout:   5s (default)
  Statement Timeout: 30s (default)
  Row Limit:         256 MB (default)

Kubernetes:
  Cluster:         toygres-aks (environment: AKS_CLUSTER_NAME)
  Resource Group:  adar-rg (environment: AKS_RESOURCE_GROUP)
  Namespace:       toygres (default)
  Kubeconfig:      ~/.kube/config (default)
  Context:         - (not set)
  Image:           postgres:{version} (default)
  Storage Class:   - (not set)
  DNS Suffix:      - (not set)
  Network Policy:  false (default)
  Cluster Network: - (not set)

Drift:
  Ignored:       - (not set)

Paths:
  Home:          ~/toygres (environment: TOYGRES_HOME)
  PID File:      ~/toygres/server.pid (default)
  Log File:      ~/toygres/server.log (default)

Files:
  Config File:   …
  Context:       -

Environment Variables:
  DATABASE_URL:       ✓ Set
  AKS_CLUSTER_NAME:   ✓ Set (toygres-aks)
  AKS_RESOURCE_GROUP: ✓ Set (adar-rg)
  AKS_NAMESPACE:      ✗ Not set
  RUST_LOG:           ✗ Not set
"
    );
}

#[test]
fn flag_environment_dotenv_file_default() {
    let pointer = "/kubernetes/namespace";
    let dotenv = || with_file().file(".env", "AKS_NAMESPACE=from-dotenv\n");
    let environment = || dotenv().env("AKS_NAMESPACE", "from-environment");
    let of = |value: &str, source: &str| (json!(value), source.to_owned());
    assert_eq!(
        setting(environment(), &["--namespace", "from-flag"], pointer),
        of("from-flag", "flag")
    );
    assert_eq!(setting(environment(), &[], pointer), of("from-environment", "environment"));
    assert_eq!(setting(dotenv(), &[], pointer), of("from-dotenv", "dot_env"));
    assert_eq!(setting(with_file(), &[], pointer), of("from-file", "file"));
    assert_eq!(setting(Toygres::new(), &[], pointer), of("toygres", "default"));
    // An empty variable sets nothing.
    assert_eq!(
        setting(dotenv().env("AKS_NAMESPACE", ""), &[], pointer),
        of("from-dotenv", "dot_env")
    );
}

#[test]
fn numbers_are_numbers() {
    assert_eq!(setting(with_file(), &[], "/server/workers"), (json!(7), "file".to_owned()));
    assert_eq!(setting(Toygres::new(), &[], "/server/port"), (json!(8080), "default".to_owned()));
    let (value, _) = setting(Toygres::new(), &[], "/database/connect_timeout_ms");
    assert_eq!(value, json!(5000));
}

#[test]
fn the_current_context_decides_and_another_can_be_chosen() {
    let pointer = "/kubernetes/cluster";
    assert_eq!(setting(with_file(), &[], pointer).0, "west-cluster");
    assert_eq!(setting(with_file(), &["--context", "east"], pointer).0, "east-cluster");
    assert_eq!(setting(with_file().env("TOYGRES_CONTEXT", "east"), &[], pointer).0, "east-cluster");
    let config = run(with_file(), &["config", "-o", "json"]).code(0).json();
    assert_eq!(config["context"], "west");
    assert_eq!(config["file"]["exists"], true);
    run(with_file(), &["config", "--context", "north"]).code(2).says("`north`").says("east, west");
}

#[test]
fn keys_that_mean_nothing_are_named_with_what_was_meant() {
    let file =
        "[database]\nurll = \"x\"\n[contexts.a.kubernetes]\nnamspace = \"y\"\n[zzz]\nqqq = 1\n";
    let toygres = || Toygres::new().file("toygres/config.toml", file);
    let ran = run(toygres(), &["config", "--context", "a", "-o", "json"]).code(0);
    assert_eq!(
        ran.json()["unknown_keys"],
        json!([
            {"key": "database.urll", "suggestion": "database.url"},
            {"key": "contexts.a.kubernetes.namspace", "suggestion": "kubernetes.namespace"},
            {"key": "zzz.qqq", "suggestion": null},
        ])
    );
    ran.says("did you mean `database.url`?");
    run(toygres(), &["config"]).code(0).says("`database.urll`").says("means nothing");
}

#[test]
fn a_broken_file_is_told_with_its_place() {
    let toygres = || Toygres::new().file("toygres/config.toml", "[server]\nworkers = = 3\n");
    for format in ["table", "json", "yaml"] {
        let ran = run(toygres(), &["config", "-o", format]).code(2).says("line 2");
        assert_eq!(ran.stdout, "");
    }
}

#[test]
fn every_format_is_a_whole_document_of_the_same_facts() {
    let json = run(with_file(), &["config", "-o", "json"]).code(0).json();
    for format in ["jsonl", "yaml"] {
        let ran = run(with_file(), &["config", "-o", format]).code(0);
        let documents = check(format, &ran);
        assert_eq!(documents.len(), 1, "{format}");
        // Each run has a home of its own.
        assert_eq!(
            documents[0]["kubernetes"]["cluster"], json["kubernetes"]["cluster"],
            "{format}"
        );
        let keys = |value: &serde_json::Value| -> Vec<String> {
            value.as_object().unwrap().keys().cloned().collect()
        };
        assert_eq!(keys(&documents[0]), keys(&json), "{format}");
    }
    run(with_file(), &["config", "-o", "csv"]).code(2);
}

#[test]
fn it_asks_no_database_and_no_cluster() {
    let url = "postgresql://u@192.0.2.1:5/db";
    run(Toygres::on(url).env("KUBECONFIG", "/nonexistent"), &["config"]).code(0);
    run(Toygres::on(url).env("KUBECONFIG", "/nonexistent"), &["env"]).code(0);
}
