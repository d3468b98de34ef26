//! `env`.

use super::files;
use serde_json::{Value, json};
use toygres_plugin_api::protocol::Variable;
use toygres_plugin_api::report::{Block, Field, Kind, State, Tone};
use toygres_plugin_api::{Args, Context, Report, Result};

/// Show environment variables being used.
///
/// For a variable that is not set, what is in force instead is shown with where it comes from.
/// Secret values are hidden; `--show-secrets` shows them.
#[derive(Args)]
#[command(category = "Configuration", here, list)]
pub(crate) struct Env {}

/// The variable that may name several files.
const KUBECONFIG: &str = "KUBECONFIG";

const GROUPS: &[(&str, &str)] =
    &[("required", "Required"), ("optional", "Optional"), ("computed", "Computed")];

pub(crate) async fn env(ctx: &Context, _: Env) -> Result<Report> {
    let variables = ctx.config().environment().await?;
    let rows: Vec<Value> = variables.iter().map(row).collect();
    let mut report = Report::data(&rows)?;
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

/// A variable, with the files that it names.
fn row(variable: &Variable) -> Value {
    let mut row = json!(variable);
    let files = effective(variable).filter(|_| variable.name == KUBECONFIG).map(files::describe);
    row["files"] = json!(files);
    row
}

/// What is in force.
fn effective(variable: &Variable) -> Option<&str> {
    variable.value.as_deref().or(variable.default.as_deref())
}

fn field(variable: &Variable) -> Field {
    let name = variable.name.as_str();
    if variable.group == "computed" {
        let value = effective(variable);
        let mut remarks: Vec<String> = match (name, value) {
            (KUBECONFIG, Some(paths)) => files::remark(paths).into_iter().collect(),
            _ => Vec::new(),
        };
        if remarks.is_empty() {
            let exists = variable.exists.map(|exists| if exists { "yes" } else { "no" });
            remarks.extend(exists.map(|exists| format!("exists: {exists}")));
        }
        let from = variable.source.as_deref().filter(|_| !variable.set);
        remarks.extend(from.map(|from| format!("from {from}")));
        let field = Field::new(name, json!(value));
        return if remarks.is_empty() { field } else { field.remark(remarks.join(", ")) };
    }
    if !variable.set {
        let field = state(name, "unset");
        return match (&variable.default, &variable.source) {
            (Some(value), Some(from)) => {
                field.remark(format!("using {}, from {from}", hidden(value)))
            }
            (Some(default), None) => field.remark(format!("using default: {default}")),
            (None, _) => field,
        };
    }
    let value = hidden(variable.value.as_deref().unwrap_or_default());
    let from = variable.source.as_deref().filter(|source| *source != "environment");
    let from = from.map(|source| format!(", from {source}")).unwrap_or_default();
    state(name, "set").remark(format!("{value}{from}"))
}

/// The host masks a secret's value; what it leaves is said to be hidden.
fn hidden(value: &str) -> &str {
    if value == "***" { "***hidden***" } else { value }
}

fn state(name: &str, state: &str) -> Field {
    let states =
        vec![State::new("set", "Set", Tone::Good), State::new("unset", "✗ Not set", Tone::Plain)];
    Field::new(name, state).kind(Kind::Status(states))
}
