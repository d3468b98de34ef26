//! From a kubeconfig to one cluster and its user, with the checks of `kubectl`.

use super::kubeconfig::KubeconfigSource;
use crate::https::proxies::Proxy;
use crate::lend::{chain, named_file};
use base64::Engine as _;
use http::Uri;
use kube::Config;
use kube::config::{AuthInfo, Cluster, ExecInteractiveMode, Kubeconfig};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use toygres_plugin_api::Result;

/// What a client is made of.
pub(super) struct ClusterTarget {
    pub(super) config: Config,
    /// A file with the bearer token, which goes before the token of `config`.
    pub(super) token_file: Option<PathBuf>,
    /// The proxy that the kubeconfig names, for every request.
    pub(super) proxy: Option<Proxy>,
}

impl ClusterTarget {
    /// The cluster that this process runs in, with the token of its service account.
    pub(super) fn in_cluster(mut config: Config) -> Self {
        let token_file = config.auth_info.token_file.take().map(PathBuf::from);
        Self { config, token_file, proxy: None }
    }
}

/// Reads one user and cluster out of a kubeconfig; `None` where it selects no context.
///
/// # Errors
/// What is missing, cannot be read, or contradicts itself.
pub(super) fn resolve(
    source: &KubeconfigSource,
    kubeconfig: &Kubeconfig,
    context: Option<&str>,
) -> Result<Option<ClusterTarget>> {
    let Some(name) = context.or(kubeconfig.current_context.as_deref()) else { return Ok(None) };
    let named = kubeconfig.contexts.iter().find(|named| named.name == name);
    let Some(context) = named.and_then(|named| named.context.clone()) else {
        let files = source.describe_files();
        return Err(source
            .invalid(format!("there is no context `{name}` in {files}"))
            .hint("list the contexts that there are: kubectl config get-contexts"));
    };
    let named = kubeconfig.clusters.iter().find(|named| named.name == context.cluster);
    let Some(cluster) = named.and_then(|named| named.cluster.clone()) else {
        let cause = format!("the context `{name}` names the cluster `{}`", context.cluster);
        return Err(source.invalid(format!("{cause}, which is in none of the files")));
    };
    let user = context.user.as_deref().unwrap_or_default();
    let named = kubeconfig.auth_infos.iter().find(|named| named.name == user);
    // Nobody in particular is a user too, as for kubectl.
    let user = named.and_then(|named| named.auth_info.clone()).unwrap_or_default();
    let reading = Reading { source, cluster, user };
    let target = reading.target(context.namespace.filter(|namespace| !namespace.is_empty()))?;
    Ok(Some(target))
}

struct Reading<'a> {
    source: &'a KubeconfigSource,
    cluster: Cluster,
    user: AuthInfo,
}

impl Reading<'_> {
    fn target(mut self, namespace: Option<String>) -> Result<ClusterTarget> {
        self.check_user()?;
        let mut config = Config::new(self.server()?);
        if config.cluster_url.scheme_str() == Some("http") {
            // As kubectl has it: nothing secret goes over a connection that anybody can read.
            let user = std::mem::take(&mut self.user);
            self.user = AuthInfo {
                impersonate: user.impersonate,
                impersonate_uid: user.impersonate_uid,
                impersonate_groups: user.impersonate_groups,
                impersonate_user_extra: user.impersonate_user_extra,
                ..AuthInfo::default()
            };
        }
        self.check_files()?;
        config.default_namespace = namespace.unwrap_or_else(|| "default".to_owned());
        config.accept_invalid_certs = self.cluster.insecure_skip_tls_verify.unwrap_or(false);
        config.root_cert = self.root_certificates(config.accept_invalid_certs)?;
        config.tls_server_name =
            self.cluster.tls_server_name.take().filter(|name| !name.is_empty());
        let proxy_url = self.cluster.proxy_url.take().filter(|url| !url.is_empty());
        let proxy = proxy_url.map(|url| self.proxy(&url)).transpose()?;
        let token_file = self.user.token_file.take().filter(|path| !path.is_empty());
        config.auth_info = self.user;
        Ok(ClusterTarget { config, token_file: token_file.map(PathBuf::from), proxy })
    }

    /// The server's URL; without a scheme it is http.
    fn server(&self) -> Result<Uri> {
        let server = self.cluster.server.as_deref().unwrap_or_default().trim_end_matches('/');
        if server.is_empty() {
            return Err(self.source.invalid("its cluster has no `server`".to_owned()));
        }
        let uri = match server.contains("://") {
            true => server.to_owned(),
            false => format!("http://{server}"),
        };
        let uri: Uri = uri
            .parse()
            .map_err(|error| self.source.invalid(format!("invalid URL `{server}`: {error}")))?;
        match uri.scheme_str() {
            Some("http" | "https") => Ok(uri),
            _ => Err(self.source.invalid(format!("unsupported URL `{server}`"))),
        }
    }

    /// The files that are read as a whole: none of them may be without an end.
    fn check_files(&self) -> Result<()> {
        let files = [
            ("certificate-authority", &self.cluster.certificate_authority),
            ("client-certificate", &self.user.client_certificate),
            ("client-key", &self.user.client_key),
            ("tokenFile", &self.user.token_file),
        ];
        for (key, path) in files {
            let Some(path) = path.as_deref().filter(|path| !path.is_empty()) else { continue };
            let found = Path::new(path).metadata().map(drop);
            found.and_then(|()| named_file::check_size(Path::new(path))).map_err(|error| {
                self.source.invalid(format!("cannot read {path}, its `{key}`: {error}"))
            })?;
        }
        Ok(())
    }

    /// One way to say who one is, as a whole.
    fn check_user(&mut self) -> Result<()> {
        let user = &mut self.user;
        // What is empty is not set.
        for text in [
            &mut user.username,
            &mut user.client_certificate,
            &mut user.client_certificate_data,
            &mut user.client_key,
            &mut user.impersonate,
        ] {
            *text = text.take().filter(|text| !text.is_empty());
        }
        let certificate =
            user.client_certificate.is_some() as u8 + user.client_certificate_data.is_some() as u8;
        let key = user.client_key.is_some() as u8 + user.client_key_data.is_some() as u8;
        let basic = user.username.is_some() || user.password.is_some();
        let problem = if basic && user.token.is_some() {
            "its user has a token and a password: only one of them is allowed"
        } else if certificate > 1 || certificate == 1 && key > 1 {
            "its user has a certificate or key both as a file and as data"
        } else if certificate == 1 && key == 0 {
            "its user has a client certificate without its key"
        } else if user.impersonate.is_none() && impersonates_more(user) {
            "its user acts for groups or attributes of nobody: `as` is missing"
        } else if let Some(problem) = user.exec.as_mut().and_then(prepare_exec) {
            problem
        } else {
            if certificate == 0 {
                (user.client_key, user.client_key_data) = (None, None);
            }
            return self.inform_exec();
        };
        Err(self.source.invalid(problem.to_owned()))
    }

    /// An exec program may want to know the cluster.
    fn inform_exec(&mut self) -> Result<()> {
        if let Some(exec) = self.user.exec.as_mut().filter(|exec| exec.provide_cluster_info) {
            let informed = (&self.cluster).try_into();
            exec.cluster = Some(informed.map_err(|error| self.source.invalid(chain(&error)))?);
        }
        Ok(())
    }

    fn root_certificates(&self, insecure: bool) -> Result<Option<Vec<Vec<u8>>>> {
        let of = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let pem = match (
            of(&self.cluster.certificate_authority_data),
            of(&self.cluster.certificate_authority),
        ) {
            (None, None) => return Ok(None),
            _ if insecure => {
                let cause = "its cluster has a certificate authority and is not to be verified";
                return Err(self.source.invalid(cause.to_owned()));
            }
            (Some(_), Some(_)) => {
                let cause = "its cluster has a certificate authority both as a file and as data";
                return Err(self.source.invalid(cause.to_owned()));
            }
            (Some(data), None) => {
                let data: String = data.split_whitespace().collect();
                let decoded = base64::engine::general_purpose::STANDARD.decode(data);
                decoded.map_err(|error| {
                    self.source.invalid(format!("invalid `certificate-authority-data`: {error}"))
                })?
            }
            (None, Some(path)) => std::fs::read(&path)
                .map_err(|error| self.source.invalid(format!("cannot read {path}: {error}")))?,
        };
        use rustls::pki_types::pem::PemObject as _;
        let certificates = rustls::pki_types::CertificateDer::pem_slice_iter(&pem);
        let certificates: Vec<Vec<u8>> = certificates
            .map(|certificate| certificate.map(|certificate| certificate.to_vec()))
            .collect::<std::result::Result<_, _>>()
            .map_err(|error| {
                self.source.invalid(format!("invalid certificate authority: {error}"))
            })?;
        if certificates.is_empty() {
            let cause = "its certificate authority holds no certificate";
            return Err(self.source.invalid(cause.to_owned()));
        }
        Ok(Some(certificates))
    }

    fn proxy(&self, url: &str) -> Result<Proxy> {
        // kubectl wants the scheme here.
        if !url.contains("://") {
            let cause = "without a scheme: supported are http, https and socks5";
            return Err(self.source.invalid(format!("invalid `proxy-url` `{url}`: {cause}")));
        }
        Proxy::parse(url, &format!("`proxy-url` of the kubeconfig from {}", self.source.named_by))
            .map_err(|error| error.retryable(false))
    }
}

/// Whether somebody's groups, number or attributes are asked for.
fn impersonates_more(user: &AuthInfo) -> bool {
    user.impersonate_uid.is_some()
        || user.impersonate_groups.as_ref().is_some_and(|groups| !groups.is_empty())
        || user.impersonate_user_extra.as_ref().is_some_and(|extra| !extra.is_empty())
}

/// Checks an exec program, and lets it ask only where somebody can answer.
fn prepare_exec(exec: &mut kube::config::ExecConfig) -> Option<&'static str> {
    if exec.command.as_deref().unwrap_or_default().is_empty() {
        return Some("its `exec` has no `command`");
    }
    match exec.api_version.as_deref() {
        Some("client.authentication.k8s.io/v1") if exec.interactive_mode.is_none() => {
            return Some("its `exec` has no `interactiveMode`");
        }
        Some("client.authentication.k8s.io/v1" | "client.authentication.k8s.io/v1beta1") => {}
        Some(_) => return Some("its `exec` has an unsupported `apiVersion`"),
        None => return Some("its `exec` has no `apiVersion`"),
    }
    if !std::io::stdin().is_terminal() {
        match exec.interactive_mode {
            Some(ExecInteractiveMode::Always) => {
                return Some("its `exec` asks questions, and standard input is not a terminal");
            }
            _ => exec.interactive_mode = Some(ExecInteractiveMode::Never),
        }
    }
    None
}
