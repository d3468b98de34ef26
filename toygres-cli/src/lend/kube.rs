//! Kubernetes, forwarded: a plugin's requests go out over the host's connection, if they only read.

mod body;
mod client;
mod filter;
pub(crate) mod kubeconfig;
mod target;

use super::chain;
use super::grants::Grants;
use crate::https::proxies::ProxyRules;
use crate::settings::{Home, Settings};
use crate::trusted::{self, DistrustReason};
use body::Pieces;
use http::Request;
use kube::client::Body as KubeBody;
use kube::config::Kubeconfig;
use kube::{Client, Config};
use kubeconfig::KubeconfigSource;
use std::sync::Arc;
use std::time::Duration;
use target::ClusterTarget;
use tokio::sync::OnceCell;
use toygres_plugin_api::abi::{Bytes, HttpRequest, HttpResponse, body_object, header_entry};
use toygres_plugin_api::protocol::{KubeTarget, Source};
use toygres_plugin_api::{Error, Result};

/// Until a response begins; its body may go on (a watch).
const DEADLINE: Duration = Duration::from_secs(30);
/// The setting that names the kubeconfig.
const KUBECONFIG_KEY: &str = "kubernetes.kubeconfig";

/// Kubernetes as it is lent to one run; no kubeconfig is read before it is asked for.
pub struct Kube {
    settings: Arc<Settings>,
    grants: Grants,
    connected: OnceCell<(Client, KubeTarget)>,
}

impl std::fmt::Debug for Kube {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kube").finish_non_exhaustive()
    }
}

impl Kube {
    /// The cluster of the settings; requests without this run's own confirmation can only read.
    #[must_use]
    pub fn new(settings: Arc<Settings>, grants: Grants) -> Self {
        Self { settings, grants, connected: OnceCell::new() }
    }

    /// Which cluster it is: nothing secret.
    ///
    /// # Errors
    /// When none is configured.
    pub async fn target(&self) -> Result<KubeTarget> {
        Ok(self.connected().await?.1.clone())
    }

    /// Forwards one request.
    pub async fn send(&self, mut request: HttpRequest) -> HttpResponse {
        let allowed = match filter::take_confirmed(&mut request) {
            Some(confirmed) => {
                self.grants.check(&confirmed).map(drop).map_err(|error| error.message)
            }
            None => filter::reads(&request),
        };
        if let Err(rule) = allowed {
            return forbidden(&rule);
        }
        match self.forward(request).await {
            Ok(response) => response,
            Err(error) => no_response(&error),
        }
    }

    async fn forward(&self, request: HttpRequest) -> Result<HttpResponse> {
        let (client, target) = self.connected().await?;
        let goes_on = body::goes_on(request.uri.as_str());
        let mut forwarded =
            Request::builder().method(request.method.as_str()).uri(request.uri.as_str());
        for entry in &request.headers {
            forwarded = forwarded.header(entry.0.as_str(), entry.1.as_slice());
        }
        let forwarded =
            forwarded.body(KubeBody::from(request.body.into_vec())).map_err(|error| {
                Error::plugin("the request to Kubernetes is malformed").cause(error)
            })?;
        let answered = tokio::time::timeout(DEADLINE, client.send(forwarded)).await;
        let answered = answered.map_err(|_| unreachable(target, "no answer in time"))?;
        let response = answered.map_err(|error| unreachable(target, &chain(&error)))?;
        let (parts, body) = response.into_parts();
        let headers =
            parts.headers.iter().map(|(name, value)| header_entry(name.as_str(), value.as_bytes()));
        Ok(HttpResponse {
            status: parts.status.as_u16(),
            headers: headers.collect(),
            body: body_object(Pieces::new(body, goes_on)),
        })
    }

    async fn connected(&self) -> Result<&(Client, KubeTarget)> {
        self.connected.get_or_try_init(|| self.connect()).await
    }

    /// The kubeconfig. The one that nobody named lies in the folder of `HOME`, which may be another
    /// user's (`sudo -E`): its programs and addresses are not for us then.
    fn kubeconfig(&self) -> Result<KubeconfigSource> {
        let (path, source) = self.settings.path(KUBECONFIG_KEY)?;
        let named_by = self.settings.describe_source(KUBECONFIG_KEY, source);
        let path = path.unwrap_or_default();
        match source {
            Source::Environment => return Ok(KubeconfigSource::list(named_by, path.as_os_str())),
            Source::Default => {}
            _ => return Ok(KubeconfigSource::file(named_by, path, true)),
        }
        let owners = self.settings.environment_of().home().map(Home::owners).cloned();
        match trusted::open_file(&path, &owners.unwrap_or_default()) {
            Err(distrust) if matches!(distrust.reason, DistrustReason::ForeignOwner(_)) => {
                Err(Error::usage(format!("refused to use the kubeconfig {}", path.display()))
                    .cause(distrust)
                    .hint("name the kubeconfig that is meant with `KUBECONFIG` or `--kubeconfig`"))
            }
            _ => Ok(KubeconfigSource::file(path.display().to_string(), path, false)),
        }
    }

    async fn connect(&self) -> Result<(Client, KubeTarget)> {
        let context = self.settings.get("kubernetes.context")?.0;
        let context = context.filter(|name| !name.is_empty());
        let source = self.kubeconfig()?;
        let kubeconfig = source.read()?;
        let target = match target::resolve(&source, &kubeconfig, context.as_deref())? {
            Some(target) => target,
            // As for kubectl: a pod's own cluster, where no kubeconfig says which.
            None => match Config::incluster() {
                Ok(config) => ClusterTarget::in_cluster(config),
                Err(_) => return Err(not_configured(&source, &kubeconfig)),
            },
        };
        let (namespace, named) = self.settings.get("kubernetes.namespace")?;
        let namespace = match named {
            Source::Default => namespace.unwrap_or_default(),
            _ => namespace.unwrap_or(target.config.default_namespace.clone()),
        };
        let server = target.config.cluster_url.to_string();
        let proxies = ProxyRules::for_kubernetes(self.settings.environment_of())?;
        let made = tokio::task::spawn_blocking(move || client::make_client(target, proxies)).await;
        let made = made.map_err(|error| Error::failed("no client of Kubernetes").cause(error))?;
        let client = made.map_err(|cause| {
            Error::unavailable(format!("no client can be made for Kubernetes at {server}"))
                .cause(cause)
                .retryable(false)
                .hint(format!(
                    "check the user and cluster of the kubeconfig from {}",
                    source.named_by
                ))
        })?;
        Ok((client, KubeTarget { server, context, namespace }))
    }
}

/// Nothing says which cluster is meant.
fn not_configured(source: &KubeconfigSource, kubeconfig: &Kubeconfig) -> Error {
    let files = source.describe_files();
    let error = if kubeconfig.contexts.is_empty() {
        let exists = source.files.iter().any(|file| file.exists());
        let cause = match (files.is_empty(), exists) {
            (true, _) => format!("{} names no file", source.named_by),
            (false, true) => format!("{files} (from {}) has no context", source.named_by),
            (false, false) if files == source.named_by => format!("there is no {files}"),
            (false, false) => format!("there is no {files} (from {})", source.named_by),
        };
        Error::unavailable("no Kubernetes cluster is configured")
            .cause(cause)
            .hint("set `KUBECONFIG` or give `--kubeconfig`; see `kubectl config view`")
    } else {
        Error::unavailable(format!(
            "no context is selected in the kubeconfig from {}",
            source.named_by
        ))
        .cause(format!("there is no `current-context` in {files}"))
        .hint("select one: kubectl config use-context NAME; or set `TOYGRES_KUBE_CONTEXT`")
    };
    error.retryable(false)
}

fn unreachable(target: &KubeTarget, cause: &str) -> Error {
    Error::unavailable(format!("Kubernetes at {} cannot be reached", target.server))
        .cause(cause)
        .hint("check it with: kubectl get --raw /readyz")
}

/// What a plugin gets where there was no response.
#[must_use]
pub fn no_response(error: &Error) -> HttpResponse {
    let body = serde_json::to_vec(error).unwrap_or_default();
    HttpResponse { status: 0, headers: Bytes::new(), body: body_object(whole(body)) }
}

/// A refusal in Kubernetes' own form, so that typed clients show it.
fn forbidden(rule: &str) -> HttpResponse {
    let status = serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": rule, "reason": "Forbidden", "code": 403,
    });
    let headers = std::iter::once(header_entry("content-type", b"application/json")).collect();
    HttpResponse { status: 403, headers, body: body_object(whole(status.to_string().into_bytes())) }
}

fn whole(bytes: Vec<u8>) -> Pieces {
    Pieces::new(KubeBody::from(bytes), false)
}
