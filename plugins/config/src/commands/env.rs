//! `env`.

use serde_json::json;
use toygres_plugin_api::protocol::Variable;
use toygres_plugin_api::report::{Block, Field, Kind, State, Tone};
use toygres_plugin_api::{Args, Context, Report, Result};

/// Show environment variables being used.
///
/// Secret values are hidden; `--show-secrets` shows them.
#[derive(Args)]
#[command(category = "Configuration", here, list)]
pub(crate) struct Env {}

const GROUPS: &[(&str, &str)] =
    &[("required", "Required"), ("optional", "Optional"), ("computed", "Computed")];

pub(crate) async fn env(ctx: &Context, _: Env) -> Result<Report> {
    let variables = ctx.config().environment().await?;
    let mut report = Report::data(&variables)?;
    for (group, title) in GROUPS {
        let fields: Vec<Field> =
            variables.iter().filter(|variable| variable.group == *group).map(field).collect();
        report = report.block(Block::section(*title, [Block::fields(fields)]));
    }
    if !ctx.output().show_secrets {
        report = report.hint("Use --show-secrets to reveal hidden values (not recommended)");
    }
    Ok(report.heading("Environment Variables"))
}

fn field(variable: &Variable) -> Field {
    let name = variable.name.as_str();
    if variable.group == "computed" {
        let value = variable.value.as_ref().or(variable.default.as_ref());
        let exists = variable.exists.map(|exists| if exists { "yes" } else { "no" });
        let field = Field::new(name, json!(value));
        return match exists {
            Some(exists) => field.remark(format!("exists: {exists}")),
            None => field,
        };
    }
    if !variable.set {
        let field = state(name, "unset");
        return match &variable.default {
            Some(default) => field.remark(format!("using default: {default}")),
            None => field,
        };
    }
    // The host masks a secret's value; what it leaves is said to be hidden.
    let value = variable.value.as_deref().unwrap_or_default();
    let said = if value == "***" { "***hidden***" } else { value };
    let from = variable.source.as_deref().filter(|source| *source != "environment");
    let from = from.map(|source| format!(", from {source}")).unwrap_or_default();
    state(name, "set").remark(format!("{said}{from}"))
}

fn state(name: &str, state: &str) -> Field {
    let states =
        vec![State::new("set", "Set", Tone::Good), State::new("unset", "✗ Not set", Tone::Plain)];
    Field::new(name, state).kind(Kind::Status(states))
}
