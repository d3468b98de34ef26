//! `toygres plugin which`.

use crate::discover::Catalogue;
use serde_json::json;
use toygres_plugin_api::manifest::Scope;
use toygres_plugin_api::report::{Block, Field};
use toygres_plugin_api::{Error, Report, Result};

pub(super) fn report(catalogue: &Catalogue, words: &[String]) -> Result<Report> {
    let (scopes, name): (&[Scope], &str) = match words {
        [scope, name] if scope == "server" => (&[Scope::Server], name),
        [scope, name] if scope == "local" => (&[Scope::Local], name),
        [name] => (&[Scope::Server, Scope::Local, Scope::Top], name),
        _ => {
            return Err(Error::usage(format!("`{}` is no command", words.join(" ")))
                .hint("give it as `server orchestrations`"));
        }
    };
    for scope in scopes {
        if let Some(owned) = catalogue.find(*scope, name)? {
            let path = owned.plugin.path.display().to_string();
            let data = json!({
                "command": owned.command.name,
                "scope": owned.command.scope,
                "plugin": owned.manifest.name,
                "version": owned.manifest.version,
                "path": path,
                "origin": owned.plugin.origin.name(),
            });
            let plugin = format!("{} {}", owned.manifest.name, owned.manifest.version);
            return Ok(Report::data(data)?.block(Block::fields([
                Field::new("Command", owned.command.name.as_str()),
                Field::new("Plugin", plugin),
                Field::new("Path", path),
                Field::new("Origin", owned.plugin.origin.name()),
            ])));
        }
    }
    if let Some(fault) = catalogue.disabled(name) {
        return Err(fault.into());
    }
    let list = "see what there is with `toygres plugin list`";
    Err(Error::not_found(format!("no plugin has the command `{name}`"))
        .hint(crate::cli::near_commands(words, catalogue, list)))
}
