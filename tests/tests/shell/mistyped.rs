//! What was perhaps meant: among all commands there are, with the words to type.

use super::support::Toygres;
use expectrl::Expect;
use toygres_tests::toygres;

/// The hint to a command line that is refused as a usage error.
#[track_caller]
fn hint(words: &[&str]) -> String {
    let ran = Toygres::new().file("health/readme", "").args(words.iter().copied()).run().code(2);
    assert_eq!(ran.stdout, "", "{words:?}");
    let hint = ran.stderr.lines().find_map(|line| line.trim().strip_prefix("hint: "));
    hint.unwrap_or_else(|| panic!("no hint: {ran:#?}")).to_owned()
}

#[test]
fn the_whole_command_is_suggested() {
    for (words, meant) in [
        (&["orchestrtions"][..], "did you mean `toygres server orchestrations`?"),
        (&["orchestrations"], "did you mean `toygres server orchestrations`?"),
        (&["server", "creat"], "did you mean `toygres create`?"),
        (&["server", "create"], "did you mean `toygres create`?"),
        (&["sever", "health"], "did you mean `toygres server health`?"),
        (&["sever", "helth"], "did you mean `toygres server health`?"),
        (&["sever"], "did you mean `toygres server`?"),
        (&["server", "helth"], "did you mean `toygres server health`?"),
        (&["server", "up"], "did you mean `toygres local up`?"),
        (&["lcoal", "up"], "did you mean `toygres local up`?"),
        (&["plugin", "lst"], "did you mean `toygres plugin list`?"),
        (
            &["server", "orch"],
            "did you mean `toygres server orchestration` or `toygres server orchestrations`?",
        ),
        (&["help", "orchestrtions"], "did you mean `toygres server orchestrations`?"),
        (&["verison"], "did you mean `toygres version`?"),
        (
            &["--plugin-dir", "health", "sever", "helth", "--verbose"],
            "did you mean `toygres server health`?",
        ),
    ] {
        let hint = hint(words);
        assert!(hint.starts_with(meant), "{words:?}: {hint}");
    }
}

#[test]
fn nothing_is_suggested_where_nothing_is_near() {
    assert_eq!(hint(&["zzz"]), "see `toygres --help`");
    assert_eq!(hint(&["server", "zzz"]), "see `toygres server --help`");
    assert_eq!(hint(&["version", "list"]), "see `toygres version --help`");
}

#[test]
fn an_option_is_suggested_within_its_command() {
    let said = hint(&["server", "orchestrations", "--limt", "5"]);
    assert!(said.contains("`--limit`"), "{said}");
    let said = hint(&["server", "orchestrations", "--status", "faild"]);
    assert!(said.contains("`failed`"), "{said}");
}

#[test]
fn a_command_of_a_plugin_that_cannot_be_used_is_that_plugins_fault() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["health", "drift"] {
        let file = format!("libtoygres_{name}.so");
        std::fs::copy(toygres::plugins().join(&file), folder.path().join(&file)).unwrap();
    }
    // One that is cut off does not say which commands it has.
    let library = folder.path().join("libtoygres_drift.so");
    let bytes = std::fs::read(&library).unwrap();
    std::fs::write(&library, &bytes[..bytes.len() / 2]).unwrap();
    let run = |words: &[&str]| {
        Toygres::new()
            .env("TOYGRES_PLUGIN_PATH", folder.path().to_str().unwrap())
            .args(words.iter().copied())
            .run()
    };
    let broken = run(&["server", "drift"]).code(8);
    assert!(broken.stderr.contains("it may belong to one that is broken"), "{broken:#?}");
    // A slip of another command is a slip all the same.
    let slip = run(&["server", "helth"]).code(2);
    assert!(slip.stderr.contains("did you mean `toygres server health`?"), "{slip:#?}");
}

#[test]
fn a_refusal_has_the_colour_that_was_asked_for() {
    let said = |words: &[&str]| {
        Toygres::new().args(words.iter().copied()).run().code(2).stderr.contains('\u{1b}')
    };
    assert!(said(&["server", "drft", "--color", "always"]));
    assert!(said(&["server", "drift", "--color=always", "--nonsense"]));
    assert!(!said(&["server", "drft"]));
    let Some(bash) = super::shell("bash") else { return };
    // On a terminal there is colour, unless it is not wanted.
    for (when, colour) in [("auto", true), ("never", false)] {
        let place = super::Place::new();
        let mut terminal = place.terminal(
            &bash,
            &["--norc", "-c", "toygres server drft --color $0; echo code $?", when],
            "",
        );
        let shown = terminal.expect("code 2").unwrap();
        let shown = String::from_utf8_lossy(shown.before());
        assert!(shown.contains("unrecognized subcommand"), "{shown}");
        assert_eq!(shown.contains('\u{1b}'), colour, "{when}: {shown:?}");
    }
}

/// A hint can be pasted: what was wrong is not in it.
#[test]
fn a_hint_names_the_command_alone() {
    for (words, see) in [
        (&["completions", "bsh"][..], "see `toygres completions --help`"),
        (&["server", "health", "nonsense"], "see `toygres server health --help`"),
        (&["server", "health", "a", "b", "--nonsense"], "see `toygres server health --help`"),
        (&["get", "a", "b"], "see `toygres get --help`"),
        (&["plugin", "info", "a", "b"], "see `toygres plugin info --help`"),
        (&["--nonsense", "server"], "see `toygres --help`"),
        (&["help", "server", "nonsense"], "see `toygres server --help`"),
    ] {
        let hint = hint(words);
        assert!(hint.ends_with(see), "{words:?}: {hint}");
        let pasted = see.trim_start_matches("see `toygres ").trim_end_matches('`');
        Toygres::new().args(pasted.split(' ')).run().code(0);
    }
}

#[test]
fn where_no_plugin_is_that_is_said() {
    for words in [&["server", "config"][..], &["server", "list"], &["config"], &["local", "up"]] {
        let ran =
            Toygres::new().env("TOYGRES_PLUGIN_PATH", "").args(words.iter().copied()).run().code(2);
        for part in [
            "unrecognized subcommand `",
            "no plugin is in use",
            "`toygres plugin list`",
            "`toygres plugin install ",
        ] {
            assert!(ran.stderr.contains(part), "{part}: {ran:#?}");
        }
    }
    let ran = Toygres::new().env("TOYGRES_PLUGIN_PATH", "").args(["server"]).run().code(2);
    assert!(ran.stderr.contains("get one with"), "{ran:#?}");
}

#[test]
fn the_nearest_plugin_is_suggested() {
    for (words, meant) in [
        (&["info", "confg"][..], "did you mean `config`?"),
        (&["disable", "confg"], "did you mean `config`?"),
        (&["enable", "drfit"], "did you mean `drift`?"),
        (&["exec", "confg", "config"], "did you mean `config`?"),
        (&["which", "confg"], "did you mean `server config`?"),
        (&["which", "server", "confg"], "did you mean `server config`?"),
        (&["info", "zzz"], "hint: see them with `toygres plugin list`"),
        (&["which", "zzz"], "hint: see what there is with `toygres plugin list`"),
    ] {
        let typed = ["plugin"].into_iter().chain(words.iter().copied());
        let ran = Toygres::new().args(typed).run().code(5);
        assert!(ran.stderr.contains(meant), "{words:?}: {ran:#?}");
        assert!(ran.stderr.contains("`toygres plugin list`"), "{words:?}: {ran:#?}");
    }
}
