//! A plugin of a border that goes on where this one ends.

#![forbid(unsafe_code)]

use toygres_plugin_api::{plugin, Args, Context, Report, Result};

/// Do what every host can.
#[derive(Args)]
#[command(category = "Later", scope = "top")]
struct LaterPlain {}

async fn later_plain(ctx: &Context, _: LaterPlain) -> Result<Report> {
    let settings = ctx.config().all().await?.settings.len();
    Report::detail(serde_json::json!({"settings": settings > 0}))
}

/// Call the host by a number that came later.
#[derive(Args)]
#[command(category = "Later", scope = "top")]
struct LaterNumber {}

async fn later_number(ctx: &Context, _: LaterNumber) -> Result<Report> {
    Report::detail(serde_json::json!({"answer": ctx.later().await?}))
}

/// Call a function of the host that came later.
#[derive(Args)]
#[command(category = "Later", scope = "top")]
struct LaterFunction {}

async fn later_function(ctx: &Context, _: LaterFunction) -> Result<Report> {
    Report::detail(serde_json::json!({"answer": ctx.later_function()}))
}

plugin! {
    name: "later",
    description: "Of a later border",
    commands: [later_plain, later_number, later_function],
}
