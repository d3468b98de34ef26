//! `server report`: one archive for a support case.

#[path = "support/mod.rs"]
mod support;

use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use support::plane::Plane;
use support::{Ran, Toygres};
use tempfile::TempDir;

const CANARY: &str = "canary-REPORT-31f7";

fn report(toygres: Toygres, file: &Path) -> Ran {
    let file = file.display().to_string();
    toygres.args(["server", "report", "-o", "json", "--timeout", "20s", "--file", &file]).run()
}

/// The files of an archive, in the order in which they lie in it.
fn files(archive: &Path) -> Vec<(String, String)> {
    let folder = TempDir::new().unwrap();
    let tar = |args: &[&str]| {
        let output = Command::new("tar").args(args).arg(archive).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let names = tar(&["-tzf"]);
    let place = folder.path().display().to_string();
    tar(&["-C", &place, "-xzf"]);
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    names.lines().map(|name| (name.to_owned(), read(name))).collect()
}

/// The manifest's entries by command.
fn entry<'a>(manifest: &'a Value, command: &str) -> &'a Value {
    let entries = manifest["entries"].as_array().unwrap();
    let found = entries.iter().find(|entry| entry["command"] == command);
    found.unwrap_or_else(|| panic!("`{command}` is not in {manifest:#}"))
}

#[test]
fn everything_is_packed_and_masked() {
    let plane = Plane::shared();
    let create = ["create", "casedb", "--wait", "--password", CANARY];
    plane.toygres().args(create).run().code(0);
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("case.tar.gz");
    let ran = report(plane.toygres(), &file).code(0);
    let told = ran.json();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let files = files(&file);
    let (first, manifest) = &files[0];
    assert!(first.ends_with("/manifest.json"), "{first}");
    let manifest: Value = serde_json::from_str(manifest).unwrap();
    assert_eq!(manifest["entries"], told["entries"]);
    assert_eq!((&manifest["failed"], &told["failed"]), (&Value::from(0), &Value::from(0)));
    for command in [
        "orchestrations",
        "orchestrations --status failed",
        "orchestrations --stuck",
        "health --verbose",
        "drift --verbose",
        "db-status --verbose",
        "stats",
        "workers",
        "config",
        "env",
        "logs --tail 2000",
    ] {
        let entry = entry(&manifest, command);
        let end = format!("/{}", entry["file"].as_str().unwrap());
        let (_, text) = files.iter().find(|(name, _)| name.ends_with(&end)).unwrap();
        assert_eq!(text.len(), usize::try_from(entry["bytes"].as_u64().unwrap()).unwrap());
        let held: Value = serde_json::from_str(text).unwrap();
        assert!(!held["data"].is_null(), "{command}: {text}");
        assert_eq!(entry["masked"], text.matches("***").count(), "{command}");
        for place in entry["masked_at"].as_array().unwrap() {
            let masked = held.pointer(place.as_str().unwrap()).and_then(Value::as_str);
            assert!(masked.is_some_and(|text| text.contains("***")), "{command}: {place}");
        }
    }
    let listed = files.iter().find(|(name, _)| name.ends_with("/orchestrations.json")).unwrap();
    assert!(listed.1.contains("casedb"), "{}", listed.1);
    assert!(told["masked"].as_u64().unwrap() > 0, "the URL's password at the least");
    let config = &entry(&manifest, "config")["masked_at"];
    assert!(config.as_array().unwrap().contains(&"/data/database/url/value".into()), "{config}");
    let plugins = manifest["plugins"].as_array().unwrap();
    assert!(plugins.iter().any(|plugin| plugin["name"] == "health" && plugin["version"] != ""));
    let url = database_url(plane);
    let password = url.split(':').nth(2).and_then(|rest| rest.split('@').next()).unwrap();
    for (name, text) in &files {
        assert!(!text.contains(CANARY) && !text.contains(password), "{name}");
    }
    // Nothing that is there already is written over.
    let again = report(plane.toygres(), &file).code(9);
    assert!(again.stderr.contains("there already"), "{}", again.stderr);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_is_packed() {
    let plane = Plane::shared();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("down.tar.gz");
    let down = plane
        .toygres()
        .env("DATABASE_URL", "postgres://u:canary-DOWN@127.0.0.1:1/none")
        .env("TOYGRES_CONNECT_TIMEOUT_MS", "500");
    let told = report(down, &file).code(4).hides("canary-DOWN").json();
    assert!(told["failed"].as_u64().unwrap() > 0 && told["succeeded"].as_u64().unwrap() > 0);
    let orchestrations = entry(&told, "orchestrations");
    assert_eq!((&orchestrations["code"], &orchestrations["file"]), (&Value::from(4), &Value::Null));
    assert!(orchestrations["error"].as_str().is_some_and(|error| error.contains("127.0.0.1")));
    assert_eq!(entry(&told, "config")["error"], Value::Null);
    assert!(files(&file).iter().all(|(_, text)| !text.contains("canary-DOWN")));
}

#[test]
fn without_a_database_the_server_is_asked() {
    let plane = Plane::shared();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("remote.tar.gz");
    let toygres = plane
        .elsewhere()
        .env("TOYGRES_API_URL", &plane.text("api-url"))
        .env("TOYGRES_API_TOKEN", &plane.text("api-token"));
    let told = report(toygres, &file).code(0).json();
    assert_eq!(told["failed"], 0, "{told:#}");
    for command in ["stats", "workers", "orchestrations", "health --verbose"] {
        let entry = entry(&told, command);
        assert_eq!(entry["through"], "server", "{entry:#}");
        assert!(entry["bytes"].as_u64().unwrap() > 50, "{entry:#}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_said() {
    let file = Path::new("/proc/nosuch/case.tar.gz");
    let ran = report(Plane::shared().toygres(), file).code(9);
    assert_eq!(ran.error()["kind"], "failed");
}

fn database_url(plane: &Plane) -> String {
    let args = ["server", "config", "-o", "json", "--show-secrets"];
    let config = plane.toygres().args(args).run().code(0).json();
    config["database"]["url"]["value"].as_str().unwrap().to_owned()
}
