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
