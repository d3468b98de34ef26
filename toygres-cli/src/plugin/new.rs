//! `toygres plugin new`: a folder with a plugin that builds on its own.

mod api;
mod name;
mod template;
mod write;

use crate::cli;
use crate::discover::Catalogue;
use crate::fault::typed;
use api::Api;
use clap::{Arg, ArgMatches, Command, value_parser};
use name::Name;
use serde_json::json;
use std::path::{Path, PathBuf};
use toygres_plugin_api::report::{Block, Tone};
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Report, Result};

/// What was asked for.
#[derive(Debug, Clone)]
pub struct New {
    name: String,
    path: Option<PathBuf>,
    api: Option<String>,
}

/// Its part of the command line.
pub(super) fn command() -> Command {
    Command::new("new")
        .about("Make a folder with a new plugin: a command, its tests, and CI")
        .arg(
            Arg::new("name")
                .required(true)
                .value_name("NAME")
                .help("The plugin's name: lower case letters, digits and dashes"),
        )
        .arg(
            Arg::new("path")
                .long("path")
                .value_name("FOLDER")
                .value_parser(value_parser!(PathBuf))
                .help("The folder to make [default: NAME]"),
        )
        .arg(Arg::new("api").long("api").value_name("PATH|VERSION").help(
            "The toygres-plugin-api to build with: a version, or the folder of its sources \
             [default: the version of this toygres]",
        ))
        .args(cli::Options::of_details())
}

impl New {
    /// What clap found.
    pub(super) fn read(matches: &ArgMatches) -> Self {
        let text = |id: &str| matches.get_one::<String>(id).cloned();
        Self {
            name: text("name").unwrap_or_default(),
            path: matches.get_one("path").cloned(),
            api: text("api"),
        }
    }

    /// Makes the folder, whole or not at all.
    ///
    /// # Errors
    /// `usage` where the name or the version cannot be meant; `refused` where the folder holds
    /// something; `failed` where it cannot be written.
    pub(super) fn report(&self, catalogue: &Catalogue) -> Result<Report> {
        let name = Name::checked(&self.name)?;
        let api = Api::read(self.api.as_deref())?;
        let path = self.path.clone().unwrap_or_else(|| PathBuf::from(name.as_str()));
        let files = template::files(&name, &api);
        write::folder(&path, &files)?;
        let path = std::path::absolute(&path)?;
        let report = made(&name, &path, &api, &files);
        let mut there = catalogue.plugins.iter().filter(|found| found.name() == name.as_str());
        Ok(match there.next() {
            Some(found) => report.warning(format!(
                "there is a plugin `{name}` already ({}): of two with one name the first is used",
                found.path.display()
            )),
            None => report,
        })
    }
}

fn made(name: &Name, path: &Path, api: &Api, files: &[template::File]) -> Report {
    let library = format!("target/debug/{}", name.library());
    let next = [
        format!("cd {}", typed(path)),
        "cargo test".to_owned(),
        "cargo build".to_owned(),
        ShellCommand::new("toygres plugin check").arg(&library).into(),
        ShellCommand::new("TOYGRES_PLUGIN_PATH=target/debug toygres server")
            .arg(name.as_str())
            .into(),
    ];
    let names: Vec<&str> = files.iter().map(|file| file.path).collect();
    let data = json!({
        "name": name.as_str(),
        "path": path.display().to_string(),
        "api": api.to_string(),
        "library": library,
        "files": names,
        "next": next,
    });
    let mut blocks = vec![Block::text("Next:")];
    blocks.extend(next.iter().map(|step| Block::text(format!("  {step}"))));
    let done = format!("made the plugin `{name}` in {}", path.display());
    let report = Report { data, ..Report::default() };
    blocks.into_iter().fold(report.block(Block::remark(Tone::Good, done)), Report::block)
}
