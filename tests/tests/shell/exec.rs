//! `plugin exec`: a command of one plugin, by the plugin's name or file, run and completed.

use super::support::{Ran, Toygres};
use super::{PATIENCE, database, offered, values};
use std::os::unix::fs::PermissionsExt;
use toygres_tests::toygres;

/// No plugin is looked for; those of the tests are in the folder `away`.
fn place() -> Toygres {
    let place = Toygres::new().env("TOYGRES_PLUGIN_PATH", "");
    let away = place.home().join("away");
    std::fs::create_dir(&away).unwrap();
    for name in ["config", "drift", "orchestrations"] {
        let file = format!("libtoygres_{name}.so");
        std::fs::copy(toygres::plugins().join(&file), away.join(&file)).unwrap();
        let mode = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(away.join(&file), mode).unwrap();
    }
    place
}

fn run(words: &[&str]) -> Ran {
    place().args(words.iter().copied()).run()
}

#[test]
fn a_plugin_is_named_by_its_file_too() {
    for file in ["away/libtoygres_config.so", "./away/libtoygres_config.so"] {
        let ran = run(&["plugin", "exec", file, "config", "-o", "json"]).code(0);
        assert!(ran.json().is_object() || ran.json().is_array(), "{ran:#?}");
        let ran = run(&["plugin", "exec", file, "server", "nothing"]).code(2);
        assert!(ran.stderr.contains("its commands: config, env"), "{ran:#?}");
    }
    for file in ["away/libtoygres_none.so", "away", "libtoygres_config.so"] {
        let ran = run(&["plugin", "exec", file, "config"]).code(5);
        assert!(ran.stderr.contains(&format!("there is no plugin `{file}`")), "{ran:#?}");
    }
}

/// A file is refused for what it would be refused for in a `--plugin-dir`.
#[test]
fn a_file_is_checked_as_in_a_folder_that_was_named() {
    let file = "away/libtoygres_config.so";
    let typed = ["plugin", "exec", file, "config"];
    let strict = place().env("TOYGRES_PLUGINS_STRICT", "1").args(typed).run().code(8);
    assert!(strict.stderr.contains("in no lock file"), "{strict:#?}");
    let open = place();
    let path = open.home().join(file);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    let writable = open.args(typed).run().code(8);
    assert!(writable.stderr.contains("others may"), "{writable:#?}");
    let cut = place();
    let path = cut.home().join(file);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    cut.args(typed).run().code(8);
}

#[test]
fn what_stands_behind_it_is_completed_as_the_plugins_own() {
    let completed = |before: &[&str], words: &[&str]| {
        let typed: Vec<&str> = ["toygres"]
            .into_iter()
            .chain(before.iter().copied())
            .chain(["plugin", "exec"])
            .chain(words.iter().copied())
            .collect();
        values(place(), &typed)
    };
    let named = ["--plugin-dir", "away"];
    assert_eq!(completed(&named, &["dri"]), ["drift"]);
    for (before, plugin) in [(&named[..], "drift"), (&[], "away/libtoygres_drift.so")] {
        let completed = |words: &[&str]| {
            let words: Vec<&str> = [plugin].into_iter().chain(words.iter().copied()).collect();
            completed(before, &words)
        };
        assert_eq!(completed(&[""]), ["drift", "sync"], "{plugin}");
        assert_eq!(completed(&["server", "dr"]), ["drift"], "{plugin}");
        assert_eq!(completed(&["local", ""]), [""; 0], "{plugin}");
        assert_eq!(completed(&["drift", "--au"]), ["--auto-resolve"], "{plugin}");
        assert_eq!(completed(&["server", "drift", "--au"]), ["--auto-resolve"], "{plugin}");
        assert_eq!(completed(&["drift", "-o", "y"]), ["yaml"], "{plugin}");
    }
    // There is no plugin of this name.
    assert!(completed(&[], &["drift", "dr"]).is_empty());
}

#[test]
fn the_plugin_is_asked_for_values_behind_it() {
    let typed = ["toygres", "plugin", "exec", "away/libtoygres_orchestrations.so"];
    let typed: Vec<&str> = typed.into_iter().chain(["orchestration", "create-db119"]).collect();
    let place = place().env("DATABASE_URL", &database().url).env("TOYGRES_COMPLETION_MS", PATIENCE);
    let found = offered(place, "fish", &typed);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "create-db119-00000077");
}
