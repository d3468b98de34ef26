//! `local status`.

use super::view;
use crate::daemon::{self, Answers, DatabaseStatus, Overview, Phase, State};
use crate::folders::Folders;
use crate::kept::Kept;
use serde_json::json;
use toygres_plugin_api::report::{Block, Field, Rows, Table, Tone, Verdict};
use toygres_plugin_api::{Args, Context, Report, Result};

/// Show whether the private PostgreSQL and the stand-in for Kubernetes are up.
///
/// Both are asked, and so is each database: the exit code is 3 where PostgreSQL or the stand-in is
/// not up or does not answer.
#[derive(Args)]
#[command(
    scope = "local",
    category = "Local",
    watchable,
    examples = ["toygres local status", "toygres local status -o json | jq .postgres.port"]
)]
pub(crate) struct Status {}

pub(crate) async fn status(ctx: &Context, _args: Status) -> Result<Report> {
    let folders = Folders::lent(ctx).await?;
    if !daemon::is_alive(&folders)? {
        return down(&folders);
    }
    match State::read(&folders)?.filter(|state| state.identity.lives()) {
        Some(state) if state.phase == Phase::Ready => {}
        other => return on_its_way(&folders, other),
    }
    let kept = Kept::load(&folders)?;
    let mut overview = Overview::read(&folders)?;
    let answers = Answers::ask(&folders, &kept, &mut overview).await;
    if overview.lost(&folders).is_some() {
        overview.database = DatabaseStatus { pid: None, ready: false, ..overview.database };
    }
    overview.database.ready &= answers.postgres();
    let table = Table {
        columns: view::columns(),
        rows: Rows::At("/pods".to_owned()),
        empty: Some("No pods: nothing was created yet.".to_owned()),
    };
    let up = overview.database.pid.is_some() && answers.silent.is_empty();
    let healthy = overview.database.ready && overview.pods.iter().all(|pod| pod.ready);
    let report = Report::data(view::data(&folders, &kept, &overview, &answers))?
        .block(Block::fields(view::fields(&folders, &kept, &overview, &answers)))
        .block(Block::Table(table));
    let report = match answers.silent.as_slice() {
        [] if healthy => report,
        [] => report.note("not everything is ready"),
        silent => silent.iter().fold(report, |report, silence| {
            report.warning(silence.text()).hint(silence.hint(&folders))
        }),
    };
    Ok(if up { report } else { report.verdict(Verdict::NotRunning) })
}

/// Nothing is up, or only what a killed daemon left.
fn down(folders: &Folders) -> Result<Report> {
    let left = daemon::leftovers(folders);
    let rows: Vec<_> = left
        .iter()
        .map(|left| {
            let (namespace, claim) = left.volume.clone().unzip();
            json!({
                "namespace": namespace, "claim": claim,
                "pid": left.running.identity.pid, "port": left.running.port,
            })
        })
        .collect();
    let count = rows.len();
    let made = folders.local().exists();
    let data = json!({
        "up": false, "daemon": null, "postgres": null, "kubernetes": null, "pods": [],
        "left_running": rows, "made": made, "home": folders.home,
    });
    let report = Report::data(data)?.verdict(Verdict::NotRunning);
    let report = if count > 0 {
        report
            .block(Block::remark(
                Tone::Warn,
                format!("The daemon was killed; it left {} running", view::servers(count)),
            ))
            .hint("take them over: toygres local up")
            .hint("end them: toygres local down")
    } else if made {
        report
            .block(Block::remark(Tone::Muted, "Down; its databases are kept"))
            .block(Block::fields([Field::new("Files", folders.local().display().to_string())]))
            .hint("toygres local up")
    } else {
        report.block(Block::remark(Tone::Muted, "Never brought up")).hint("toygres local up")
    };
    Ok(report)
}

/// A daemon that is not ready.
fn on_its_way(folders: &Folders, state: Option<State>) -> Result<Report> {
    let pid = state.as_ref().map(|state| state.identity.pid);
    let since = state.as_ref().map(|state| state.since.clone());
    let step = state.as_ref().map_or("starting", |state| state.step.as_str());
    let data = json!({
        "up": false, "daemon": { "pid": pid, "since": since, "step": step }, "postgres": null,
        "kubernetes": null, "pods": [], "left_running": [], "made": true, "home": folders.home,
    });
    Ok(Report::data(data)?
        .verdict(Verdict::NotRunning)
        .block(Block::remark(Tone::Active, format!("The daemon is {step}")))
        .hint("wait for it: toygres local up"))
}
