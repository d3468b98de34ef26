//! What is offered from the manifests alone: commands, options, and the values that they name.

use super::support::Toygres;
use super::{offered, shell, values};
use toygres_tests::toygres;

#[track_caller]
fn here(words: &[&str]) -> Vec<String> {
    values(Toygres::new(), words)
}

#[test]
fn commands_come_with_what_they_are_for() {
    let found = offered(Toygres::new(), "zsh", &["toygres", "server", "orch"]);
    let expected = [
        ("orchestration", "Get details of a specific orchestration"),
        ("orchestrations", "List orchestrations with filters"),
    ];
    assert_eq!(found, expected.map(|(value, help)| (value.to_owned(), help.to_owned())));
    let top = here(&["toygres", ""]);
    for command in ["server", "local", "create", "plugin", "help", "completions"] {
        assert!(top.iter().any(|one| one == command), "{command}: {top:?}");
    }
    // A packager's command is not in the way, and is there for who begins it.
    assert!(!top.iter().any(|one| one == "man"), "{top:?}");
    assert_eq!(here(&["toygres", "ma"]), ["man"]);
}

#[test]
fn options_and_their_values_are_those_of_the_command() {
    assert_eq!(here(&["toygres", "server", "orchestrations", "--stu"]), ["--stuck"]);
    let states = ["running", "completed", "failed", "cancelled", "pending"];
    assert_eq!(here(&["toygres", "server", "orchestrations", "--status", ""]), states);
    assert_eq!(here(&["toygres", "server", "orchestrations", "--status=fa"]), ["--status=failed"]);
    assert_eq!(here(&["toygres", "server", "orchestrations", "-s", "p"]), ["pending"]);
    assert_eq!(
        here(&["toygres", "server", "orchestrations", "--status", "failed,p"]),
        ["failed,pending"]
    );
    assert_eq!(here(&["toygres", "server", "health", "-o", "n"]), ["nagios"]);
    assert_eq!(here(&["toygres", "server", "health", "--color", "a"]), ["auto", "always"]);
    // An empty word is no place for options where a value belongs; a dash asks for them.
    let typed = here(&["toygres", "server", "orchestrations", "--type", ""]);
    assert_eq!(typed, ["create-instance", "delete-instance", "health-monitor"]);
    assert!(here(&["toygres", "server", "workers", ""]).iter().any(|one| one == "--watch"));
}

#[test]
fn the_host_knows_contexts_plugins_and_commands() {
    let configured = Toygres::new().file(
        "toygres/config.toml",
        "current = \"laptop\"\n[contexts.laptop]\n[contexts.production]\n[contexts.prelude]\n",
    );
    let found = values(configured, &["toygres", "server", "health", "--context", "pr"]);
    assert_eq!(found, ["prelude", "production"]);
    // A broken file is no error here.
    let broken = Toygres::new().file("toygres/config.toml", "current = = 1");
    assert!(values(broken, &["toygres", "server", "health", "--context", ""]).is_empty());

    assert_eq!(here(&["toygres", "plugin", "info", "orch"]), ["orchestrations"]);
    assert_eq!(here(&["toygres", "help", "server", "sta"]), ["start", "stats", "status"]);
    assert_eq!(here(&["toygres", "plugin", "which", "server", "dr"]), ["drift"]);
    assert_eq!(here(&["toygres", "help", "server", "drift", ""]), [""; 0]);
    assert_eq!(here(&["toygres", "completions", "p"]), ["powershell"]);
}

#[test]
fn files_and_folders_are_offered_where_they_are_meant() {
    let place = || Toygres::new().file("some folder/query.sql", "").file("some.sql", "");
    let words = ["toygres", "server", "db-query", "--file", "so"];
    assert_eq!(values(place(), &words), ["some folder/", "some.sql"]);
    let words = ["toygres", "server", "db-query", "--file", "some folder/"];
    assert_eq!(values(place(), &words), ["some folder/query.sql"]);
    let words = ["toygres", "--plugin-dir", "so"];
    assert_eq!(values(place(), &words), ["some folder/"]);
    // Bash gets them quoted, for the quote that is open.
    let bash = |word| offered(place(), "bash", &["toygres", "server", "db-query", "--file", word]);
    assert_eq!(bash("some\\ f")[0].0, "some\\ folder/");
    assert_eq!(bash("'some f")[0].0, "'some folder/");
    assert_eq!(bash("\"some f")[0].0, "\"some folder/");
    assert_eq!(bash("\"some folder/\"")[0].0, "some\\ folder/query.sql");
}

#[test]
fn a_plugin_that_comes_later_is_completed_without_another_script() {
    let folder = tempfile::tempdir().unwrap();
    let place = || Toygres::new().env("TOYGRES_PLUGIN_PATH", folder.path().to_str().unwrap());
    let install = |name: &str| {
        let file = format!("libtoygres_{name}.so");
        std::fs::copy(toygres::plugins().join(&file), folder.path().join(&file)).unwrap();
    };
    install("orchestrations");
    assert_eq!(values(place(), &["toygres", "server", "he"]), [""; 0]);
    install("health");
    assert_eq!(values(place(), &["toygres", "server", "he"]), ["health"]);
    // A folder that the line itself names counts too.
    let named = Toygres::new().env("TOYGRES_PLUGIN_PATH", "/nonexistent");
    let folder = folder.path().to_str().unwrap();
    let words = ["toygres", "--plugin-dir", folder, "server", "he"];
    assert_eq!(values(named, &words), ["health"]);
}

#[test]
fn half_a_line_of_any_kind_is_answered_quietly() {
    for words in [
        &["toygres", "--"][..],
        &["toygres", "nonsense", "server", ""],
        &["toygres", "server", "orchestrations", "--nonsense", "x", "--st"],
        &["toygres", "server", "orchestrations", "--limit", "many", "--status", ""],
        &["toygres", "server", "orchestration", "-h", ""],
        &["toygres", "server", "orchestrations", "--help", ""],
        &["toygres", "server", "health", "--interval", "1ms", "--check", ""],
        &["toygres", "help", "--", "server", ""],
        &["toygres", "server", "db-query", "--", "'"],
        &["toygres", "server", "health", "-o", "\u{1b}[31m"],
        &["", ""],
    ] {
        for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
            offered(Toygres::new(), shell, words);
        }
    }
}

#[test]
fn a_question_that_makes_no_sense_has_no_candidates() {
    for words in [
        &["fish", "--at", "99", "--", "toygres"][..],
        &["fish", "--at", "0", "--", "toygres"],
        &["--at", "1", "fish", "--", "toygres", ""],
        &["bash", "--at=1", "--", "toygres", ""],
    ] {
        let ran = Toygres::new().args(["completions"]).args(words.iter().copied()).run().code(0);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""), "{words:?}");
    }
    let ran = Toygres::new().args(["completions", "fish", "--at", "x", "--", "toygres"]).run();
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
}

/// PowerShell itself is not to be had everywhere: what its script sends is known, though.
#[test]
fn powershell_drops_an_empty_word_and_is_answered_all_the_same() {
    let ran = Toygres::new()
        .args(["completions", "powershell", "--at", "2", "--", "toygres", "completions"])
        .run()
        .code(0);
    assert_eq!(ran.stdout, "bash\nzsh\nfish\npowershell\nelvish\n");
    let script = Toygres::new().args(["completions", "powershell"]).run().code(0).stdout;
    for part in
        ["Register-ArgumentCompleter -Native -CommandName 'toygres'", "completions powershell --at"]
    {
        assert!(script.contains(part), "{part}: {script}");
    }
    let Some(pwsh) = shell("pwsh") else { return };
    let place = super::Place::new();
    let script = format!(
        "{script}\n(TabExpansion2 'toygres server orch' 19).CompletionMatches.CompletionText"
    );
    let said = place.script(&pwsh, &["-NoProfile", "-Command"], "", &script);
    assert_eq!(said, "orchestration\norchestrations\n");
}

#[test]
fn a_script_is_written_for_every_shell_and_no_other() {
    for shell in ["bash", "zsh", "fish", "powershell", "pwsh", "elvish"] {
        let ran = Toygres::new().args(["completions", shell]).run().code(0);
        assert!(ran.stdout.contains("toygres"), "{shell}");
        assert_eq!(ran.stderr, "", "{shell}");
    }
    let ran = Toygres::new().args(["completions", "tcsh"]).run().code(2);
    assert!(ran.stderr.contains("bash, zsh, fish, powershell, elvish"), "{ran:#?}");
}
