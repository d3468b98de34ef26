//! Plugins whose sources are of an older border: they are built with plugin-api as it is now, in
//! two ways, and do all that they could do before.

#[path = "border/packaged.rs"]
mod packaged;
#[path = "border/plugins.rs"]
#[allow(dead_code, reason = "shared with the suite of the border")]
mod plugins;

use packaged::Build;
use plugins::{Folder, Ran, run, run_with};
use serde_json::{Value, json};
use std::sync::OnceLock;
use toygres_tests::postgres::PrivatePostgres;

const BUILDS: [Build; 2] = [Build::Plain, Build::OptimisedAtRandom];

/// The corpus of the border 1.0, built in both ways.
fn libraries() -> &'static [Vec<u8>; 2] {
    static BUILT: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    BUILT.get_or_init(|| BUILDS.map(|how| packaged::library("corpus-1.0", "corpus", how)))
}

fn each(test: impl Fn(&Folder)) {
    for library in libraries() {
        test(&Folder::with(&[("corpus.so", library)]));
    }
}

#[track_caller]
fn json_of(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

#[test]
fn arguments_of_every_kind() {
    each(|folder| {
        let ran = run(folder, &["corpus-args", "x", "-o", "json"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let expected = json!({
            "word": "x", "more": [], "number": 7, "real": null, "flag": false, "long_ms": 90000,
            "since": null, "file": null, "pairs": [], "shade": "black", "password": null,
        });
        assert_eq!(json_of(&ran), expected);

        let typed = [
            "corpus-arguments",
            "x",
            "y",
            "z",
            "-n",
            "3",
            "--real",
            "0.5",
            "--long",
            "2h",
            "--since",
            "2020-01-02T03:04:05Z",
            "--file",
            "f",
            "--pair",
            "a=b",
            "--pair",
            "c=d",
            "--shade",
            "light-grey",
            "--secret-word",
            "canary-1",
            "-o",
            "json",
        ];
        let ran = run(folder, &typed);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let told = json_of(&ran);
        assert_eq!(told["more"], json!(["y", "z"]));
        assert_eq!((&told["number"], &told["real"]), (&json!(3), &json!(0.5)));
        assert_eq!((&told["long_ms"], &told["shade"]), (&json!(7_200_000), &json!("light-grey")));
        assert_eq!((&told["file"], &told["pairs"]), (&json!("f"), &json!(["a:b", "c:d"])));
        assert!(told["since"].as_str().is_some_and(|since| since.starts_with("2020-01-02")));
        assert!(!ran.stdout.contains("canary-1"), "{}", ran.stdout);

        for wrong in [
            &["corpus-args"][..],
            &["corpus-args", "x", "--number", "-1"],
            &["corpus-args", "x", "--flag", "--real", "1"],
            &["corpus-args", "x", "--pair", "a=b"],
            &["corpus-args", "x", "--shade", "pink"],
        ] {
            assert_eq!(run(folder, wrong).code, Some(2), "{wrong:?}");
        }
        let help = run(folder, &["corpus-args", "--help"]).stdout;
        assert!(help.contains("The second paragraph") && !help.contains("secret-word"), "{help}");
    });
}

#[test]
fn everything_that_is_lent() {
    let database = PrivatePostgres::shared().database().unwrap();
    let env = [("DATABASE_URL", database.url.as_str()), ("TOYGRES_API_URL", "http://127.0.0.1:1")];
    each(|folder| {
        let ran = run_with(folder, &["server", "corpus-backends", "-o", "json"], &env);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert!(ran.stderr.contains("asked everything"), "{}", ran.stderr);
        let told = json_of(&ran);
        for (key, expected) in [
            ("database", json!("127.0.0.1")),
            ("sum", json!(6)),
            ("none", Value::Null),
            ("snapshot", json!(true)),
            ("kubernetes", json!("Unavailable")),
            ("api", json!("Unavailable")),
            ("setting", json!("masked")),
            ("settings", json!(true)),
            ("variables", json!(true)),
            ("format", json!("json")),
            ("slept", json!(true)),
        ] {
            assert_eq!(told[key], expected, "{key}: {told}");
        }
    });
}

#[test]
fn rows_in_batches_both_ways() {
    let database = PrivatePostgres::shared().database().unwrap();
    let env = [("DATABASE_URL", database.url.as_str())];
    each(|folder| {
        let added = ["server", "corpus-streamed", "--rows", "30000", "-o", "json"];
        let ran = run_with(folder, &added, &env);
        let expected = json!({"columns": ["n", "word"], "sum": 450_015_000, "words": 15000});
        assert_eq!(json_of(&ran), expected, "{}", ran.stderr);
        for command in [&["server", "corpus-streamed", "--through"][..], &["server", "corpus-fed"]]
        {
            let ran =
                run_with(folder, &[command, &["--rows", "30000", "-o", "csv"]].concat(), &env);
            assert_eq!((ran.code, ran.stdout.lines().count()), (Some(0), 30001), "{}", ran.stderr);
        }
    });
}

#[test]
fn a_write_after_a_confirmation() {
    let database = PrivatePostgres::shared().database().unwrap();
    let env = [("DATABASE_URL", database.url.as_str())];
    each(|folder| {
        let write = ["server", "corpus-write", "words", "-o", "json"];
        let refused = run_with(folder, &write, &env);
        assert_eq!(refused.code, Some(6), "{}", refused.stderr);
        for (more, kept) in [(&["--force"][..], true), (&["--force", "--back"], false)] {
            let ran = run_with(folder, &[&write, more].concat(), &env);
            assert_eq!(json_of(&ran), json!({"written": 1, "kept": kept}), "{}", ran.stderr);
        }
    });
    let query = ["server", "db-query", "SELECT count(*) AS n FROM corpus", "-o", "json"];
    let folder = Folder::with(&[("db.so", &plugins::first_party("db"))]);
    let kept = run_with(&folder, &query, &env);
    assert_eq!(json_of(&kept), json!([{"n": BUILDS.len()}]), "{}", kept.stderr);
}

#[test]
fn every_block_and_every_format() {
    each(|folder| {
        let ran = run(folder, &["server", "corpus-report"]);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        for part in [
            "Corpus",
            "NAME",
            "2048 bytes",
            "Part",
            "In it",
            "a remark",
            "half",
            "a step",
            "a span",
            "leaf",
            "the next command",
        ] {
            assert!(ran.stdout.contains(part), "`{part}` is missing in {}", ran.stdout);
        }
        assert!(ran.stderr.contains("a note") && ran.stderr.contains("a warning"));
        for format in ["json", "jsonl", "yaml", "csv", "wide", "words"] {
            let ran = run(folder, &["server", "corpus-report", "-o", format]);
            assert_eq!(ran.code, Some(1), "{format}: {}", ran.stderr);
            assert!(!ran.stdout.is_empty(), "{format}");
        }
    });
}

#[test]
fn every_error() {
    each(|folder| {
        for (how, code) in [
            ("usage", 2),
            ("not-running", 3),
            ("unavailable", 4),
            ("not-found", 5),
            ("refused", 6),
            ("timed-out", 7),
            ("failed", 9),
            ("panic", 8),
            ("panic-in-task", 8),
        ] {
            let ran = run(folder, &["server", "corpus-fails", "--how", how, "-o", "json"]);
            assert_eq!(ran.code, Some(code), "{how}: {}", ran.stderr);
            assert!(ran.stderr.contains("as asked"), "{how}: {}", ran.stderr);
        }
    });
}

/// A plugin of a later border of the same major version: what it needs is there, or is named.
#[test]
fn a_host_that_is_older_than_the_plugin() {
    const LATER: (&[u8], &[u8]) = (b"\"abi\":\"1.0\"", b"\"abi\":\"1.9\"");
    let later = patched(&libraries()[0], &[LATER]);
    let folder = Folder::with(&[("corpus.so", &later)]);
    let ran = run(&folder, &["corpus-args", "x", "-o", "json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);

    let ability: (&[u8], &[u8]) = (b"\"workflows\",\"ui\"", b"\"wonderful\",\"ui\"");
    let word: (&[u8], &[u8]) = (b"\"kind\":\"float\"", b"\"kind\":\"flock\"");
    for (change, says) in [(ability, "`wonderful`"), (word, "border 1.9")] {
        let library = patched(&libraries()[0], &[LATER, change]);
        let folder = Folder::with(&[("corpus.so", &library)]);
        let ran = run(&folder, &["server", "corpus-report"]);
        assert_eq!(ran.code, Some(8), "{says}: {}", ran.stderr);
        for part in [says, "corpus.so", "hint: "] {
            assert!(ran.stderr.contains(part), "`{part}` is missing in {}", ran.stderr);
        }
    }
}

/// The library with other bytes, of the same length, in place of the only such ones.
fn patched(library: &[u8], changes: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut patched = library.to_vec();
    for (from, to) in changes {
        assert_eq!(from.len(), to.len());
        let found: Vec<usize> = (0..=patched.len() - from.len())
            .filter(|at| patched[*at..].starts_with(from))
            .collect();
        let [at] = found[..] else { panic!("{found:?}") };
        patched[at..at + to.len()].copy_from_slice(to);
    }
    patched
}
