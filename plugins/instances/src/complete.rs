//! Names that a shell offers.

use crate::api;
use crate::instance::Instance;
use toygres_model::completion::{self, begins_with};
use toygres_plugin_api::{Candidate, Context, Result};

/// Databases, the latest first: from the metadata where they can be read, which is quicker, else
/// from the API.
///
/// # Errors
/// When neither answers.
pub(crate) async fn names(ctx: &Context, begun: &str) -> Result<Vec<Candidate>> {
    let schema = ctx.config().get("database.cms_schema").await?;
    let schema = schema.unwrap_or_else(|| "toygres_cms".to_owned());
    let names = completion::instances(&schema);
    match ctx.db().query(names).bind(begins_with(begun)).fetch().await {
        Ok(names) => Ok(names),
        Err(_) => Ok(offered(api::list(ctx, None, None, false).await?, begun)),
    }
}

fn offered(mut known: Vec<Instance>, begun: &str) -> Vec<Candidate> {
    known.retain(|one| one.name.starts_with(begun));
    known.sort_by(|a, b| b.created_at.cmp(&a.created_at));
    let offered =
        |one: Instance| Candidate::new(one.name, format!("{}, {}", one.state, one.k8s_name));
    known.into_iter().map(offered).collect()
}

#[cfg(test)]
mod tests {
    use super::names;
    use serde_json::json;
    use toygres_plugin_api::Candidate;
    use toygres_plugin_api::testing::TestHost;

    /// As on a command line that has a token and no database.
    #[tokio::test]
    async fn names_come_from_the_api_where_there_is_no_database() {
        let instance = |name: &str, created_at: &str| {
            json!({"name": name, "k8s_name": format!("{name}-1"), "state": "running",
                "created_at": created_at})
        };
        let known = [
            instance("prod", "2024-11-17T12:00:00Z"),
            instance("other", "2024-11-17T12:00:00Z"),
            instance("preview", "2024-11-18T12:00:00Z"),
        ];
        let host = TestHost::new().api("GET", "/api/instances", 200, json!(known));
        let offered = names(&host.context(), "pr").await.unwrap();
        assert_eq!(
            offered,
            [
                Candidate::new("preview", "running, preview-1"),
                Candidate::new("prod", "running, prod-1"),
            ]
        );
        assert!(names(&TestHost::new().context(), "").await.is_err());
    }
}
