//! The control plane: instances made, watched over and unmade by durable workflows.
//!
//! What is known is kept in three places, and each has its own folder here: the CMS in PostgreSQL
//! (`cms`), the objects in Kubernetes (`cluster`), and duroxide's records, which `orchestrations`
//! and `activities` leave. A process calls [`ControlPlane`] alone.

mod activities;
mod address;
mod broken;
mod cluster;
mod cms;
mod exhaustion;
mod faults;
mod figures;
mod forget;
mod janitor;
mod operations;
mod orchestrations;
mod order;
mod probe;
mod progress;
mod rollup;
mod settings;
mod unstarted;
mod worker;

pub(crate) use figures::Figures;
pub(crate) use operations::{Filter, Show};
pub(crate) use settings::ControlSettings;
pub(crate) use worker::Worker;

use broken::unavailable;
use cluster::Cluster;
use cms::Cms;
use duroxide::Client;
use duroxide::providers::Provider;
use duroxide_pg::{PostgresProvider, ProviderConfig};
use std::sync::Arc;
use std::time::Duration;
use toygres_connect::{DatabaseTarget, Gateway, SessionOptions, Surroundings, TextSource};
use toygres_plugin_api::{Error, Result};

/// How long [`ControlPlane::parts`] may take.
const READY_WITHIN: Duration = Duration::from_secs(5);

/// How long one address of the database may take, where its connection string does not say.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the workflows' schema may take to be made or brought up to date; the library waits for
/// its lock without a limit of its own.
const WORKFLOWS_TIMEOUT: Duration = Duration::from_secs(30);

/// The advisory lock under which the library brings its schema up to date: FNV-1a of its name.
fn workflows_lock(schema: &str) -> i64 {
    let name = b"duroxide_pg:migrations:".iter().chain(schema.as_bytes());
    let hash = name.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash.cast_signed()
}

/// The control plane of one deployment, as one process sees it.
#[derive(Clone)]
pub(crate) struct ControlPlane {
    inner: Arc<Inner>,
}

struct Inner {
    settings: ControlSettings,
    cms: Cms,
    cluster: Cluster,
    store: Arc<dyn Provider>,
    client: Client,
    notices: Vec<String>,
    /// The way that the connections of both pools take.
    _gateway: Gateway,
}

impl ControlPlane {
    /// Connects, and brings both schemas up to date; safe when several processes do so at once.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached; `Failed` when a schema is ahead of this
    /// release or cannot be taken over.
    pub(crate) async fn connect(settings: ControlSettings, kube: kube::Client) -> Result<Self> {
        settings.check()?;
        let gateway = open_gateway(&settings).await?;
        let cms = Cms::connect(&settings, &gateway).await?;
        let notices = cms::migrate(&cms).await?;
        let mut config = ProviderConfig::url(gateway.url());
        config.schema_name = Some(settings.duroxide_schema.clone());
        let connecting = PostgresProvider::new_with_config(config);
        let connected = tokio::time::timeout(WORKFLOWS_TIMEOUT, connecting).await;
        let provider = match connected {
            Ok(connected) => connected.map_err(|error| {
                unavailable("the workflows' schema cannot be made ready")
                    .cause(format!("{error:#}"))
            })?,
            Err(_) => {
                let seconds = WORKFLOWS_TIMEOUT.as_secs();
                let late = Error::timed_out(format!(
                    "the workflows' schema was not ready within {seconds} s"
                ));
                let key = workflows_lock(&settings.duroxide_schema);
                return Err(cms::naming_key(&cms.pool, key, late.retryable(true)).await);
            }
        };
        let store: Arc<dyn Provider> = Arc::new(provider);
        let client = Client::new(store.clone());
        let cluster = Cluster::new(kube, settings.cluster_network);
        let inner = Inner { settings, cms, cluster, store, client, notices, _gateway: gateway };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What an operator should know about this deployment, found when connecting.
    pub(crate) fn notices(&self) -> &[String] {
        &self.inner.notices
    }

    /// Whether requests can be served: each backend with its own verdict, whether it answers and
    /// allows what is needed; at most five seconds for all of them.
    pub(crate) async fn parts(&self) -> Vec<(&'static str, Result<()>)> {
        let Inner { cms, cluster, settings, .. } = &*self.inner;
        let kubernetes = async { cluster.ping(&settings.namespace).await.map_err(Error::from) };
        let (database, duroxide, kubernetes) = tokio::join!(
            in_time("the database", cms.reached(cms.ping())),
            in_time("the workflows' records", cms.reached(cms.ping_workflows())),
            in_time("Kubernetes", kubernetes),
        );
        vec![("database", database), ("duroxide", duroxide), ("kubernetes", kubernetes)]
    }

    /// What the metrics tell.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be asked.
    pub(crate) async fn figures(&self) -> Result<Figures> {
        figures::read(&self.inner.cms).await
    }
}

/// Where both pools connect: the server that answers now, and the way to it.
async fn open_gateway(settings: &ControlSettings) -> Result<Gateway> {
    // Everything was looked up where the settings were read: nothing of this process's
    // environment may change it.
    let around = Surroundings {
        home: std::env::var_os("HOME").map(Into::into),
        resolved: true,
        ..Surroundings::default()
    };
    let target = DatabaseTarget::resolve(&settings.database_url, TextSource::Program, &around)?;
    let options =
        SessionOptions { application_name: "toygres-server", connect_timeout: CONNECT_TIMEOUT };
    let gateway = Gateway::open(&Arc::new(target), options).await?;
    gateway.check_sessions(options).await?;
    Ok(gateway)
}

async fn in_time(what: &str, asking: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::time::timeout(READY_WITHIN, asking).await.unwrap_or_else(|_| {
        let seconds = READY_WITHIN.as_secs();
        Err(Error::timed_out(format!("{what} did not answer within {seconds} s")))
    })
}
