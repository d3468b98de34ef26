//! Manual pages and `help`: for every command that is there, and no other.

use super::shell;
use super::support::Toygres;
use std::collections::BTreeSet;
use std::process::Command;
use toygres_tests::toygres;

/// Every command that help lists, as words.
fn commands() -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    let mut next = 0;
    while next < all.len() {
        let words: Vec<String> = all[next].clone();
        next += 1;
        if words.len() == 2 || words.first().is_some_and(|first| first == "help") {
            continue;
        }
        let mut typed: Vec<&str> =
            ["toygres"].into_iter().chain(words.iter().map(String::as_str)).collect();
        typed.push("");
        let below = super::offered(Toygres::new(), "fish", &typed);
        // Commands alone have no dash and are no value of an argument.
        let group = words.is_empty() || ["server", "local", "plugin"].contains(&words[0].as_str());
        for (name, _) in below.into_iter().filter(|(name, _)| group && !name.starts_with('-')) {
            all.push(words.iter().cloned().chain([name]).collect());
        }
    }
    all
}

#[test]
fn every_command_has_a_page_and_nothing_else_has() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("man/man1");
    let ran = Toygres::new().args(["man", "--dir", target.to_str().unwrap()]).run().code(0);
    let written: BTreeSet<String> = std::fs::read_dir(&target)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    let named = |words: &Vec<String>| {
        let words = ["toygres"].into_iter().chain(words.iter().map(String::as_str));
        format!("{}.1", words.collect::<Vec<_>>().join("-"))
    };
    let expected: BTreeSet<String> = commands().iter().map(named).collect();
    assert!(
        expected.len() > 25 && expected.contains("toygres-server-orchestrations.1"),
        "{expected:?}"
    );
    assert_eq!(written, expected);
    assert_eq!(ran.stdout.lines().count(), expected.len());

    let page = std::fs::read_to_string(target.join("toygres-server-orchestrations.1")).unwrap();
    for part in [
        ".TH TOYGRES-SERVER-ORCHESTRATIONS 1 \"\" \"toygres ",
        ".SH NAME\ntoygres\\-server\\-orchestrations \\- List orchestrations with filters",
        ".SH SYNOPSIS",
        ".SH OPTIONS",
        "\\fB\\-\\-error\\-contains\\fR",
        "running: Begun, without a terminal record",
        ".SH EXAMPLES",
        "toygres server orchestrations \\-\\-stuck",
        ".SH PLUGIN",
        ".SH \"EXIT STATUS\"",
        ".SH \"SEE ALSO\"\n\\fBtoygres\\-server\\fR(1)",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    // What the page of a packager's build is dated.
    let dated =
        Toygres::new().env("SOURCE_DATE_EPOCH", "1731844800").args(["man", "server", "health"]);
    let dated = dated.run().code(0).stdout;
    assert!(dated.contains(".TH TOYGRES-SERVER-HEALTH 1 \"2024-11-17\""), "{dated}");

    let Some(man) = shell("man") else { return };
    for name in &written {
        let output = Command::new(&man)
            .args(["--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"])
            .arg(target.join(name))
            .output()
            .unwrap();
        assert!(output.status.success(), "{name}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{name}");
    }
}

#[test]
fn only_what_is_there_is_written_about() {
    let folder = tempfile::tempdir().unwrap();
    let (plugins, pages) = (folder.path().join("plugins"), folder.path().join("pages"));
    std::fs::create_dir(&plugins).unwrap();
    let file = "libtoygres_drift.so";
    std::fs::copy(toygres::plugins().join(file), plugins.join(file)).unwrap();
    Toygres::new()
        .env("TOYGRES_PLUGIN_PATH", plugins.to_str().unwrap())
        .args(["man", "--dir", pages.to_str().unwrap()])
        .run()
        .code(0);
    assert!(pages.join("toygres-server-drift.1").exists());
    assert!(pages.join("toygres-plugin-list.1").exists());
    assert!(!pages.join("toygres-server-health.1").exists());
    assert!(!pages.join("toygres-local.1").exists());
    // What is no command is answered as by `help`.
    for words in [&["server", "nothing"][..], &["drfit"], &["server", "drfit"], &["drift"]] {
        let refused = |first: &str| {
            let typed = [first].into_iter().chain(words.iter().copied());
            Toygres::new().args(typed).run().code(2).stderr
        };
        assert_eq!(refused("man"), refused("help"), "{words:?}");
        assert!(refused("man").contains("unrecognized subcommand"));
    }
    let ran = Toygres::new().args(["man", "drfit"]).run();
    assert!(ran.stderr.contains("did you mean `toygres server drift`?"), "{ran:#?}");
    Toygres::new().args(["man", "server", "drift", "more"]).run().code(2);
    let ran = Toygres::new().args(["man", "--dir", "/dev/null/x"]).run().code(9);
    assert!(ran.stderr.contains("/dev/null/x cannot be written"), "{ran:#?}");
}

/// A plugin whose manifest says other texts, each as long as the one in its place.
fn with_texts(folder: &std::path::Path, file: &str, texts: &[(&str, &str)]) {
    let mut bytes = std::fs::read(toygres::plugins().join(file)).unwrap();
    for (text, other) in texts {
        assert!(other.len() <= text.len());
        let other = format!("{other:width$}", width = text.len());
        let places: Vec<usize> = bytes
            .windows(text.len())
            .enumerate()
            .filter_map(|(at, window)| (window == text.as_bytes()).then_some(at))
            .collect();
        assert!(!places.is_empty(), "{text}");
        for at in places {
            bytes[at..at + text.len()].copy_from_slice(other.as_bytes());
        }
    }
    std::fs::write(folder.join(file), bytes).unwrap();
}

#[test]
fn what_a_terminal_would_obey_is_on_no_page() {
    let folder = tempfile::tempdir().unwrap();
    let red = "\\u001b[31mred\\u001b[0m\\u0008";
    with_texts(
        folder.path(),
        "libtoygres_drift.so",
        &[
            ("Compare the metadata database with Kubernetes, and make them agree", red),
            ("Check for drift between CMS and K8s", red),
            ("toygres server drift --ignore 'mismatch:proddb-*/image because it is pinned'", red),
        ],
    );
    for words in [&["man", "server", "drift"][..], &["server", "drift", "--help"], &["server"]] {
        let ran = Toygres::new()
            .env("TOYGRES_PLUGIN_PATH", folder.path().to_str().unwrap())
            .args(words.iter().copied())
            .run();
        let page = ran.stdout + &ran.stderr;
        assert!(page.contains("red"), "{page}");
        assert!(!page.contains(|c: char| c.is_control() && c != '\n'), "{words:?}: {page:?}");
        assert!(!page.contains("[31m"), "{words:?}: {page:?}");
    }
}

#[test]
fn help_is_the_same_page_at_every_depth() {
    for words in commands() {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let help = Toygres::new().args(["help"]).args(words.iter().copied()).run().code(0);
        let long = Toygres::new().args(words.iter().copied()).args(["--help"]).run().code(0);
        assert_eq!(help.stdout, long.stdout, "{words:?}");
        assert!(help.stdout.contains("Usage: toygres"), "{words:?}: {help:#?}");
        assert_eq!(help.stderr, "", "{words:?}");
    }
}
