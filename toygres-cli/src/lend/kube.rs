//! Kubernetes, forwarded: a plugin's requests go out over the host's connection, if they only read.

mod body;
mod filter;

use super::chain;
use super::grants::Grants;
use super::named_file;
use crate::settings::{Home, Settings};
use crate::trusted::{self, DistrustReason};
use body::Pieces;
use http::Request;
use kube::client::Body as KubeBody;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use toygres_plugin_api::abi::{Bytes, HttpRequest, HttpResponse, body_object, header_entry};
use toygres_plugin_api::protocol::KubeTarget;
use toygres_plugin_api::{Error, Result};

/// Until a response begins; its body may go on (a watch).
const DEADLINE: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(5);

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
    fn kubeconfig(&self) -> Result<PathBuf> {
        let (path, source) = self.settings.path("kubernetes.kubeconfig")?;
        let path = path.unwrap_or_default();
        if source != toygres_plugin_api::protocol::Source::Default {
            return Ok(path);
        }
        let owners = self.settings.environment_of().home().map(Home::owners).cloned();
        match trusted::open_file(&path, &owners.unwrap_or_default()) {
            Err(distrust) if matches!(distrust.reason, DistrustReason::ForeignOwner(_)) => {
                Err(Error::usage(format!("refused to use the kubeconfig {}", path.display()))
                    .cause(distrust)
                    .hint("name the kubeconfig that is meant with `KUBECONFIG` or `--kubeconfig`"))
            }
            _ => Ok(path),
        }
    }

    async fn connect(&self) -> Result<(Client, KubeTarget)> {
        let setting = |key: &str| self.settings.get(key).map(|(value, _)| value);
        let missing = |cause: String| {
            Error::unavailable("no Kubernetes cluster is configured")
                .cause(cause)
                .retryable(false)
                .hint("set `KUBECONFIG` or give `--kubeconfig`; see `kubectl config view`")
        };
        let path = self.kubeconfig()?;
        named_file::check_size(&path).map_err(|error| {
            Error::usage(format!("the kubeconfig {} cannot be read", path.display()))
                .cause(error)
                .hint("name another one with `KUBECONFIG` or `--kubeconfig`")
        })?;
        let context = setting("kubernetes.context")?;
        let mut config = match Kubeconfig::read_from(&path) {
            Ok(file) => {
                let options = KubeConfigOptions { context: context.clone(), ..Default::default() };
                Config::from_custom_kubeconfig(file, &options)
                    .await
                    .map_err(|error| missing(chain(&error)))?
            }
            Err(error) => Config::incluster().map_err(|_| missing(chain(&error)))?,
        };
        config.connect_timeout = Some(CONNECT);
        // A watch may be silent for long; the response itself has a deadline.
        config.read_timeout = None;
        let (namespace, source) = self.settings.get("kubernetes.namespace")?;
        let namespace = match source {
            toygres_plugin_api::protocol::Source::Default => namespace.unwrap_or_default(),
            _ => namespace.unwrap_or(config.default_namespace.clone()),
        };
        let server = config.cluster_url.to_string();
        let client = Client::try_from(config).map_err(|error| missing(chain(&error)))?;
        Ok((client, KubeTarget { server, context, namespace }))
    }
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
