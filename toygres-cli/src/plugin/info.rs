//! `toygres plugin info`.

use super::manage::unknown;
use crate::discover::{Catalogue, Found, Origin};
use serde_json::json;
use std::path::Path;
use toygres_plugin_api::report::{Block, Column, Field, Rows, Table};
use toygres_plugin_api::{Error, Report, Result};

pub(super) fn report(catalogue: &Catalogue, name: &str) -> Result<Report> {
    let found = find(catalogue, name)?;
    let manifest = found.manifest.as_ref().map_err(|fault| Error::from(fault.clone()))?;
    let mut data = serde_json::to_value(manifest)?;
    data["path"] = json!(found.path.display().to_string());
    data["origin"] = json!(found.origin.name());
    data["disabled"] = json!(found.disabled);
    data["sha256"] = json!(found.locked.as_ref().map(|locked| locked.sha256.clone()));
    data["shadowed_by"] = json!(found.shadowed_by.as_ref().map(|path| path.display().to_string()));
    let fields = [
        ("Version", &manifest.version),
        ("Description", &manifest.description),
        ("Border (ABI)", &manifest.abi),
        ("SDK", &manifest.sdk),
        ("Compiler", &manifest.rustc),
        ("Target", &manifest.target),
    ];
    let mut fields: Vec<Field> =
        fields.into_iter().map(|(label, value)| Field::new(label, value.as_str())).collect();
    if !manifest.needs.is_empty() {
        fields.push(Field::new("Needs", manifest.needs.join(", ")));
    }
    fields.push(Field::new("Path", found.path.display().to_string()));
    fields.push(Field::new("Origin", found.origin.name()));
    match &found.locked {
        Some(locked) => fields.push(Field::new("Locked as", locked.sha256.as_str())),
        None if found.origin == Origin::Bundled => {}
        None => fields.push(Field::new("Locked as", "in no lock file")),
    }
    if found.disabled {
        fields.push(Field::new("Disabled", "yes"));
    }
    if let Some(winner) = &found.shadowed_by {
        fields.push(Field::new("Shadowed by", winner.display().to_string()));
    }
    let commands = Block::Table(Table {
        columns: vec![
            Column::new("name", "COMMAND"),
            Column::new("scope", "SCOPE"),
            Column::new("mutating", "MUTATING"),
            Column::new("watchable", "WATCHABLE"),
            Column::new("about", "ABOUT").shrink(),
        ],
        rows: Rows::At("/commands".to_owned()),
        empty: Some("No commands".to_owned()),
    });
    Ok(Report::data(data)?
        .block(Block::fields(fields))
        .block(Block::section("Commands", [commands]))
        .heading(format!("Plugin: {}", manifest.name)))
}

fn find<'a>(catalogue: &'a Catalogue, name: &str) -> Result<&'a Found> {
    let named = |found: &&Found| found.name() == name;
    let used = catalogue.plugins.iter().find(|found| named(found) && found.shadowed_by.is_none());
    let at_path = || catalogue.plugins.iter().find(|found| found.path == Path::new(name));
    used.or_else(at_path).ok_or_else(|| unknown(catalogue, name))
}
