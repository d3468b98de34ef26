//! What the checks judge, asked for once each and only when a check wants it.
//!
//! Every question has a deadline of its own, on the server too, so that one that hangs holds
//! nobody else and is not left running.

pub(crate) mod api;
pub(crate) mod cluster;
pub(crate) mod contributed;
pub(crate) mod database;
pub(crate) mod instances;
mod quickest;
pub(crate) mod schema;

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, Shared};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use toygres_model::kubectl::Kubectl;
use toygres_plugin_api::protocol::{Config, Source};
use toygres_plugin_api::{Context, Error, Result};

/// How long a question may take: less than a check, so that its own error is told.
pub(crate) const QUESTION: Duration = Duration::from_millis(3000);

/// How long a command of another plugin may take.
const CONTRIBUTION: Duration = Duration::from_millis(2800);

/// An answer that several checks wait for.
pub(crate) type Lazy<T> = Shared<LocalBoxFuture<'static, Result<Arc<T>>>>;

/// Everything that can be asked.
pub(crate) struct Sources {
    pub(crate) settings: Settings,
    pub(crate) api: api::Answers,
    pub(crate) server: Lazy<database::Server>,
    pub(crate) schemas: Lazy<schema::Schemas>,
    pub(crate) tables: Lazy<Vec<database::Table>>,
    pub(crate) activity: Lazy<database::Activity>,
    pub(crate) queues: Lazy<database::Queues>,
    pub(crate) executions: Lazy<database::Executions>,
    pub(crate) beats: Lazy<Option<Vec<database::Beat>>>,
    pub(crate) passwords: Lazy<i64>,
    pub(crate) instances: Lazy<Vec<instances::Instance>>,
    /// The same, asked for once something looked wrong.
    pub(crate) instances_again: Lazy<Vec<instances::Instance>>,
    pub(crate) cluster: cluster::Answers,
    pub(crate) contributed: Lazy<Vec<contributed::Contribution>>,
}

/// The settings that checks speak of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) api_url: String,
    pub(crate) cms: String,
    pub(crate) duroxide: String,
    pub(crate) cluster: Option<String>,
    pub(crate) storage_class: Option<String>,
    pub(crate) network_policy: bool,
    pub(crate) monitor_interval_ms: i64,
    pub(crate) ready_interval_ms: i64,
    /// How `kubectl` is aimed at the cluster that is looked at.
    pub(crate) kubectl: Kubectl,
}

impl Settings {
    /// Reads them.
    ///
    /// # Errors
    /// When the configuration file cannot be read.
    pub(crate) async fn read(ctx: &Context) -> Result<Self> {
        let config = ctx.config().all().await?;
        let get = |key: &str| config.text(key);
        let or = |key: &str, default: &str| get(key).unwrap_or_else(|| default.to_owned());
        let ms = |key: &str| get(key).and_then(|text| text.parse().ok()).unwrap_or(30_000);
        Ok(Self {
            api_url: or("api.url", "http://localhost:8080"),
            cms: or("database.cms_schema", "toygres_cms"),
            duroxide: or("database.duroxide_schema", "toygres_duroxide"),
            cluster: get("kubernetes.cluster"),
            storage_class: get("kubernetes.storage_class"),
            network_policy: get("kubernetes.network_policy").is_some_and(|text| text == "true"),
            monitor_interval_ms: ms("server.monitor_interval_ms"),
            ready_interval_ms: ms("server.ready_interval_ms"),
            kubectl: kubectl(&config),
        })
    }
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

impl Sources {
    /// Nothing is asked yet.
    pub(crate) fn new(ctx: &Context, settings: Settings) -> Self {
        let schemas = lazy(schema::look(ctx.clone(), settings.clone()));
        let db = database::Asking::new(ctx.clone(), settings.clone(), schemas.clone());
        Self {
            api: api::Answers::new(ctx),
            server: lazy(database::server(ctx.clone())),
            tables: lazy(database::tables(db.clone())),
            activity: lazy(database::activity(db.clone())),
            queues: lazy(database::queues(db.clone())),
            executions: lazy(database::executions(db.clone())),
            beats: lazy(database::beats(db.clone())),
            passwords: lazy(database::passwords(db.clone())),
            instances: lazy(instances::instances(db.clone())),
            instances_again: lazy(instances::instances(db)),
            cluster: cluster::Answers::new(ctx),
            contributed: contributed::contributed(Rc::new(ctx.clone()), CONTRIBUTION),
            schemas,
            settings,
        }
    }
}

/// A question that is asked when the first one waits for its answer.
pub(crate) fn lazy<T: 'static>(asking: impl Future<Output = Result<T>> + 'static) -> Lazy<T> {
    let limited = async move {
        let answer = tokio::time::timeout(QUESTION, asking).await;
        answer.unwrap_or_else(|_| Err(late())).map(Arc::new)
    };
    limited.boxed_local().shared()
}

fn late() -> Error {
    Error::timed_out(format!("no answer within {} s", QUESTION.as_secs()))
}
