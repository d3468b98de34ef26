//! Which proxy a request goes through: the environment's, by the rules of `kubectl` and `curl`.
//!
//! Each variable is read in both cases, the upper one first. What is on this machine (`localhost`
//! and loopback addresses) is always reached directly. `kubectl` does not read `ALL_PROXY`, so
//! neither do requests to Kubernetes.

mod exceptions;

use crate::settings::{Environment, percent_decoded};
use base64::Engine as _;
use exceptions::NoProxy;
use http::{HeaderValue, Uri};
use toygres_plugin_api::{Error, Result};
use url::Url;

/// How a proxy is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProxyKind {
    /// HTTP, over TCP or over TLS: tunnels for https, whole URLs for http.
    Http,
    /// SOCKS 5; the proxy resolves names.
    Socks5,
}

/// One proxy.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    /// Scheme, host and port, without credentials.
    pub(crate) uri: Uri,
    pub(crate) kind: ProxyKind,
    credentials: Option<(String, String)>,
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").field("uri", &self.uri).finish_non_exhaustive()
    }
}

impl Proxy {
    /// Reads the URL of a proxy that `source` names; without a scheme it is HTTP.
    ///
    /// # Errors
    /// When it is not the URL of a proxy that can be spoken to.
    pub(crate) fn parse(text: &str, source: &str) -> Result<Self> {
        let invalid = |cause: String| {
            Error::usage(format!("invalid proxy URL in {source}"))
                .cause(cause)
                .hint("give a URL such as `http://HOST:PORT` or `socks5://HOST:PORT`")
        };
        let parsed = Url::parse(text).ok().filter(Url::has_host);
        let url = match parsed {
            Some(url) => url,
            None => {
                Url::parse(&format!("http://{text}")).map_err(|error| invalid(error.to_string()))?
            }
        };
        let (kind, default_port) = match url.scheme() {
            "http" => (ProxyKind::Http, 80),
            "https" => (ProxyKind::Http, 443),
            "socks5" | "socks5h" => (ProxyKind::Socks5, 1080),
            other => {
                let supported = "supported are http, https and socks5";
                return Err(invalid(format!("unsupported scheme `{other}`: {supported}")));
            }
        };
        let host = url.host_str().unwrap_or_default();
        let port = url.port().unwrap_or(default_port);
        let uri = format!("{}://{host}:{port}", url.scheme());
        let uri = uri.parse().map_err(|error: http::uri::InvalidUri| invalid(error.to_string()))?;
        let password = percent_decoded(url.password().unwrap_or_default());
        let user = percent_decoded(url.username());
        let credentials = (!user.is_empty() || !password.is_empty()).then_some((user, password));
        Ok(Self { uri, kind, credentials })
    }

    /// User and password, where the URL has them.
    pub(crate) fn credentials(&self) -> Option<&(String, String)> {
        self.credentials.as_ref()
    }

    /// The header `Proxy-Authorization` for an HTTP proxy.
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        let (user, password) = self.credentials.as_ref()?;
        let pair = format!("{user}:{password}");
        let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
        let mut value = HeaderValue::try_from(format!("Basic {encoded}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// The proxies of the environment. One that cannot be read is an error only for what would go
/// through it.
#[derive(Debug, Clone)]
pub(crate) struct ProxyRules {
    http: Option<Result<Proxy>>,
    https: Option<Result<Proxy>>,
    /// It is for everything, this machine included.
    always: bool,
    no_proxy: NoProxy,
}

impl ProxyRules {
    /// The rules for downloads and for the API.
    ///
    /// # Errors
    /// When a variable is not UTF-8.
    pub(crate) fn for_downloads(environment: &Environment) -> Result<Self> {
        Self::read(environment, &["ALL_PROXY"])
    }

    /// The rules for Kubernetes, which are `kubectl`'s.
    ///
    /// # Errors
    /// When a variable is not UTF-8.
    pub(crate) fn for_kubernetes(environment: &Environment) -> Result<Self> {
        Self::read(environment, &[])
    }

    /// This proxy for every request.
    pub(crate) fn always(proxy: Proxy) -> Self {
        let (http, https) = (Some(Ok(proxy.clone())), Some(Ok(proxy)));
        Self { http, https, always: true, no_proxy: NoProxy::default() }
    }

    fn read(environment: &Environment, fallbacks: &[&'static str]) -> Result<Self> {
        let proxy = |name: &'static str| -> Result<Option<Result<Proxy>>> {
            for name in std::iter::once(&name).chain(fallbacks) {
                if let Some((variable, value)) = either_case(environment, name)? {
                    return Ok(Some(Proxy::parse(&value, &format!("`{variable}`"))));
                }
            }
            Ok(None)
        };
        let no_proxy = either_case(environment, "NO_PROXY")?.map(|(_, value)| value);
        Ok(Self {
            http: proxy("HTTP_PROXY")?,
            https: proxy("HTTPS_PROXY")?,
            always: false,
            no_proxy: NoProxy::parse(&no_proxy.unwrap_or_default()),
        })
    }

    /// The proxy for a request; none where it goes directly.
    ///
    /// # Errors
    /// When the proxy's URL cannot be read.
    pub(crate) fn select(&self, target: &Uri) -> Result<Option<&Proxy>> {
        let https = target.scheme_str() == Some("https");
        let proxy = if https { &self.https } else { &self.http };
        let Some(proxy) = proxy else { return Ok(None) };
        let host = target.host().unwrap_or_default();
        let port = target.port_u16().unwrap_or(if https { 443 } else { 80 });
        if !self.always
            && (exceptions::is_on_this_machine(host) || self.no_proxy.covers(host, port))
        {
            return Ok(None);
        }
        proxy.as_ref().map(Some).map_err(Clone::clone)
    }
}

/// A variable that is spelled in upper or in lower case, and its name.
fn either_case(environment: &Environment, name: &str) -> Result<Option<(String, String)>> {
    for name in [name.to_owned(), name.to_ascii_lowercase()] {
        if let Some((value, _)) = environment.text(&name)? {
            let value = value.trim().to_owned();
            return Ok((!value.is_empty()).then_some((name, value)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::{Proxy, ProxyKind, ProxyRules};
    use crate::settings::Environment;

    fn rules(variables: &[(&str, &str)]) -> (ProxyRules, ProxyRules) {
        let environment = Environment::of(variables);
        let downloads = ProxyRules::for_downloads(&environment).unwrap();
        (downloads, ProxyRules::for_kubernetes(&environment).unwrap())
    }

    fn chosen(rules: &ProxyRules, target: &str) -> String {
        let proxy = rules.select(&target.parse().unwrap()).unwrap();
        proxy.map(|proxy| proxy.uri.to_string()).unwrap_or_default()
    }

    #[test]
    fn the_scheme_and_the_case_of_the_variable_decide() {
        for (variables, target, downloads, kubernetes) in [
            (vec![("HTTPS_PROXY", "http://p:1")], "https://h/", "http://p:1/", "http://p:1/"),
            (vec![("https_proxy", "p:1")], "https://h/", "http://p:1/", "http://p:1/"),
            (vec![("HTTPS_PROXY", "http://p:1")], "http://h/", "", ""),
            (vec![("http_proxy", "http://p")], "http://h/", "http://p:80/", "http://p:80/"),
            (
                vec![("HTTP_PROXY", "http://a"), ("http_proxy", "http://b")],
                "http://h/",
                "http://a:80/",
                "http://a:80/",
            ),
            (vec![("ALL_PROXY", "socks5://p")], "https://h/", "socks5://p:1080/", ""),
            (vec![("all_proxy", "socks5h://p")], "http://h/", "socks5h://p:1080/", ""),
            (vec![("HTTPS_PROXY", "http://p:1")], "https://localhost:6443/", "", ""),
            (vec![("HTTPS_PROXY", "http://p:1")], "https://127.9.9.9/", "", ""),
            (vec![("HTTPS_PROXY", "http://p:1")], "https://[::1]:6443/", "", ""),
            (vec![("HTTPS_PROXY", "https://p"), ("NO_PROXY", "h")], "https://h/", "", ""),
            (
                vec![("HTTPS_PROXY", "https://p"), ("no_proxy", "i")],
                "https://h/",
                "https://p:443/",
                "https://p:443/",
            ),
        ] {
            let (of_downloads, of_kubernetes) = rules(&variables);
            assert_eq!(chosen(&of_downloads, target), downloads, "{variables:?} {target}");
            assert_eq!(chosen(&of_kubernetes, target), kubernetes, "{variables:?} {target}");
        }
    }

    #[test]
    fn an_unreadable_proxy_is_an_error_only_for_what_would_use_it() {
        let (rules, _) = rules(&[("HTTPS_PROXY", "ftp://p")]);
        assert!(rules.select(&"https://127.0.0.1/".parse().unwrap()).unwrap().is_none());
        assert!(rules.select(&"http://h/".parse().unwrap()).unwrap().is_none());
        let error = rules.select(&"https://h/".parse().unwrap()).unwrap_err();
        assert!(error.message.contains("`HTTPS_PROXY`"), "{error:?}");
    }

    #[test]
    fn a_named_proxy_is_used_for_this_machine_too_and_keeps_its_credentials() {
        let proxy = Proxy::parse("http://me:p%40ss@p:3128/x", "`proxy-url`").unwrap();
        assert_eq!(
            (proxy.uri.to_string().as_str(), proxy.kind),
            ("http://p:3128/", ProxyKind::Http)
        );
        assert_eq!(proxy.credentials(), Some(&("me".to_owned(), "p@ss".to_owned())));
        assert_eq!(proxy.authorization().unwrap(), "Basic bWU6cEBzcw==");
        assert!(!format!("{proxy:?}").contains("p@ss"));
        let rules = ProxyRules::always(proxy);
        assert_eq!(chosen(&rules, "https://127.0.0.1/"), "http://p:3128/");
    }
}
