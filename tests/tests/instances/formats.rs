//! Every format of every command, each a whole document with every key.

use crate::support::{FORMATS, check};
use crate::toygres;
use serde_json::Value;

/// The keys of every instance, whatever is known of it.
const KEYS: &[&str] = &[
    "name",
    "k8s_name",
    "id",
    "namespace",
    "state",
    "health",
    "postgres_version",
    "running_version",
    "storage_gb",
    "load_balancer",
    "dns_name",
    "external_ip",
    "port",
    "connection_string",
    "create_orchestration_id",
    "delete_orchestration_id",
    "health_orchestration_id",
    "created_at",
    "updated_at",
    "deleted_at",
    "tags",
    "health_checked_at",
    "health_error",
    "message",
    "address",
    "version",
    "storage_bytes",
    "observed",
    "reason",
    "restarts",
];

#[track_caller]
fn has_keys(document: &Value, more: &[&str]) {
    let keys: Vec<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, [KEYS, more].concat());
}

#[test]
fn every_command_has_every_format_and_every_key() {
    let detail = ["password", "progress"];
    for format in FORMATS.iter().filter(|format| !matches!(**format, "wide" | "csv")) {
        let name = format!("in-{format}");
        let made = toygres(&["create", &name, "-o", format]).code(0);
        for document in check(format, &made) {
            has_keys(&document, &detail);
        }
        for document in check(format, &toygres(&["get", &name, "-o", format]).code(0)) {
            has_keys(&document, &detail);
        }
        let gone = toygres(&["delete", &name, "--force", "--wait", "-o", format]).code(0);
        for document in check(format, &gone) {
            has_keys(&document, &detail);
        }
    }
    for format in FORMATS {
        let ran = toygres(&["list", "--all", "-o", format]).code(0);
        let rows = check(format, &ran);
        assert!(matches!(*format, "table" | "wide") || rows.len() >= 4, "{ran:#?}");
        for row in rows {
            has_keys(&row, &[]);
        }
    }
}

#[test]
fn an_empty_list_says_so_to_people_and_is_empty_to_machines() {
    // None is ever deleting and unhealthy here.
    let args = ["list", "--state", "deleting", "--health", "unhealthy"];
    toygres(&args).code(0).shows("No such instances found");
    assert_eq!(toygres(&[&args[..], &["-o", "json"]].concat()).code(0).stdout.trim(), "[]");
    assert_eq!(toygres(&[&args[..], &["-o", "jsonl"]].concat()).code(0).stdout, "");
    toygres(&["list", "--columns", "nonsense"]).code(2).says("there is no column `nonsense`");
    toygres(&["list", "--state", "nonsense"]).code(2).says("creating");
}
