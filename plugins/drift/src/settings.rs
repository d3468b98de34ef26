//! The settings that the comparison depends on.

use toygres_plugin_api::protocol::Config;
use toygres_plugin_api::{Context, Result};

/// The image of deployments that name none.
const IMAGE: &str = "postgres:{version}";
/// The server's leases where nothing is set.
const LEASE_MS: i64 = 30_000;

/// The settings that the comparison depends on.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The schema of the CMS.
    pub(crate) cms: String,
    /// The schema of the workflows' records.
    pub(crate) duroxide: String,
    /// The namespace of new instances; the cluster's own word goes before it.
    pub(crate) namespace: String,
    /// The images that an instance may have; the first is the one that is asked for.
    pub(crate) images: Vec<String>,
    /// How long a change of the CMS is left to the server, as its janitor leaves it.
    pub(crate) settle_ms: i64,
    /// The rules of the configuration, as they are written there.
    pub(crate) ignore: Option<String>,
}

impl Settings {
    /// Reads them.
    ///
    /// # Errors
    /// When the configuration file cannot be read.
    pub(crate) async fn read(ctx: &Context) -> Result<Self> {
        let config = ctx.config().all().await?;
        let text = |key: &str| text(&config, key);
        let image = text("kubernetes.image").unwrap_or_else(|| IMAGE.to_owned());
        let lease = text("server.lease_ms").and_then(|lease| lease.parse().ok());
        let mut images = vec![image];
        // Instances of before the image was configured keep theirs.
        if images[0] != IMAGE {
            images.push(IMAGE.to_owned());
        }
        Ok(Self {
            cms: text("database.cms_schema").unwrap_or_else(|| "toygres_cms".to_owned()),
            duroxide: text("database.duroxide_schema")
                .unwrap_or_else(|| "toygres_duroxide".to_owned()),
            namespace: text("kubernetes.namespace").unwrap_or_else(|| "toygres".to_owned()),
            images,
            settle_ms: lease.unwrap_or(LEASE_MS).saturating_mul(2),
            ignore: text("drift.ignore"),
        })
    }
}

fn text(config: &Config, key: &str) -> Option<String> {
    let setting = config.settings.iter().find(|setting| setting.key == key)?;
    match &setting.value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// A schema's name as an identifier.
pub(crate) fn quoted(schema: &str) -> String {
    format!("\"{}\"", schema.replace('"', "\"\""))
}
