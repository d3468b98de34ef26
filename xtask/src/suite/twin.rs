//! Suites in which every command that only reads is asked of two builds: the one that opens its
//! plugins, and the one that has them linked in.

use crate::build::Built;
use crate::run::Result;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The program that stands for both, and what it writes.
pub(super) struct Twin {
    pub(super) program: PathBuf,
    report: PathBuf,
}

impl Twin {
    /// Writes down, beside the program, what it is made of.
    pub(super) fn new(built: &Built, plugins: &Path) -> Result<Self> {
        let program = built.binary("toygres-twin");
        let report = built.binary("toygres-twin.jsonl");
        if report.exists() {
            fs::remove_file(&report)?;
        }
        let opening = built.binary("toygres");
        let made_of = json!({
            "opening": opening,
            "linked": built.binary("toygres-bundled"),
            "plugins": plugins,
            "report": report,
            "reading": reading(&opening, plugins)?,
        });
        fs::write(program.with_extension("json"), serde_json::to_vec_pretty(&made_of)?)?;
        Ok(Self { program, report })
    }

    /// Tells how many commands were compared, and every difference.
    pub(super) fn told(&self) -> Result {
        let report = fs::read_to_string(&self.report)?;
        let all =
            report.lines().map(serde_json::from_str).collect::<serde_json::Result<Vec<Value>>>()?;
        let of = |outcome: &str| all.iter().filter(|one| one["outcome"] == outcome).count();
        println!(
            "two builds: {} commands answered the same, {} answered otherwise each time, \
             {} differ",
            of("same"),
            of("unsettled"),
            of("different")
        );
        for one in all.iter().filter(|one| one["outcome"] == "different") {
            println!("{}", serde_json::to_string_pretty(one)?);
        }
        match (of("different"), of("same")) {
            (0, 1..) => Ok(()),
            (0, 0) => Err("no command was compared".into()),
            (differ, _) => Err(format!("{differ} commands differ between the builds").into()),
        }
    }
}

/// Every command that only reads, and the options with which it does more.
fn reading(toygres: &Path, plugins: &Path) -> Result<Vec<Value>> {
    let home = tempfile::tempdir()?;
    let ask = |args: &[&str]| -> Result<Value> {
        let mut command = Command::new(toygres);
        command.args(args).args(["-o", "json"]).env("TOYGRES_HOME", home.path());
        let output = command.env("TOYGRES_PLUGIN_PATH", plugins).output()?;
        Ok(serde_json::from_slice(&output.stdout)?)
    };
    let mut reading = Vec::new();
    for plugin in ask(&["plugin", "list"])?.as_array().into_iter().flatten() {
        let info = ask(&["plugin", "info", plugin["name"].as_str().unwrap_or_default()])?;
        let commands = info["commands"].as_array().into_iter().flatten();
        reading.extend(commands.filter(|one| one["mutating"] == false).map(described));
    }
    Ok(reading)
}

fn described(command: &Value) -> Value {
    let name = &command["name"];
    let words = match command["scope"].as_str() {
        Some("top") | None => json!([name]),
        Some(scope) => json!([scope, name]),
    };
    let mut unless = vec!["--watch".to_owned(), "-w".to_owned()];
    for arg in command["args"].as_array().into_iter().flatten() {
        // One that follows something goes on until it is ended.
        let more = arg["mutates"] == true || arg["writes"] == true || arg["id"] == "follow";
        let (long, short) = (arg["long"].as_str(), arg["short"].as_str());
        let long = long.filter(|_| more).map(|long| format!("--{long}"));
        let short = short.filter(|_| more).map(|short| format!("-{short}"));
        unless.extend(long.into_iter().chain(short));
    }
    json!({"words": words, "unless": unless})
}
