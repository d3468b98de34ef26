//! A password is shown where it was asked for, and nowhere else.

use crate::support::Ran;
use crate::support::plane::Plane;
use crate::toygres;
use std::os::unix::fs::PermissionsExt;
use toygres_tests::postgres::Binaries;

const CANARY: &str = "canary-P4ss w@rd/%";

/// Every command that could tell the password of this instance, in every format.
fn told(name: &str) -> Vec<Ran> {
    let mut told = Vec::new();
    for format in ["table", "json", "jsonl", "yaml"] {
        told.push(toygres(&["get", name, "-o", format]).code(0));
        told.push(toygres(&["list", "-o", format]).code(0));
    }
    told.push(toygres(&["list", "-o", "wide"]).code(0));
    told.push(toygres(&["list", "-o", "csv"]).code(0));
    told
}

#[test]
fn a_given_password_is_shown_only_where_asked_for() {
    let plane = Plane::shared();
    let args = ["create", "given", "--password-file", "-", "--wait"];
    let made = plane.toygres().args(args).input(format!("{CANARY}\n")).run().code(0);
    made.hides(CANARY).hides("canary").shows("toygres get given --show-password");
    for ran in told("given") {
        ran.hides("canary");
    }
    let shown = toygres(&["get", "given", "--show-password"]).code(0);
    let shown = shown.shows(CANARY).shows("canary-P4ss%20w%40rd%2F%25");
    assert!(!shown.stdout.contains("***"), "{shown:#?}");
    // What is shown is what PostgreSQL takes.
    let data = toygres(&["get", "given", "--show-password", "-o", "json"]).code(0).json();
    let url = data["connection_string"].as_str().unwrap();
    assert_eq!(Binaries::find().unwrap().psql(url, "SELECT 1").unwrap().trim(), "1");
    toygres(&["delete", "given", "--force", "--wait"]).code(0).hides("canary");
}

#[test]
fn a_generated_password_is_shown_once_or_later() {
    let quiet = toygres(&["create", "quiet", "-o", "json"]).code(0);
    let note = "a password was generated; see it with `toygres get quiet --show-password`";
    assert!(quiet.json()["password"].is_null());
    quiet.says(note);
    let loud = ["create", "loud", "--wait", "--show-password", "-o", "json"];
    let loud = toygres(&loud).code(0).json();
    let password = loud["password"].as_str().unwrap();
    assert!(password.len() >= 20, "{password}");
    assert!(loud["connection_string"].as_str().unwrap().contains(password), "{loud}");
    let later = toygres(&["get", "loud", "--show-password", "-o", "json"]).code(0).json();
    assert_eq!(later["password"], password);
    for ran in told("loud") {
        ran.hides(password);
    }
    for name in ["quiet", "loud"] {
        toygres(&["delete", name, "--force", "--wait"]).code(0);
    }
}

#[test]
fn a_password_comes_from_where_others_do_not_see_it() {
    let plane = Plane::shared();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "canary-FILE\n").unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    let path = file.to_str().unwrap();
    let args = ["create", "from-file", "--password-file", path, "--show-password", "-o", "json"];
    let ran = toygres(&args).code(0).says("others can read");
    assert_eq!(ran.json()["password"], "canary-FILE");
    let args = ["create", "from-env", "--show-password", "-o", "json"];
    let ran = plane.toygres().args(args).env("TOYGRES_PASSWORD", "canary-ENV").run().code(0);
    assert_eq!(ran.json()["password"], "canary-ENV");
    // What is typed is seen by others, and said to be.
    let typed = ["create", "typed", "--password", "canary-TYPED", "-o", "json"];
    toygres(&typed).code(0).hides("canary").says("list of processes");
    for name in ["from-file", "from-env", "typed"] {
        toygres(&["delete", name, "--force", "--wait"]).code(0);
    }
}

/// As editors of other systems save it.
#[test]
fn a_byte_order_mark_is_no_part_of_a_password() {
    let plane = Plane::shared();
    let marked = format!("\u{feff}{CANARY}\r\n");
    let args = ["create", "marked", "--password-file", "password", "--wait"];
    plane.toygres().file("password", &marked).args(args).run().code(0).hides("canary");
    let data = toygres(&["get", "marked", "--show-password", "-o", "json"]).code(0).json();
    assert_eq!(data["password"], CANARY);
    toygres(&["delete", "marked", "--force", "--wait"]).code(0);
    let utf16: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let ran = plane.toygres().file("password", utf16).args(args).run().code(2);
    ran.says("is UTF-16").hides("canary");
}
