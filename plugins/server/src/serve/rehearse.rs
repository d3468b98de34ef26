//! A start that only looks: what would be in its way is known while another server still runs.

use super::{begin, reach};
use crate::api::Token;
use crate::log;
use crate::process::home;
use crate::process::options::{Patience, Typed};
use crate::process::running::Running;
use crate::process::settings::{self, Plan, Settings};
use serde_json::json;
use toygres_plugin_api::{Context, Error, Report, Result};

/// Looks whether a server could be started in place of the one that runs, and leaves everything as
/// it is. What the running one holds itself is not in the way.
///
/// # Errors
/// What a start would fail with.
pub(crate) async fn rehearse(ctx: &Context, typed: Typed, patience: Patience) -> Result<Report> {
    let settings = Settings::read(ctx).await?;
    let plan = Plan::new(&typed, &settings)?;
    let home = settings.home()?;
    home::writable(&home.pid_file)?;
    log::writable(&home.log_file)?;
    if plan.mode.serves() {
        let _made = Token::find(ctx, &settings, &home, plan.bind).await?;
        let running = Running::find(&home)?.and_then(|running| running.record);
        let its_own = running.is_some_and(|record| record.listens_on(plan.port));
        // The port comes free with the running one's end; the address can be tried on any other.
        let _free = begin::listen(plan.bind, if its_own { 0 } else { plan.port })?;
    }
    settings::control(ctx, &settings, &plan).await?;
    let reached = tokio::time::timeout(patience.timeout, reach(ctx)).await;
    let reached = reached.unwrap_or_else(|_| {
        Err(Error::timed_out("the backends did not answer in time").retryable(true))
    });
    match reached {
        Err(error) if !(patience.wait && error.retryable) => Err(error),
        _ => Report::data(json!({"result": "possible"})),
    }
}
