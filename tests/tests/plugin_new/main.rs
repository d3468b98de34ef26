//! From nothing to a plugin that runs: what `docs/guide.md` types first is typed here, the library
//! is installed, and its command runs as JSON, again and again, in a shell's completion and over
//! HTTP.

#[path = "../support/mod.rs"]
mod support;

mod author;
mod refusals;

use author::Author;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::time::Instant;
use support::plane::Plane;
use toygres_tests::postgres::PrivatePostgres;
use toygres_tests::server::http::Request;

#[test]
fn an_author_goes_from_nothing_to_a_command_that_runs() {
    let database = PrivatePostgres::shared().database().unwrap();
    database.psql("CREATE SCHEMA publishing; CREATE TABLE publishing.books (title text)");
    let plane = Plane::shared();

    let begun = Instant::now();
    let author = Author::new();
    // The tests that the folder came with pass, the one on a real database too.
    let said = author.types_the_guide(&database.url);
    assert!(said.contains("tables_are_read_from_postgresql ... ok"), "{said}");
    assert!(!said.contains("passed over"), "{said}");
    author.sources_say_nothing_of_the_border();
    author.is_formatted();
    author.installs(plane.home());

    runs_as_json(plane, &database.url);
    runs_again_and_again(plane, &database.url);
    completes(plane, &database.url);
    answers_over_http(plane);
    // No promise: other tests may run beside.
    eprintln!("from nothing to a command over HTTP: {:.1} s", begun.elapsed().as_secs_f64());
}

fn runs_as_json(plane: &Plane, url: &str) {
    let args = ["server", "acme-backups", "book", "--database-url", url, "-o", "json"];
    let rows = plane.toygres().args(args).run().code(0).json();
    assert_eq!((&rows[0]["table"], &rows[0]["schema"]), (&"books".into(), &"publishing".into()));
    assert_eq!(rows.as_array().map(Vec::len), Some(1), "{rows}");
}

fn runs_again_and_again(plane: &Plane, url: &str) {
    let args = ["server", "acme-backups", "--database-url", url, "-o", "jsonl"];
    let watched = plane.toygres().args(args).args(["--watch", "--interval", "100ms"]);
    let (mut child, _home) = watched.start();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ticks: Vec<Value> =
        lines.take(3).map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(ticks.iter().all(|tick| tick.to_string().contains("\"books\"")), "{ticks:?}");
}

fn completes(plane: &Plane, url: &str) {
    let ask = |words: &[&str]| {
        let at = (words.len() - 1).to_string();
        let asked = plane.toygres().env("DATABASE_URL", url);
        let asked = asked.args(["completions", "fish", "--at", &at, "--"]);
        asked.args(words.iter().copied()).run().code(0).stdout
    };
    let offered = ask(&["toygres", "server", "acme-b"]);
    assert!(offered.starts_with("acme-backups"), "{offered}");
    let offered = ask(&["toygres", "server", "acme-backups", "--schema", "publ"]);
    assert!(offered.contains("publishing"), "{offered}");
    assert!(offered.contains("public"), "{offered}");
}

/// The server that runs already has the command too, on its own database.
fn answers_over_http(plane: &Plane) {
    let address = plane.text("api-url").trim_start_matches("http://").to_owned();
    let request = Request::new("GET", "/api/server/acme-backups?schema=toygres_cms", &address);
    let token = format!("Bearer {}", plane.text("api-token"));
    let answer = request.header("Authorization", &token).send();
    assert_eq!(answer.status, 200, "{answer:?}");
    let rows = answer.json();
    let names = rows.as_array().unwrap().iter().map(|row| row["table"].as_str().unwrap());
    assert!(names.into_iter().any(|name| name == "instances"), "{rows}");
}

#[test]
fn whatever_a_plugin_is_called_its_names_hold() {
    let longest = "a".repeat(40);
    for name in ["match", "std", "serde", "a-b-2", "x", "zebra", &longest] {
        let author = Author::called(name);
        author.is_formatted();
        author.resolves();
    }
}

#[test]
fn the_machine_formats_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("here");
    let made = support::Toygres::new()
        .args(["plugin", "new", "acme", "--path", path.to_str().unwrap(), "-o", "json"])
        .run()
        .code(0)
        .json();
    assert_eq!(made["path"], path.to_str().unwrap());
    assert_eq!(made["library"], "target/debug/libtoygres_acme.so");
    for file in made["files"].as_array().unwrap() {
        assert!(path.join(file.as_str().unwrap()).is_file(), "{file}");
    }
    // Without `--api` it is the version that this toygres was built with.
    let manifest = std::fs::read_to_string(path.join("Cargo.toml")).unwrap();
    let version = made["api"].as_str().unwrap();
    assert!(manifest.contains(&format!("toygres-plugin-api = {{ version = \"{version}\" }}")));
}
