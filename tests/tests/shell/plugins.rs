//! Which libraries are opened, and what a plugin that misbehaves can do.

use super::support::Toygres;
use super::{PATIENCE, database, offered, values};
use std::collections::BTreeSet;
use std::path::PathBuf;
use toygres_tests::toygres;

/// The plugins that the loader opened while this was completed, as the C library itself tells.
fn opened(words: &[&str]) -> BTreeSet<String> {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("loader");
    let toygres = Toygres::on(&database().url)
        .env("LD_DEBUG", "files,symbols")
        .env("LD_DEBUG_OUTPUT", log.to_str().unwrap());
    offered(toygres, "fish", words);
    let files = std::fs::read_dir(folder.path()).unwrap();
    let said: String =
        files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    assert!(said.contains("libc.so"), "the loader said nothing");
    // A library is opened by the descriptor that was checked: its name is that of its symbol.
    let symbols = said.split("symbol=TOYGRES_PLUGIN_").skip(1);
    let names: BTreeSet<String> =
        symbols.filter_map(|rest| rest.split_once(';')).map(|(name, _)| name.to_owned()).collect();
    let opened = said.matches("opening file=/proc/self/fd/").count();
    assert_eq!(opened, names.len(), "{names:?}");
    names
}

#[test]
fn only_the_owner_of_an_argument_is_opened() {
    let none = BTreeSet::new();
    assert_eq!(opened(&["toygres", "server", ""]), none);
    assert_eq!(opened(&["toygres", "server", "orchestration", "--"]), none);
    assert_eq!(opened(&["toygres", "server", "orchestrations", "--status", ""]), none);
    assert_eq!(opened(&["toygres", "server", "orchestrations", "--type", ""]), none);
    assert_eq!(opened(&["toygres", "server", "db-query", ""]), none);
    let one = |name: &str| BTreeSet::from([name.to_owned()]);
    assert_eq!(opened(&["toygres", "server", "orchestration", ""]), one("orchestrations"));
    assert_eq!(opened(&["toygres", "get", ""]), one("instances"));
    assert_eq!(opened(&["toygres", "server", "health", "--check", ""]), one("health"));
}

/// The badly behaved plugin alone.
fn bad() -> Option<(tempfile::TempDir, String)> {
    let library: PathBuf = toygres::bad_plugin();
    if !library.exists() {
        eprintln!("passed over: {} is not built", library.display());
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(library, folder.path().join("libtoygres_bad_plugin.so")).unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    Some((folder, path))
}

#[test]
fn a_plugin_that_misbehaves_offers_nothing_and_says_nothing() {
    let Some((_folder, plugins)) = bad() else { return };
    let place = || Toygres::new().env("TOYGRES_PLUGIN_PATH", &plugins);
    let asked = |begun| values(place(), &["toygres", "server", "bad-values", "--value", begun]);
    for way in ["panic", "hang", "block", "error", "ask"] {
        assert_eq!(asked(way), [""; 0], "{way}");
    }
    let words = ["toygres", "server", "bad-values", "--value", "say"];
    assert_eq!(values(place().env("TOYGRES_COMPLETION_MS", PATIENCE), &words), ["say-good"]);
    // A candidate is one line, begins with what was typed, stands once, and is no secret.
    let words = ["toygres", "server", "bad-values", "--value", "odd"];
    let odd = offered(place().env("TOYGRES_COMPLETION_MS", PATIENCE), "fish", &words);
    assert_eq!(odd, [("odd-good".to_owned(), "as it should be".to_owned())]);
}

#[test]
fn a_plugin_that_takes_the_process_down_leaves_no_half_answer() {
    let Some((_folder, plugins)) = bad() else { return };
    for way in ["exit", "abort"] {
        let ran = Toygres::new()
            .env("TOYGRES_PLUGIN_PATH", &plugins)
            .args(["completions", "fish", "--at", "4", "--"])
            .args(["toygres", "server", "bad-values", "--value", way])
            .run();
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""), "{way}");
    }
}
