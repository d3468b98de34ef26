//! What `plugin check` finds, and what `plugin new` refuses.

use crate::support::{Ran, Toygres};
use serde_json::Value;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use tempfile::TempDir;
use toygres_tests::toygres;

/// A library of the author's, on a desk that nobody else writes.
struct Library {
    desk: TempDir,
    path: PathBuf,
}

impl Library {
    fn of(bytes: &[u8]) -> Self {
        let desk = TempDir::new().unwrap();
        let path = desk.path().join("libacme.so");
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        Self { desk, path }
    }

    fn check(&self) -> Ran {
        let args = ["plugin", "check", self.path.to_str().unwrap(), "-o", "json"];
        let nobody = self.desk.path().to_str().unwrap();
        Toygres::new().env("TOYGRES_PLUGIN_PATH", nobody).args(args).run()
    }

    /// The row that failed, and no other did.
    #[track_caller]
    fn fails(&self, check: &str) -> Value {
        let rows = self.check().code(1).json();
        let failed = |row: &&Value| row["outcome"] == "failed";
        let failed: Vec<Value> = rows.as_array().unwrap().iter().filter(failed).cloned().collect();
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert_eq!(failed[0]["check"], check);
        assert!(failed[0]["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{failed:?}");
        failed[0].clone()
    }
}

fn guide() -> Vec<u8> {
    let path = toygres::guide_plugin();
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The bytes with a text replaced by one of the same length.
fn patched(old: &str, new: &str) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let mut bytes = guide();
    let places: Vec<usize> =
        (0..bytes.len() - old.len()).filter(|n| bytes[*n..].starts_with(old.as_bytes())).collect();
    assert!(!places.is_empty(), "the library does not hold `{old}`");
    for place in places {
        bytes[place..place + new.len()].copy_from_slice(new.as_bytes());
    }
    bytes
}

#[test]
fn a_sound_library_passes_every_check() {
    let rows = Library::of(&guide()).check().code(0).json();
    let outcomes = rows.as_array().unwrap().iter().map(|row| row["outcome"].as_str().unwrap());
    assert!(outcomes.clone().all(|outcome| outcome == "ok"), "{rows:#}");
    assert_eq!(outcomes.count(), 19);
}

#[test]
fn what_is_no_sound_library_is_named() {
    let whole = guide();
    Library::of(b"#!/bin/sh\necho a script\n").fails("library");
    Library::of(b"").fails("library");
    Library::of(&whole[..whole.len() / 2]).fails("whole");
    let mut other = whole.clone();
    // The machine in an ELF header: this is none that toygres is built for.
    other[18] = 0x08;
    Library::of(&other).fails("architecture");
    Library::of(&fs::read(toygres::binary()).unwrap()).fails("manifest");
    Library::of(&patched("toygres-manifest-1\n{", "toygres-manifest-1\n}")).fails("manifest");
    Library::of(&patched("\"abi\":\"1.0\"", "\"abi\":\"7.0\"")).fails("abi");
    let row = Library::of(&patched("\"workflows\"", "\"wormholes\"")).fails("abilities");
    assert!(row["found"].as_str().unwrap().contains("`wormholes`"), "{row}");
}

#[test]
fn what_the_linker_or_an_operator_would_trip_over_is_named() {
    // Its manifest has another name than the symbol that the linker is asked for.
    Library::of(&patched("\"acme-backups\"", "\"acme-bookups\"")).fails("opens");
    Library::of(&patched("\"backup-sizes\"", "\"backup-owner\"")).fails("commands");
    Library::of(&patched("\"default\":\"24h\"", "\"default\":\"24x\"")).fails("arguments");
    let open = Library::of(&guide());
    fs::set_permissions(&open.path, Permissions::from_mode(0o666)).unwrap();
    open.fails("permissions");
}

#[test]
fn a_library_that_crashes_when_it_is_opened_is_a_finding() {
    let source = "void __attribute__((constructor)) begin(void) { *(volatile int *)0 = 0; }\n";
    let desk = TempDir::new().unwrap();
    let (code, library) = (desk.path().join("crash.c"), desk.path().join("crash.so"));
    fs::write(&code, source).unwrap();
    // The manifest of a real plugin in a library that does nothing but crash.
    let manifest = desk.path().join("manifest");
    let bytes = guide();
    let magic = b"toygres-manifest-1\n{";
    let begin = (0..bytes.len()).find(|n| bytes[*n..].starts_with(magic)).unwrap();
    // One line of JSON behind the magic text.
    let mut breaks = (begin..bytes.len()).filter(|n| bytes[*n] == b'\n');
    let end = breaks.nth(1).unwrap();
    fs::write(&manifest, &bytes[begin..end]).unwrap();
    let section = format!(".toygres.manifest={}", manifest.display());
    let made = desk.path().join("bare.so");
    succeed(
        std::process::Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&made).arg(&code),
    );
    let mut add = std::process::Command::new("objcopy");
    succeed(add.args(["--add-section", &section]).arg(&made).arg(&library));
    let row = Library::of(&fs::read(&library).unwrap()).fails("opens");
    assert!(row["found"].as_str().unwrap().contains("took the process down"), "{row}");
}

fn succeed(command: &mut std::process::Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {output:?}");
}

#[test]
fn a_command_that_another_plugin_has_is_a_warning() {
    let installed = Library::of(&guide());
    let twin = Library::of(&patched("\"acme-backups\"", "\"acme-bookups\""));
    let ran = Toygres::new()
        .env("TOYGRES_PLUGIN_PATH", installed.desk.path().to_str().unwrap())
        .args(["plugin", "check", twin.path.to_str().unwrap(), "-o", "json"])
        .run();
    let rows = ran.json();
    let row = rows.as_array().unwrap().iter().find(|row| row["check"] == "clashes").unwrap();
    assert_eq!(row["outcome"], "warning");
    assert!(row["found"].as_str().unwrap().contains("plugin `acme-backups`"), "{row}");
}

#[test]
fn what_cannot_be_checked_or_made_is_refused_with_its_exit_code() {
    let run = |args: &[&str]| Toygres::new().args(args.iter().copied()).run();
    run(&["plugin", "check", "no-such.so"]).code(5).says("cargo build");
    run(&["plugin", "new", "Acme_Backups"]).code(2).says("toygres plugin new acme-backups");
    run(&["plugin", "new", "server"]).code(2).says("belongs to toygres itself");
    run(&["plugin", "new", "acme", "--api", "/no/such"]).code(2).says("neither a version");
    run(&["plugin", "new", "acme", "--path", "/"]).code(6);
    let full = TempDir::new().unwrap();
    fs::write(full.path().join("mine"), "mine").unwrap();
    run(&["plugin", "new", "acme", "--path", full.path().to_str().unwrap()])
        .code(6)
        .says("not empty");
    assert_eq!(fs::read_dir(full.path()).unwrap().count(), 1);
}
