//! How long a shell waits for candidates: commands, values with the database up, and down.

use super::measure::{run, times};
use super::{Bench, plugins};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use toygres_tests::postgres::PrivatePostgres;
use toygres_tests::{Result, generations};

/// Orchestrations of a control plane that has been at work for a while.
const ORCHESTRATIONS: u64 = 100_000;
/// Plugins of a large installation.
const MANY: usize = 100;

pub(super) fn measure(bench: &Bench) -> Result {
    let server = PrivatePostgres::new()?;
    generations::many_orchestrations(&server.url(), ORCHESTRATIONS)?;
    let folder = tempfile::tempdir()?;
    let many = folder.path().join("many");
    plugins::copies(&bench.plugins, MANY, &many)?;
    let refusing = refusing()?;
    let value = ["server", "orchestration", "create-db1"];
    for (what, plugins, url, words, aim) in [
        ("a command", &bench.plugins, "", &["server", "orch"][..], None),
        ("a command, 100 plugins", &many, "", &["server", "orch"], None),
        ("a value, database up", &bench.plugins, server.url().as_str(), &value, Some(150.0)),
        ("a value, database down", &bench.plugins, refusing.as_str(), &value, Some(150.0)),
    ] {
        let mut command = completing(bench, plugins, url, words);
        let expected = url != refusing;
        if command.output()?.stdout.is_empty() == expected {
            return Err(format!(
                "{what}: candidates are {}expected",
                if expected { "" } else { "not " }
            )
            .into());
        }
        run(&mut command)?;
        let took = times(&mut command, bench.options.runs)?;
        let held = aim
            .map(|most| bench.aims.hold(format_args!("complete {what}"), took.wall_ms, most, "ms"));
        let held = held.map(|held| format!("  ({held})")).unwrap_or_default();
        println!("complete {what}: {:.1} ms, {:.0} MiB{held}", took.wall_ms, took.peak_mib);
    }
    println!();
    Ok(())
}

fn completing(bench: &Bench, plugins: &Path, url: &str, words: &[&str]) -> Command {
    let mut command = bench.command(plugins, url);
    let at = words.len().to_string();
    command.args(["completions", "zsh", "--at", &at, "--", "toygres"]).args(words);
    command
}

/// A database that refuses at once.
fn refusing() -> Result<String> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    Ok(format!("postgres://toygres@127.0.0.1:{port}/toygres"))
}
