//! Checks of other plugins join in, and one that breaks takes nothing with it.

use crate::plane::{codes, one};
use crate::support::{Ran, Toygres};
use toygres_tests::postgres::PrivatePostgres;

/// `health` with the checks of a plugin of the tests; without arguments of its own, one that is
/// well with an empty database.
fn health(wanted: &str, args: &[&str]) -> Option<Ran> {
    let plugins = toygres_tests::toygres::plugins();
    let bad = plugins.join("libtoygres_bad_plugin.so");
    if !bad.exists() {
        // The folder of the first-party plugins alone: the plugin lies beside it.
        let beside = plugins.parent()?.join("libtoygres_bad_plugin.so");
        if !beside.exists() {
            eprintln!("passed over: {} is not built", bad.display());
            return None;
        }
    }
    let database = PrivatePostgres::shared().database().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for name in ["libtoygres_health.so", "libtoygres_bad_plugin.so"] {
        let beside = plugins.parent().unwrap().join(name);
        let file = Some(plugins.join(name)).filter(|file| file.exists()).unwrap_or(beside);
        std::fs::copy(file, folder.path().join(name)).unwrap();
    }
    let ran = Toygres::on(&database.url)
        .env("TOYGRES_PLUGIN_PATH", &folder.path().to_string_lossy())
        .env("TOYGRES_BAD_CHECKS", wanted)
        .args(["server", "health"])
        .args(args.iter().copied())
        .run();
    Some(ran)
}

#[test]
fn rows_of_another_plugin_join_the_report() {
    let json = ["-o", "json", "--check", "BP0001"];
    let Some(ran) = health("failed", &json) else { return };
    let row = one(&ran, "BP0001");
    assert_eq!((&row["plugin"], &row["outcome"]), (&"bad".into(), &"failed".into()));
    assert_eq!(row["evidence"]["waiting"], 3);
    assert_eq!(ran.code, 1, "{ran:#?}");
    let shown = health("failed", &["--check", "bp0001"]).unwrap().code(1);
    shown.shows("Billing:").shows("Invoices").shows("three wait since yesterday [BP0001]");
    health("ok", &json).unwrap().code(0);
    health("splendid", &json).unwrap().code(4);
    // It is one of the codes that can be left out; a code that nobody has is wrong all the same.
    let ran = health("failed", &["-o", "json", "--skip", "BP0001"]).unwrap();
    assert!(codes(&ran.json(), &["failed"]).iter().all(|code| !code.starts_with("BP")));
    health("failed", &["--check", "BP0002"]).unwrap().code(2).says("BP0001");
}

#[test]
fn one_that_breaks_or_hangs_is_unknown_and_named() {
    // Its start is no part of what is measured.
    PrivatePostgres::shared();
    for wanted in ["panic", "hang"] {
        let begun = std::time::Instant::now();
        let args = ["-o", "json", "--check", "TG0901", "--check", "TG0401"];
        let Some(ran) = health(wanted, &args) else { return };
        let row = one(&ran, "TG0901");
        assert_eq!(row["outcome"], "unknown", "{wanted}: {row:#}");
        assert!(
            row["summary"].as_str().unwrap().contains("`bad-checks` of plugin `bad`"),
            "{row:#}"
        );
        assert_eq!(one(&ran, "TG0401")["outcome"], "ok");
        assert_eq!(ran.code, 4, "{ran:#?}");
        assert!(begun.elapsed().as_secs() < 5, "{wanted}: {:?}", begun.elapsed());
    }
}
