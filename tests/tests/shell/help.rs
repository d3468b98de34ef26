//! Help as it is written: how wide, and where to.

use super::support::Toygres;
use super::{Place, shell};

#[test]
fn every_page_of_help_fits_its_width() {
    for words in [&["server"][..], &["local"], &["plugin"], &[], &["server", "orchestrations"]] {
        let words = words.iter().copied().chain(["--help"]);
        let page = Toygres::new().env("COLUMNS", "80").args(words).run().code(0).stdout;
        assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    }
    // What goes on in a second line begins below its first.
    let page = Toygres::new().env("COLUMNS", "60").args(["server", "--help"]).run().code(0);
    page.shows(
        "\n  sync            Synchronize CMS with K8s state\n                  (reconciliation)\n",
    );
}

#[test]
fn a_full_disk_is_an_error_and_a_closed_pipe_is_none() {
    let Some(sh) = shell("bash") else { return };
    let place = Place::new();
    for words in [
        "plugin list -o json",
        "completions bash",
        "man",
        "man --dir pages",
        "--help",
        "help server drift",
        "server --help",
        "--version",
    ] {
        let script = format!(
            "toygres {words} >/dev/full 2>said; echo $?; grep -c 'input or output failed' said; \
             toygres {words} 2>&1 | :; echo ${{PIPESTATUS[0]}}"
        );
        assert_eq!(place.script(&sh, &["--norc", "-c"], "", &script), "9\n1\n0\n", "{words}");
    }
}
