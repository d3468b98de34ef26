//! `report`.

use crate::archive::{
    Entry, Planned, collect, is_remote, kubernetes, looked_into, pack, plan, queries,
};
use serde::Serialize;
use std::io::ErrorKind as Io;
use std::path::PathBuf;
use std::time::Duration;
use toygres_plugin_api::report::{Block, Column, Field, Kind, Rows, Table, Tone, Verdict};
use toygres_plugin_api::{Args, Context, Error, Result, Schema};

/// Pack what every diagnostic says into one archive, for a support case.
///
/// Every command that only reads is run, those of private plugins too, and what failed or is stuck
/// is looked into one by one; the instances with their events and checks, and the events and the state
/// of the objects in Kubernetes are packed too. Secrets are masked as on a terminal, whatever else was asked for. The
/// archive holds `manifest.json`: what was run, what failed and why, what was masked. Where
/// something could not be read, the exit code is 4. With a token and without a database, the server
/// is asked.
#[derive(Args)]
#[command(
    category = "System Health",
    here,
    detail = Archive,
    examples = [
        "toygres server report",
        "toygres server report --file /tmp/case-4711.tar.gz --timeout 10s"
    ]
)]
pub(crate) struct Report {
    /// The archive [default: toygres-report-TIME.tar.gz in the current folder]
    #[arg(long, value_name = "FILE", writes)]
    file: Option<PathBuf>,
    /// Give up on a single command after this long
    #[arg(long, value_name = "DURATION", default = "30s")]
    timeout: Duration,
}

/// What was packed.
#[derive(Serialize, Schema)]
pub(crate) struct Archive {
    file: String,
    size_bytes: u64,
    created_at: String,
    version: String,
    succeeded: usize,
    failed: usize,
    masked: usize,
    /// Whoever was asked.
    plugins: Vec<Asked>,
    entries: Vec<Entry>,
}

/// A plugin whose commands were run.
#[derive(Serialize, Schema)]
pub(crate) struct Asked {
    name: String,
    version: String,
}

pub(crate) async fn report(ctx: &Context, args: Report) -> Result<toygres_plugin_api::Report> {
    let now = jiff::Timestamp::now();
    let name = format!("toygres-report-{}", now.strftime("%Y%m%dT%H%M%SZ"));
    let path = args.file.unwrap_or_else(|| PathBuf::from(format!("{name}.tar.gz")));
    if path.exists() {
        return Err(taken(&path));
    }
    let manifests = ctx.commands().manifests().await?;
    let cms = ctx.config().get("database.cms_schema").await?.unwrap_or_default();
    let mut planned = plan(&manifests);
    planned.extend(queries(&manifests, &cms));
    let mut plugins: Vec<Asked> = manifests
        .into_iter()
        .map(|plugin| Asked { name: plugin.name, version: plugin.version })
        .collect();
    plugins.sort_by(|one, other| one.name.cmp(&other.name));
    let mut entries = gather(ctx, &planned, args.timeout).await;
    let lists: Vec<_> = planned
        .iter()
        .zip(&entries)
        .filter(|(planned, _)| planned.file.starts_with("orchestrations-"))
        .map(|(_, entry)| &entry.data)
        .collect();
    let details = looked_into(&lists);
    entries.extend(gather(ctx, &details, args.timeout).await);
    // Without a database here, the cluster of this machine's kubeconfig need not be the server's.
    if !is_remote(ctx).await {
        entries.extend(kubernetes::collect(ctx, args.timeout).await);
    }
    ctx.ui().progress("").await;
    let failed = entries.iter().filter(|entry| entry.failed()).count();
    let mut archive = Archive {
        file: path.display().to_string(),
        size_bytes: 0,
        created_at: now.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        succeeded: entries.len() - failed,
        failed,
        masked: entries.iter().map(Entry::masked).sum(),
        plugins,
        entries,
    };
    let mut manifest = serde_json::to_value(&archive)?;
    // Of the archive itself it knows neither size nor place.
    if let Some(fields) = manifest.as_object_mut() {
        fields.remove("file");
        fields.remove("size_bytes");
    }
    let packed = pack(&path, &name, &manifest, &archive.entries, now.as_second());
    archive.size_bytes = packed.map_err(|error| match error.kind() {
        Io::AlreadyExists => taken(&path),
        _ => Error::failed(format!("{} cannot be written", path.display()))
            .cause(error)
            .hint("name another place with `--file`"),
    })?;
    told(&archive)
}

async fn gather(ctx: &Context, planned: &[Planned], patience: Duration) -> Vec<Entry> {
    ctx.ui().progress(format!("running {} diagnostics", planned.len())).await;
    collect(ctx, planned, patience).await
}

fn taken(path: &std::path::Path) -> Error {
    Error::failed(format!("{} is there already", path.display()))
        .hint("remove it, or name another place with `--file`")
}

fn told(archive: &Archive) -> Result<toygres_plugin_api::Report> {
    let fields = [
        Field::new("Archive", archive.file.clone()),
        Field::new("Size", archive.size_bytes).kind(Kind::Bytes),
        Field::new(
            "Diagnostics",
            format!("{} packed, {} failed", archive.succeeded, archive.failed),
        ),
        Field::new("Secrets masked", archive.masked).kind(Kind::Number),
    ];
    let mut report = toygres_plugin_api::Report::data(archive)?.block(Block::fields(fields));
    if archive.failed > 0 {
        let failures: Vec<_> = archive
            .entries
            .iter()
            .filter(|entry| entry.failed())
            .map(serde_json::to_value)
            .collect::<std::result::Result<_, _>>()?;
        let table = Table {
            columns: vec![
                Column::new("command", "COMMAND"),
                Column::new("code", "CODE").kind(Kind::Number),
                Column::new("error", "ERROR").shrink(),
            ],
            rows: Rows::Inline(failures),
            empty: None,
        };
        report = report
            .block(Block::section("Failed", [Block::Table(table)]))
            .verdict(Verdict::Undetermined);
    } else {
        report = report.block(Block::remark(Tone::Good, "Everything could be read"));
    }
    let hint = format!("Look at it before you give it away: tar -tzf {}", archive.file);
    Ok(report.hint(hint).heading("Support Report"))
}
