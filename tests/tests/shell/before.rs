//! Options of toygres itself, which may stand before the command.

use super::support::Toygres;
use toygres_tests::toygres;

#[test]
fn strict_is_taken_before_the_command_as_behind_it() {
    let plugins = toygres::plugins();
    let folder = plugins.to_str().unwrap();
    let dir = ["--plugin-dir", folder];
    for words in [
        &["--strict", dir[0], dir[1], "server", "config"][..],
        &[dir[0], dir[1], "--strict", "server", "config"],
        &["server", "config", dir[0], dir[1], "--strict"],
        &["--strict", dir[0], dir[1], "plugin", "exec", "config", "config"],
    ] {
        let ran = Toygres::new().args(words.iter().copied()).run().code(8);
        assert!(ran.stderr.contains("in no lock file"), "{words:?}: {ran:#?}");
    }
}

/// Who types a folder means one.
#[test]
fn a_folder_that_was_typed_has_to_be_there() {
    let run = |folder: &str, words: &[&str]| {
        let typed = ["--plugin-dir", folder].into_iter().chain(words.iter().copied());
        Toygres::new().file("file", "").file("empty/x", "").args(typed).run()
    };
    for folder in ["nowhere", "file", ""] {
        for words in [&["server", "config"][..], &["plugin", "list"], &["plugin", "exec", "a", "b"]]
        {
            let ran = run(folder, words).code(2);
            let said = format!("`--plugin-dir {folder}` is no folder that can be read");
            assert!(ran.stderr.contains(&said), "{folder} {words:?}: {ran:#?}");
            assert_eq!(ran.stdout, "");
        }
        // What is typed halfway is not complained about.
        let words = ["--at", "4", "--", "toygres", "--plugin-dir", folder, "server", "dri"];
        let ran = Toygres::new().args(["completions", "fish"]).args(words).run().code(0);
        assert!(ran.stdout.starts_with("drift") && ran.stderr.is_empty(), "{ran:#?}");
    }
    run("empty", &["version"]).code(0);
    // The environment may name what comes later.
    let ran = Toygres::new().env("TOYGRES_PLUGIN_PATH", "nowhere:file").args(["version"]).run();
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
}
