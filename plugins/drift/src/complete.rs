//! Names that a shell offers.

use toygres_model::completion::{self, begins_with};
use toygres_plugin_api::{Candidate, Context, Result};

/// Database instances that the metadata know.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn instances(ctx: &Context, begun: &str) -> Result<Vec<Candidate>> {
    let schema = ctx.config().get("database.cms_schema").await?;
    let schema = schema.unwrap_or_else(|| "toygres_cms".to_owned());
    ctx.db().query(completion::instances(&schema)).bind(begins_with(begun)).fetch().await
}
