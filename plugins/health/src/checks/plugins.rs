//! What other plugins bring.

use crate::check::{Finding, Row, reason, row};
use crate::gather::Sources;
use crate::gather::contributed::Contribution;
use serde_json::json;
use toygres_plugin_api::shell::ShellCommand;

pub(super) const ROWS: &[Row] =
    &[row!("TG0901", Plugins, Error, "checks of other plugins can be run", answer)];

async fn answer(sources: &Sources) -> Finding {
    let contributions = match sources.contributed.clone().await {
        Ok(contributions) => contributions,
        Err(error) => return Finding::cannot_tell(&error),
    };
    let brings = |one: &Contribution| one.rows.as_ref().map_or(true, |rows| !rows.is_empty());
    if !contributions.iter().any(brings) {
        return Finding::skipped("no other plugin brings any");
    }
    let silent: Vec<String> = contributions
        .iter()
        .filter_map(|one| {
            let error = one.rows.as_ref().err()?;
            Some(format!("`{}` of plugin `{}`: {}", one.command, one.plugin, reason(error)))
        })
        .collect();
    let commands: Vec<&str> = contributions.iter().map(|one| one.command.as_str()).collect();
    let finding = match silent.first() {
        None => Finding::ok(format!("{} answered", contributions.len()))
            .headline(format!("{} answered", contributions.len())),
        Some(_) => Finding::unknown(silent.join("; ")).fixes(
            contributions
                .iter()
                .filter(|one| one.rows.is_err())
                .map(|one| ShellCommand::new("toygres plugin info").arg(&one.plugin)),
        ),
    };
    finding.see("commands", json!(commands))
}
