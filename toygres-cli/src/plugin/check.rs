//! `toygres plugin check`: everything that this host would refuse or an operator stumble over, for
//! the author's own CI.
//!
//! `bytes` asks what is asked at the installation, by the same functions; `opens` opens the library
//! in a process of its own; the others read the manifest.

mod arguments;
mod bytes;
mod names;
mod opens;
mod result;
mod row;
mod texts;

use crate::cli;
use crate::discover::{Catalogue, Folders};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use row::{Outcome, Row};
use std::path::{Path, PathBuf};
use toygres_plugin_api::manifest::Manifest;
use toygres_plugin_api::report::{Block, Column, Kind, State, Tone, Verdict};
use toygres_plugin_api::{Error, Report, Result};

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Check {
    file: PathBuf,
    /// Nothing is asked but whether the library opens, and a crash is this process's own.
    open_here: bool,
}

/// Its part of the command line.
pub(super) fn command() -> Command {
    Command::new("check")
        .about("Check a plugin's library for everything that toygres would refuse")
        .long_about(
            "Check a plugin's library for everything that toygres would refuse.\n\nThe library is \
             opened in a process of its own, so that a crash is a finding: check only what you \
             would run. The exit code is 1 when a check failed; warnings leave it at 0.",
        )
        .arg(
            Arg::new("file")
                .required(true)
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("The library, such as target/release/libtoygres_acme.so"),
        )
        .arg(Arg::new(opens::HERE).long(opens::HERE).action(ArgAction::SetTrue).hide(true))
        .args(cli::Options::of_lists())
}

impl Check {
    /// What clap found.
    pub(super) fn read(matches: &ArgMatches) -> Self {
        Self {
            file: matches.get_one("file").cloned().unwrap_or_default(),
            open_here: matches.get_flag(opens::HERE),
        }
    }

    /// One row a check, in the order in which a failure matters.
    ///
    /// # Errors
    /// `not_found` where there is no such file.
    pub(super) fn report(&self, catalogue: &Catalogue, folders: &Folders) -> Result<Report> {
        if !self.file.is_file() {
            let (shown, there) = (self.file.display(), self.file.exists());
            let message = match there {
                true => format!("{shown} is no file"),
                false => format!("there is no file {shown}"),
            };
            let hint = match there {
                true => "give the library itself, such as target/release/libtoygres_acme.so",
                false => "build it first: cargo build --release",
            };
            return Err(Error::not_found(message).hint(hint));
        }
        if self.open_here {
            return opens::here(&self.file, folders);
        }
        let (mut rows, manifest) = bytes::check(&self.file, folders.owners());
        if let Some(manifest) = manifest {
            rows.push(opens::check(&self.file, row::failed(&rows), folders.why_strict()));
            rows.extend(of_manifest(&manifest, &self.file, catalogue));
        }
        Ok(shown(&rows))
    }
}

/// What the manifest alone tells.
fn of_manifest(manifest: &Manifest, file: &Path, catalogue: &Catalogue) -> Vec<Row> {
    let mut rows = names::check(manifest, file, catalogue);
    rows.push(arguments::check(manifest));
    rows.push(arguments::host_options(manifest));
    rows.push(result::routes(manifest));
    rows.push(result::schemas(manifest));
    rows.push(texts::help(manifest));
    rows.push(texts::lengths(manifest));
    rows
}

fn shown(rows: &[Row]) -> Report {
    let states = vec![
        State::new("ok", "OK", Tone::Good),
        State::new("warning", "Warning", Tone::Warn),
        State::new("failed", "Failed", Tone::Bad),
        State::new("skipped", "Skipped", Tone::Muted),
    ];
    let report = Report::list(rows)
        .columns([
            Column::new("check", "CHECK"),
            Column::new("outcome", "OUTCOME").kind(Kind::Status(states)),
            Column::new("found", "FOUND").shrink(),
        ])
        .verdict(if row::failed(rows) { Verdict::Negative } else { Verdict::Clean });
    let telling = rows.iter().filter(|row| row.outcome != Outcome::Ok);
    telling.fold(report, |report, row| match (&row.hint, row.outcome) {
        (Some(hint), outcome) if outcome != Outcome::Skipped => {
            let tone = if outcome == Outcome::Failed { Tone::Bad } else { Tone::Warn };
            report
                .block(Block::remark(tone, format!("{}: {}", row.check, row.found)))
                .block(Block::text(format!("  {hint}")))
        }
        _ => report,
    })
}
