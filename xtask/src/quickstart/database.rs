//! A database of one's own, through the whole control plane.

use super::shown::Shown;
use crate::run::{Result, run};
use std::path::Path;
use std::process::Command;

/// Brings up the embedded default and creates the database, unless it is there; then uses it.
pub(super) fn create(local: &Shown<'_>, home: &Path, name: &str) -> Result {
    local.show(&["local", "up"])?;
    // A free port: another program may have the usual one.
    local.show(&["server", "start", "--port", "0"])?;
    let there = local.answer(&["list", "-o", "csv", "--columns", "name"])?;
    if !there.lines().any(|line| line == name) {
        local.show(&["create", name, "--wait"])?;
    }
    use_it(local, home, name)?;
    local.show(&["list"])?;
    local.show(&["server", "orchestrations"])?;
    let args = ["server", "orchestrations", "--type", "create-instance", "--instance", name];
    let id = local.answer(&[&args[..], &["-o", "csv", "--columns", "id"]].concat())?;
    let id = id.lines().nth(1).ok_or("the creation has no orchestration")?;
    local.show(&["server", "orchestration", id, "--history"])?;
    local.show(&["server", "health"])?;
    local.show(&["server", "drift"])?;
    local.show(&["server", "logs", "--tail", "10", "--instance", name])
}

/// Asks the new database something, with the address and password that it was given.
fn use_it(local: &Shown<'_>, home: &Path, name: &str) -> Result {
    let one = local.answer(&["get", name, "--show-password", "-o", "json"])?;
    let one: serde_json::Value = serde_json::from_str(&one)?;
    let url = one["connection_string"].as_str().ok_or("the database has no connection string")?;
    println!(
        "\n$ psql \"$(toygres get {name} --show-password -o json | jq -r .connection_string)\"\n"
    );
    let psql = psql(home).ok_or("psql is not installed")?;
    run(Command::new(psql).args(["-X", "-d", url, "-c", "SELECT current_user, version()"]))
}

/// The client: on the path, or beside the server's binaries.
fn psql(home: &Path) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).collect::<Vec<_>>();
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let installed = debian.map(|version| version.path().join("bin"));
    let own = std::fs::read_dir(home.join("local/binaries")).into_iter().flatten().flatten();
    let downloaded = own.map(|version| version.path().join("bin"));
    let all = folders.into_iter().chain(installed).chain(downloaded);
    all.map(|folder| folder.join("psql")).find(|psql| psql.is_file())
}
