//! Help as it is written: how wide, and where to.

use super::support::Toygres;

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
