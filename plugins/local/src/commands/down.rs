//! `local down`.

use super::view;
use crate::context;
use crate::daemon::{self, Stopped};
use crate::folders::Folders;
use crate::process::Identity;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;
use toygres_plugin_api::report::{Block, Field, Tone};
use toygres_plugin_api::{Args, Confirmation, Context, Report, Result};

/// Take down what `toygres local up` brought up.
///
/// Databases are kept and come back with the next `up`, unless --purge removes them.
#[derive(Args)]
#[command(
    scope = "local",
    category = "Local",
    mutating,
    grace = "15s",
    examples = ["toygres local down", "toygres local down --purge --force"]
)]
pub(crate) struct Down {
    /// Remove all databases and everything else that was made
    #[arg(long)]
    purge: bool,
    /// Kill what has not stopped after this long
    #[arg(long, value_name = "DURATION", default = "60s")]
    timeout: Duration,
}

pub(crate) async fn down(ctx: &Context, args: Down) -> Result<Report> {
    let folders = Folders::lent(ctx).await?;
    if !folders.local().exists() {
        return nothing(&folders);
    }
    if args.purge {
        let question = Confirmation::new("All local databases are removed for good.");
        ctx.ui().confirm(question.preview(preview(&folders)?).type_name(context::NAME)).await?;
    }
    let deadline = Instant::now() + args.timeout;
    let one = daemon::one_at_a_time(&folders, deadline).await?;
    ctx.ui().progress("stopping pods, daemon and PostgreSQL").await;
    let stopped = daemon::stop(ctx, &folders, deadline).await?;
    if args.purge {
        ctx.ui().progress("removing all files").await;
        context::remove(&folders)?;
        folders.purge()?;
    }
    drop(one);
    ctx.ui().progress("").await;
    report(ctx, &folders, &stopped, args.purge).await
}

fn nothing(folders: &Folders) -> Result<Report> {
    let data = json!({
        "result": "never_up", "daemon": null, "killed": false, "left_running": 0, "purged": false,
        "server": null, "home": folders.home,
    });
    let said = "Nothing was ever brought up in this home folder";
    Ok(Report::data(data)?.block(Block::remark(Tone::Muted, said)))
}

fn preview(folders: &Folders) -> Result<Report> {
    let files = folders.local();
    let config = folders.config();
    Ok(Report::data(Value::Null)?.block(Block::remark(Tone::Warn, "Remove for good")).block(
        Block::fields([
            Field::new("Files", files.display().to_string()),
            Field::new("Kubeconfig", folders.kubeconfig().display().to_string()),
            Field::new("Context", format!("`{}` in {}", context::NAME, config.display())),
        ]),
    ))
}

async fn report(
    ctx: &Context,
    folders: &Folders,
    stopped: &Stopped,
    purged: bool,
) -> Result<Report> {
    let was_up = stopped.daemon.is_some() || stopped.leftovers > 0;
    let server = control_plane(ctx).await?;
    let data = json!({
        "result": if was_up { "stopped" } else { "already_down" },
        "daemon": stopped.daemon,
        "killed": stopped.killed,
        "left_running": stopped.leftovers,
        "purged": purged,
        "server": server,
        "home": folders.home,
    });
    let said = match (was_up, purged) {
        (true, false) => "Down; its databases are kept",
        (false, false) => "Down already; its databases are kept",
        (_, true) => "Down, and everything removed",
    };
    let mut report = Report::data(data)?.block(Block::remark(Tone::Good, said));
    if !purged {
        report = report.hint("Bring it back with: toygres local up");
    }
    if stopped.killed {
        report = report.warning("the daemon did not stop in time and was killed");
    }
    if stopped.leftovers > 0 && stopped.daemon.is_none() {
        report = report.note(format!(
            "{} that a killed daemon had left {} stopped",
            view::servers(stopped.leftovers),
            if stopped.leftovers == 1 { "was" } else { "were" }
        ));
    }
    if let Some(pid) = server {
        report = report.warning(format!(
            "the control plane (pid {pid}) still runs, without its database if it used this one; \
             stop it with: toygres server stop"
        ));
    }
    Ok(report)
}

/// The process of `toygres server`, where one runs on this home folder.
async fn control_plane(ctx: &Context) -> Result<Option<i32>> {
    // After a purge the context that was chosen for this run may be gone, and with it the answer.
    let Ok(Some(path)) = ctx.config().get("paths.pid_file").await else { return Ok(None) };
    let Ok(text) = std::fs::read_to_string(&path) else { return Ok(None) };
    Ok(recorded(&text).filter(Identity::lives).map(|process| process.pid))
}

/// The process in a pid file: its number alone in the first line, and all of it in the next.
fn recorded(text: &str) -> Option<Identity> {
    let record = text.lines().find_map(|line| serde_json::from_str::<Record>(line).ok())?;
    Some(Identity::recorded(record.pid, &record.boot_id, record.start_ticks))
}

/// What a control plane writes of itself into its pid file.
#[derive(Deserialize)]
struct Record {
    pid: i32,
    start_ticks: u64,
    boot_id: String,
}

#[cfg(test)]
mod tests {
    use super::recorded;

    #[test]
    fn a_process_is_known_by_its_record_and_not_by_its_number() {
        let text = "17\n{\"pid\": 17, \"start_ticks\": 5, \"boot_id\": \"b\", \"mode\": \"api\"}\n";
        assert_eq!(recorded(text).unwrap().pid, 17);
        assert!(recorded("17\n").is_none());
    }
}
