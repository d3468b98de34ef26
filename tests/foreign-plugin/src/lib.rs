//! A private plugin as another team would write it: its own workspace, its own versions of tokio
//! and kube, its own compiler flags.

#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};
use std::time::Duration;
use toygres_plugin_api::{Args, Context, Error, Report, Result, Schema, plugin};

#[derive(Serialize, Deserialize, Schema)]
struct Number {
    n: i64,
    word: Option<String>,
}

/// Count up to a number, by the database and by tasks.
#[derive(Args)]
#[command(category = "Foreign", rows = Number, watchable)]
struct ForeignRows {
    /// How far to count
    #[arg(long, default = "3")]
    up_to: u32,
    /// Wait this long in a task first
    #[arg(long, default = "10ms")]
    wait: Duration,
}

async fn foreign_rows(ctx: &Context, args: ForeignRows) -> Result<Report> {
    let wait = args.wait;
    let waited = tokio::spawn(async move { tokio::time::sleep(wait).await });
    let rows: Vec<Number> = ctx
        .db()
        .query("SELECT g AS n, CASE WHEN g = 2 THEN 'two' END AS word FROM generate_series(1, $1::int) g")
        .bind(args.up_to)
        .fetch()
        .await?;
    waited.await?;
    Ok(Report::list(rows))
}

/// Ask the Kubernetes API server for its version.
#[derive(Args)]
#[command(category = "Foreign")]
struct ForeignKube {}

async fn foreign_kube(ctx: &Context, _: ForeignKube) -> Result<Report> {
    let client = kube::Client::new(ctx.kube_service(), "toygres");
    let version = client.apiserver_version().await.map_err(|error| {
        Error::unavailable("the cluster's version is not known").cause(error)
    })?;
    Report::detail(serde_json::json!({"git_version": version.git_version}))
}

/// Feed many rows through a stream.
#[derive(Args)]
#[command(category = "Foreign", list)]
struct ForeignStream {
    /// How many
    #[arg(long, default = "100000")]
    rows: u64,
}

async fn foreign_stream(ctx: &Context, args: ForeignStream) -> Result<Report> {
    use toygres_plugin_api::report::{StreamColumn, StreamKind};
    let column = |name: &str, kind| StreamColumn {
        name: name.to_owned(),
        type_name: String::new(),
        kind,
    };
    let columns = vec![column("n", StreamKind::Integer), column("word", StreamKind::Text)];
    let mut writer = ctx.stream(columns).await?;
    let stream = writer.reference();
    for n in 0..args.rows {
        if !writer.push(&[Some(&n.to_string()), None]).await {
            break;
        }
    }
    writer.finish().await;
    Ok(Report::stream(stream))
}

plugin! {
    name: "foreign",
    description: "Built elsewhere",
    commands: [ foreign_rows, foreign_kube, foreign_stream ],
}
