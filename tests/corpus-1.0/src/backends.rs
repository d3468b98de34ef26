//! Everything that is lent, asked once.

use serde::{Deserialize, Serialize};
use std::time::Duration;
use toygres_plugin_api::protocol::WorkflowStatus;
use toygres_plugin_api::{Args, Context, Error, Report, Result};

/// Ask everything that is lent.
#[derive(Args)]
#[command(category = "Corpus", watchable)]
pub(crate) struct CorpusBackends {}

#[derive(Deserialize)]
struct Number {
    n: i64,
}

#[derive(Deserialize)]
struct Moment {
    at: String,
}

#[derive(Serialize)]
struct Told {
    database: String,
    sum: i64,
    none: Option<i64>,
    snapshot: bool,
    workflow: String,
    workflow_error: Option<String>,
    kubernetes: String,
    api: String,
    setting: Option<String>,
    settings: bool,
    variables: bool,
    format: String,
    slept: bool,
}

pub(crate) async fn corpus_backends(ctx: &Context, _: CorpusBackends) -> Result<Report> {
    ctx.ui().progress("asking").await;
    ctx.ui().progress_of("asking", 1, 2).await;
    ctx.ui().note("asked everything").await;
    let slept = tokio::spawn(tokio::time::sleep(Duration::from_millis(1))).await.is_ok();
    let db = ctx.db();
    let sum: i64 = db
        .query("SELECT sum(e)::bigint AS n FROM unnest($1::int[]) e")
        .bind(vec![1, 2, 3])
        .timeout(Duration::from_secs(20))
        .fetch_one::<Number>()
        .await?
        .n;
    let none: Option<Number> =
        db.query("SELECT 1::bigint AS n WHERE $1").bind(false).fetch_optional().await?;
    let session = db.snapshot().await?;
    let when = || session.query("SELECT now()::text AS at").fetch_one::<Moment>();
    let snapshot = when().await?.at == when().await?.at;
    session.rollback().await?;
    let (workflow, workflow_error) = match ctx.workflows().status("nosuch").await {
        Ok(WorkflowStatus::NotFound) => ("not found".to_owned(), None),
        Ok(_) => ("another".to_owned(), None),
        Err(error) => ("failed".to_owned(), Some(format!("{:?}", error.kind))),
    };
    Report::detail(Told {
        database: db.target().await?.host,
        sum,
        none: none.map(|number| number.n),
        snapshot,
        workflow,
        workflow_error,
        kubernetes: said(kubernetes(ctx).await),
        api: said(ctx.api().timeout(Duration::from_secs(5)).get("/healthz").await.map(|_| ())),
        setting: ctx.config().get("database.url").await?.map(|_| "masked".to_owned()),
        settings: !ctx.config().all().await?.settings.is_empty(),
        variables: !ctx.config().environment().await?.is_empty(),
        format: ctx.output().format.clone(),
        slept,
    })
}

async fn kubernetes(ctx: &Context) -> Result<()> {
    let request = http::Request::get("/version").body(http_body_util::Full::from(""));
    let request = request.map_err(|error| Error::failed("no request").cause(error))?;
    let mut service = ctx.kube_service();
    let response = tower_service::Service::call(&mut service, request).await;
    let response = response.map_err(|error| Error::unavailable("no answer").cause(error))?;
    http_body_util::BodyExt::collect(response.into_body())
        .await
        .map(|_| ())
        .map_err(|error| Error::failed("no body").cause(error))
}

fn said(result: Result<()>) -> String {
    match result {
        Ok(()) => "answered".to_owned(),
        Err(error) => format!("{:?}", error.kind),
    }
}
