//! `toygres plugin list`.

use crate::discover::{Catalogue, Folders, Found};
use serde::Serialize;
use toygres_plugin_api::Report;
use toygres_plugin_api::report::{Block, Column, Kind, State, Tone};

/// One library file.
#[derive(Debug, Serialize)]
struct Row {
    name: Option<String>,
    version: Option<String>,
    /// `ok`, `shadowed` or `refused`.
    status: &'static str,
    commands: Vec<String>,
    path: String,
    origin: &'static str,
    abi: Option<String>,
    sdk: Option<String>,
    /// What is wrong, by a stable word.
    fault: Option<&'static str>,
    message: Option<String>,
    hint: Option<String>,
}

pub(super) fn report(catalogue: &Catalogue, folders: &Folders) -> Report {
    let rows: Vec<Row> = catalogue.plugins.iter().map(Row::of).collect();
    let states = vec![
        State::new("ok", "OK", Tone::Good),
        State::new("shadowed", "Shadowed", Tone::Muted),
        State::new("refused", "Refused", Tone::Bad),
    ];
    let places: Vec<String> = folders.paths().map(|path| path.display().to_string()).collect();
    let mut report = Report::list(&rows)
        .columns([
            Column::new("name", "PLUGIN"),
            Column::new("version", "VERSION"),
            Column::new("status", "STATUS").kind(Kind::Status(states)),
            Column::new("commands", "COMMANDS").shrink(),
            Column::new("path", "PATH").shrink(),
            Column::new("origin", "ORIGIN").wide(),
            Column::new("abi", "ABI").wide(),
            Column::new("sdk", "SDK").wide(),
            Column::new("fault", "FAULT").wide(),
        ])
        .empty(format!("No plugin found in {}", places.join(", ")))
        .heading("Plugins");
    for row in rows.iter().filter(|row| row.message.is_some()) {
        let message = row.message.clone().unwrap_or_default();
        let hint = row.hint.clone().unwrap_or_default();
        report =
            report.block(Block::remark(Tone::Bad, message)).block(Block::text(format!("  {hint}")));
    }
    for (_, _, fault) in catalogue.clashes() {
        report = report.warning(format!("{}; {}", fault.message, fault.hint));
    }
    report
}

impl Row {
    fn of(found: &Found) -> Self {
        let manifest = found.manifest.as_ref().ok();
        let fault = found.manifest.as_ref().err();
        let shadow = found
            .shadowed_by
            .as_ref()
            .map(|path| format!("{} in an earlier folder has the same name", path.display()));
        let status = match (&fault, &shadow) {
            (Some(_), _) => "refused",
            (None, Some(_)) => "shadowed",
            (None, None) => "ok",
        };
        let name = found.path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let commands = manifest.into_iter().flat_map(|manifest| &manifest.commands);
        Self {
            name: manifest.map(|manifest| manifest.name.clone()).or(name),
            version: manifest.map(|manifest| manifest.version.clone()),
            status,
            commands: commands.map(|command| command.name.clone()).collect(),
            path: found.path.display().to_string(),
            origin: found.origin.name(),
            abi: manifest.map(|manifest| manifest.abi.clone()),
            sdk: manifest.map(|manifest| manifest.sdk.clone()),
            fault: fault.map(|fault| fault.code),
            message: fault.map(|fault| fault.message.clone()).or(shadow),
            hint: fault.map(|fault| fault.hint.clone()),
        }
    }
}
