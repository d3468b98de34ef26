//! `list`.

use crate::api;
use crate::instance::Instance;
use crate::view::{healths, states};
use toygres_plugin_api::report::{Block, Column, Kind};
use toygres_plugin_api::{Args, Context, Report, Result, ValueEnum};

/// List databases.
///
/// Deleted ones are left out unless they are asked for.
#[derive(Args)]
#[command(
    scope = "top",
    category = "Databases",
    aliases = ["ls"],
    watchable,
    rows = Instance,
    examples = [
        "toygres list --state failed",
        "toygres list --watch",
        "toygres list -o json | jq -r '.[] | select(.health != \"healthy\") | .name'"
    ]
)]
pub(crate) struct List {
    /// Only those in this state
    #[arg(long, value_name = "STATE")]
    state: Option<State>,
    /// Only those of this health
    #[arg(long, value_name = "HEALTH")]
    health: Option<Health>,
    /// Deleted ones too
    #[arg(long)]
    all: bool,
}

/// A state of an instance.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Being made
    Creating,
    /// Made, and it answered
    Running,
    /// Being unmade
    Deleting,
    /// Unmade
    Deleted,
    /// Could not be made or unmade
    Failed,
}

/// What the last health check found.
#[derive(ValueEnum, Clone, Copy)]
enum Health {
    /// It answered
    Healthy,
    /// It did not
    Unhealthy,
    /// Nobody asked yet
    Unknown,
}

pub(crate) async fn list(ctx: &Context, args: List) -> Result<Report> {
    let state = args.state.as_ref().map(ValueEnum::name);
    let health = args.health.as_ref().map(ValueEnum::name);
    let all = args.all || args.state == Some(State::Deleted);
    let found = api::list(ctx, state, health, all).await?;
    let count = found.len();
    let mut columns = columns();
    // There is room for it where there is something to say.
    if found.iter().any(|instance| instance.reason.is_some()) {
        columns.insert(3, Column::new("reason", "REASON").shrink());
    }
    let report = Report::list(&found).columns(columns).heading("Instances");
    if count == 0 {
        return Ok(if state.is_some() || health.is_some() {
            report.empty("No such instances found")
        } else {
            report.empty("No instances found").hint("Create one with: toygres create mydb --wait")
        });
    }
    let plural = if count == 1 { "" } else { "s" };
    Ok(report
        .block(Block::text(format!("{count} instance{plural} found")))
        .hint("Use 'toygres get <NAME>' for details"))
}

fn columns() -> Vec<Column> {
    vec![
        Column::new("name", "NAME").shrink(),
        Column::new("state", "STATE").kind(states()),
        Column::new("health", "HEALTH").kind(healths()),
        Column::new("version", "VERSION").shrink(),
        Column::new("storage_bytes", "STORAGE").kind(Kind::Bytes),
        Column::new("address", "ADDRESS").shrink(),
        Column::new("created_at", "AGE").kind(Kind::Ago),
        Column::new("k8s_name", "K8S NAME").wide(),
        Column::new("namespace", "NAMESPACE").wide(),
        Column::new("load_balancer", "LOAD BALANCER").kind(Kind::Check).wide(),
        Column::new("dns_name", "DNS NAME").wide(),
        Column::new("external_ip", "EXTERNAL IP").wide(),
        Column::new("restarts", "RESTARTS").kind(Kind::Number).wide(),
        Column::new("create_orchestration_id", "CREATE").wide().shrink(),
        Column::new("health_orchestration_id", "MONITOR").wide().shrink(),
        Column::new("delete_orchestration_id", "DELETE").wide().shrink(),
        Column::new("updated_at", "UPDATED").kind(Kind::Ago).wide(),
        Column::new("deleted_at", "DELETED").kind(Kind::Ago).wide(),
        Column::new("tags", "TAGS").wide().shrink(),
        Column::new("id", "ID").wide(),
    ]
}
