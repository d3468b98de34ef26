//! `env`.

use crate::support::{Toygres, check};
use crate::{URL, run};
use serde_json::Value;

#[test]
fn people_see_the_sample() {
    let ran = run(
        Toygres::on(URL)
            .env("AKS_CLUSTER_NAME", "toygres")
            .env("RUST_LOG", "info")
            .file(".kube/config", "{}"),
        &["env"],
    )
    .code(0);
    for part in [
        "Environment Variables\n━━━━",
        "\nRequired:\n  DATABASE_URL: ✓ Set (***hidden***)\n  AKS_CLUSTER_NAME: ✓ Set (toygres)\n\n",
        "\nOptional:\n  AKS_RESOURCE_GROUP: ✗ Not set\n",
        "  AKS_NAMESPACE: ✗ Not set (using default: toygres)\n",
        "  RUST_LOG: ✓ Set (info)\n",
        "  TOYGRES_API_URL: ✗ Not set (using default: http://localhost:8080)\n",
        "  TOYGRES_API_TOKEN: ✗ Not set\n",
        "  TOYGRES_COMPLETION_MS: ✗ Not set (using default: 1000)\n",
        "\nComputed:\n",
        "  HOME: /",
        "/.kube/config (exists: yes)\n",
        "\nUse --show-secrets to reveal hidden values (not recommended)\n",
    ] {
        let shown = unaligned(&ran.stdout);
        assert!(shown.contains(part), "`{part}` is missing in\n{shown}");
    }
}

/// Without the blanks that align values below each other.
fn unaligned(text: &str) -> String {
    let blanks = regex::Regex::new(r"(?m)^(  [A-Z0-9_]+:) +").unwrap();
    blanks.replace_all(text, "$1 ").into_owned()
}

#[test]
fn what_is_in_force_is_told_with_its_true_source() {
    let file = "[database]\nurl = \"postgresql://u:canary-file-4@h/d\"\n\
                [kubernetes]\nkubeconfig = \"/etc/toygres/kubeconfig\"\n[server]\nport = 9001\n";
    let toygres = || {
        Toygres::new()
            .file("toygres/config.toml", file)
            .file("toygres/api-url", "http://127.0.0.1:8097\n")
            .file("toygres/api-token", "canary-token-2\n")
    };
    let ran = run(toygres(), &["env"]).code(0).hides("canary");
    let shown = unaligned(&ran.stdout);
    for part in [
        "  DATABASE_URL: ✗ Not set (using ***hidden***, from /",
        "  TOYGRES_API_URL: ✗ Not set (using http://127.0.0.1:8097, from /",
        "/toygres/api-url)\n",
        "  TOYGRES_API_TOKEN: ✗ Not set (using ***hidden***, from /",
        "  TOYGRES_PORT: ✗ Not set (using 9001, from /",
        "  KUBECONFIG: /etc/toygres/kubeconfig (exists: no, from /",
        "/toygres/config.toml)\n",
    ] {
        assert!(shown.contains(part), "`{part}` is missing in\n{shown}");
    }
    assert!(!shown.contains("\nRequired:"), "nothing is missing:\n{shown}");
    let ran = run(toygres().env("TOYGRES_PORT", "9000"), &["env"]).code(0);
    assert!(unaligned(&ran.stdout).contains("  TOYGRES_PORT: ✓ Set (9000)\n"), "{}", ran.stdout);
    let ran = run(toygres(), &["env", "--database-url", "postgres://u@other/d"]).code(0);
    assert!(unaligned(&ran.stdout).contains("using ***hidden***, from the command line"));
    // Without any source it is missing.
    let ran = run(Toygres::new(), &["env"]).code(0);
    assert!(unaligned(&ran.stdout).contains("\nRequired:\n  DATABASE_URL: ✗ Not set\n"));
}

#[test]
fn every_variable_that_a_setting_reads_is_listed() {
    let config = run(Toygres::new(), &["config", "-o", "json"]).code(0).json();
    let rows = check("json", &run(Toygres::new(), &["env", "-o", "json"]).code(0));
    let listed: Vec<&str> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    let sections = config.as_object().unwrap().values().filter_map(Value::as_object);
    let read: Vec<&str> = sections
        .flat_map(|section| section.values())
        .filter_map(|value| value["env"].as_str())
        .collect();
    assert!(read.len() > 40, "{read:?}");
    for name in read {
        assert_eq!(listed.iter().filter(|listed| **listed == name).count(), 1, "{name}");
    }
}

#[test]
fn each_file_of_a_list_is_told_with_whether_it_exists() {
    let toygres = || {
        let toygres = Toygres::new().file("a.yaml", "{}");
        let list = format!("{}:/none/b.yaml:", toygres.home().join("a.yaml").display());
        toygres.env("KUBECONFIG", &list)
    };
    for (command, pointer) in [("env", "/KUBECONFIG"), ("config", "/kubernetes/kubeconfig")] {
        let ran = run(toygres(), &[command]).code(0);
        assert!(ran.stdout.contains("/a.yaml exists: yes, /none/b.yaml exists: no"), "{ran:#?}");
        let json = run(toygres(), &[command, "-o", "json"]).code(0).json();
        let found = match json.as_array() {
            Some(rows) => rows.iter().find(|row| row["name"] == "KUBECONFIG").unwrap(),
            None => json.pointer(pointer).unwrap(),
        };
        assert_eq!(found["files"][0]["exists"], true, "{found:#}");
        assert_eq!(found["files"][1], serde_json::json!({"path": "/none/b.yaml", "exists": false}));
    }
}

#[test]
fn a_list_in_every_format_with_every_key() {
    let names = |rows: &[Value]| -> Vec<String> {
        rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    let run_as = |format: &str| {
        let ran = run(Toygres::on(URL), &["env", "-o", format]).code(0);
        check(format, &ran)
    };
    let json = run_as("json");
    assert!(json.len() > 10, "{json:#?}");
    for row in &json {
        let keys: Vec<&String> = row.as_object().unwrap().keys().collect();
        assert_eq!(
            keys,
            ["name", "group", "set", "value", "default", "secret", "source", "exists", "files"]
        );
    }
    for format in ["jsonl", "yaml", "csv"] {
        assert_eq!(names(&run_as(format)), names(&json), "{format}");
    }
    for group in ["required", "optional", "computed"] {
        assert!(json.iter().any(|row| row["group"] == group), "{group}");
    }
}

#[test]
fn a_dotenv_file_is_named_and_never_goes_before_the_environment() {
    let dotenv = "AKS_NAMESPACE=from-dotenv\nRUST_LOG=debug\n";
    let toygres = Toygres::new().file(".env", dotenv).env("RUST_LOG", "warn");
    let rows = check("json", &run(toygres, &["env", "-o", "json"]).code(0));
    let row = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap();
    assert_eq!(row("AKS_NAMESPACE")["value"], "from-dotenv");
    let source = row("AKS_NAMESPACE")["source"].as_str().unwrap();
    assert!(source.starts_with('/') && source.ends_with("/.env"), "{source}");
    assert_eq!(row("RUST_LOG")["value"], "warn");
    assert_eq!(row("RUST_LOG")["source"], "environment");
    let toygres = Toygres::new().file(".env", dotenv);
    run(toygres, &["env"]).code(0).shows("✓ Set (from-dotenv, from /").shows("/.env)");
}

#[test]
fn only_asked_for_are_secrets_shown() {
    let ran = run(Toygres::on(URL), &["env", "--show-secrets"]).code(0).shows(URL);
    assert!(!ran.stdout.contains("Use --show-secrets"), "{}", ran.stdout);
    run(Toygres::on(URL), &["env"]).code(0).hides("canary-7f3a1c");
}
