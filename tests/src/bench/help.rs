//! How long it takes to say what there is, and what plugins add to it.

use super::measure::{compare, exists};
use super::{Aim, Bench, plugins, report};
use std::path::Path;
use std::process::Command;
use toygres_tests::Result;

/// Plugins of a large installation.
const MANY: usize = 100;

pub(super) fn measure(bench: &Bench) -> Result {
    if !exists("kubectl") {
        println!("help: kubectl is not installed, nothing to compare with\n");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let (ours, many) = (folder.path().join("ours"), folder.path().join("many"));
    let count = plugins::copies(&bench.plugins, 0, &ours)?;
    plugins::copies(&bench.plugins, MANY, &many)?;
    let help = |plugins: &Path| {
        let mut command = bench.command(plugins, "");
        command.arg("--help");
        command
    };
    let mut kubectl = Command::new("kubectl");
    kubectl.args(["version", "--client"]);
    let runs = bench.options.runs;
    let (a, b) = compare(&mut help(&ours), &mut kubectl, runs)?;
    let what = format!("toygres --help, {count} plugins");
    report(bench, &what, &a, "kubectl version --client", &b, Aim::ratio(0.15));
    let (a, b) = compare(&mut help(&many), &mut help(&ours), runs)?;
    let more = a.wall_ms - b.wall_ms;
    let held =
        bench.aims.hold(format_args!("toygres --help, {MANY} plugins"), more, 3.0, "ms more");
    println!(
        "toygres --help, {MANY} plugins: {:.1} ms, {count} plugins: {:.1} ms: {more:+.1} ms  ({held})\n",
        a.wall_ms, b.wall_ms,
    );
    Ok(())
}
