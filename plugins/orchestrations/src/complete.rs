//! Ids and names that a shell offers.

use toygres_model::completion::{self, begins_with};
use toygres_plugin_api::{Candidate, Context, Result};

/// Every orchestration, the latest first.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn orchestrations(ctx: &Context, begun: &str) -> Result<Vec<Candidate>> {
    let schema = duroxide(ctx).await?;
    ctx.db().query(completion::orchestrations(&schema)).bind(begins_with(begun)).fetch().await
}

/// Those that have not ended.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn live(ctx: &Context, begun: &str) -> Result<Vec<Candidate>> {
    let schema = duroxide(ctx).await?;
    ctx.db().query(completion::live_orchestrations(&schema)).bind(begins_with(begun)).fetch().await
}

/// Database instances.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn instances(ctx: &Context, begun: &str) -> Result<Vec<Candidate>> {
    let schema = ctx.config().get("database.cms_schema").await?;
    let schema = schema.unwrap_or_else(|| "toygres_cms".to_owned());
    ctx.db().query(completion::instances(&schema)).bind(begins_with(begun)).fetch().await
}

async fn duroxide(ctx: &Context) -> Result<String> {
    let schema = ctx.config().get("database.duroxide_schema").await?;
    Ok(schema.unwrap_or_else(|| "toygres_duroxide".to_owned()))
}
