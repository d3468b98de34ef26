//! The settings that the comparison depends on.

use toygres_model::kubectl::Kubectl;
use toygres_plugin_api::protocol::{Config, KubeTarget, Source};
use toygres_plugin_api::{Context, Error, Result};

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
    /// How `kubectl` is aimed at the cluster that is compared.
    pub(crate) kubectl: Kubectl,
    /// Whether that is the stand-in of `toygres local`.
    pub(crate) is_local: bool,
}

impl Settings {
    /// Reads them.
    ///
    /// # Errors
    /// When the configuration file cannot be read.
    pub(crate) async fn read(ctx: &Context) -> Result<Self> {
        let config = ctx.config().all().await?;
        let text = |key: &str| config.text(key);
        let image = text("kubernetes.image").unwrap_or_else(|| IMAGE.to_owned());
        let lease = text("server.lease_ms").map_or(Ok(LEASE_MS), |text| lease(&text))?;
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
            settle_ms: lease.saturating_mul(2),
            ignore: text("drift.ignore"),
            kubectl: kubectl(&config),
            is_local: ctx.kube_target().await.is_ok_and(|target| is_local(&target)),
        })
    }
}

/// The context of the kubeconfig that `toygres local up` writes.
const LOCAL_CONTEXT: &str = "toygres-local";

fn is_local(target: &KubeTarget) -> bool {
    target.context.as_deref() == Some(LOCAL_CONTEXT)
}

/// A lease in milliseconds. The server takes none below a second; to compare, none is fine too.
fn lease(text: &str) -> Result<i64> {
    text.parse().ok().filter(|ms| (0..=86_400_000).contains(ms)).ok_or_else(|| {
        Error::usage(format!("invalid setting `server.lease_ms`: `{text}`")).hint(
            "give a whole number from 0 to 86400000; see where it is set with `toygres server \
             config`",
        )
    })
}

/// What `kubectl` has to be told: a shell's own `KUBECONFIG` and the usual place it finds itself.
fn kubectl(config: &Config) -> Kubectl {
    let known = [Source::Default, Source::Environment];
    let told = |key: &str, known: &[Source]| {
        config.text_unless(key, known).filter(|text| !text.is_empty())
    };
    Kubectl {
        kubeconfig: told("kubernetes.kubeconfig", &known),
        context: told("kubernetes.context", &known[..1]),
    }
}

/// A schema's name as an identifier.
pub(crate) fn quoted(schema: &str) -> String {
    format!("\"{}\"", schema.replace('"', "\"\""))
}
