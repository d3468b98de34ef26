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
        "\nRequired:\n  DATABASE_URL:       ✓ Set (***hidden***)\n  AKS_CLUSTER_NAME:   ✓ Set (toygres)\n",
        "  AKS_RESOURCE_GROUP: ✗ Not set\n",
        "\nOptional:\n  AKS_NAMESPACE:          ✗ Not set (using default: toygres)\n",
        "  RUST_LOG:               ✓ Set (info)\n",
        "  TOYGRES_API_URL:        ✗ Not set (using default: http://localhost:8080)\n",
        "  TOYGRES_API_TOKEN:      ✗ Not set\n",
        "  TOYGRES_COMPLETION_MS:  ✗ Not set (using default: 1000)\n",
        "\nComputed:\n  HOME:          /",
        "/.kube/config (exists: yes)\n",
        "\nUse --show-secrets to reveal hidden values (not recommended)\n",
    ] {
        assert!(ran.stdout.contains(part), "`{part}` is missing in\n{}", ran.stdout);
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
            ["name", "group", "set", "value", "default", "secret", "source", "exists"]
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
