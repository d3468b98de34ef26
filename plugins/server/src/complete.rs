//! Ids and names that a shell offers.

use toygres_model::completion::{self, begins_with};
use toygres_plugin_api::{Candidate, Context, Result};

/// Orchestrations, the latest first.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn orchestrations(ctx: &Context, begun: &str) -> Result<Vec<Candidate>> {
    let schema = ctx.config().get("database.duroxide_schema").await?;
    let schema = schema.unwrap_or_else(|| "toygres_duroxide".to_owned());
    ctx.db().query(completion::orchestrations(&schema)).bind(begins_with(begun)).fetch().await
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
