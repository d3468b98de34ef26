//! What every request passes before anything looks at it.

use super::activity::Activity;
use super::connections::Pool;
use super::fault::Fault;
use super::{Api, shown};
use axum::extract::{MatchedPath, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use toygres_plugin_api::{Error, ErrorKind};

/// The address of this machine that a request came in on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Local(pub(crate) SocketAddr);

/// The connection that a request came in on.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(super) activity: Arc<Activity>,
    pub(super) pool: Pool,
}

/// The hosts that this API answers to.
///
/// A page in somebody's browser can make its own name point at this machine; what it sends then
/// carries that name. An address cannot be made to point elsewhere.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hosts {
    configured: Vec<Host>,
}

/// A host without its port.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    Address(IpAddr),
    /// In lower case, without the dot that ends a full name.
    Name(String),
}

impl Host {
    /// Reads a host as people write it: brackets, a final dot and case do not matter.
    fn parse(text: &str) -> Self {
        let text = text.trim().trim_end_matches('.');
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        match bare.parse::<IpAddr>() {
            Ok(address) => Self::Address(address.to_canonical()),
            Err(_) => Self::Name(text.to_ascii_lowercase()),
        }
    }

    /// The same where a port may follow.
    fn parse_with_port(text: &str) -> Self {
        let whole = Self::parse(text);
        match (whole, text.rsplit_once(':')) {
            (Self::Name(_), Some((host, port))) if port.parse::<u16>().is_ok() => Self::parse(host),
            (whole, _) => whole,
        }
    }
}

impl Hosts {
    /// Answers to these names and addresses too, with or without a port.
    pub(crate) fn new(names: &[String]) -> Self {
        Self { configured: names.iter().map(|name| Host::parse_with_port(name)).collect() }
    }

    fn know(&self, authority: &Authority, local: Option<IpAddr>) -> bool {
        let host = Host::parse(authority.host());
        if self.configured.contains(&host) {
            return true;
        }
        match host {
            Host::Address(address) => address.is_loopback() || Some(address) == local,
            Host::Name(name) => name == "localhost",
        }
    }
}

/// Lets a request through: the name it was sent to, the token, the deadline; and counts it.
pub(super) async fn pass(State(api): State<Api>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let path = shown(request.uri().path());
    let mut response = match admit(&api, &request, route.is_some()) {
        Err(fault) => fault.into_response(),
        // What a command says comes line by line, for as long as it has something to say.
        Ok(()) if request.uri().path() == "/api/server/run" => next.run(request).await,
        Ok(()) => match tokio::time::timeout(api.0.deadline, next.run(request)).await {
            Ok(response) => response,
            Err(_) => too_late(&api).into_response(),
        },
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let (status, took) = (response.status(), began.elapsed());
    let route = route.as_ref().map_or("other", MatchedPath::as_str);
    api.0.requests.count(&method, route, status, took);
    let took_ms = (took.as_secs_f64() * 10_000.0).round() / 10.0;
    if method.is_safe() {
        tracing::debug!(%method, path, status = status.as_u16(), took_ms, "request served");
    } else {
        tracing::info!(%method, path, status = status.as_u16(), took_ms, "request served");
    }
    response
}

fn admit(api: &Api, request: &Request, known: bool) -> Result<(), Fault> {
    let path = request.uri().path();
    // Probes come by any name, and learn nothing but whether the server works.
    if matches!(path, "/healthz" | "/readyz") {
        return Ok(());
    }
    check_host(&api.0.hosts, request)?;
    let peer = request.extensions().get::<Peer>();
    if peer.is_some_and(|peer| peer.pool == Pool::Probes) {
        return Err(no_room());
    }
    if !(known || path.starts_with("/api")) {
        return Ok(());
    }
    let mut given = request.headers().get_all(header::AUTHORIZATION).iter();
    let token = given.next().and_then(|value| bearer(value.as_bytes()));
    match token {
        Some(token) if given.next().is_none() && api.0.token.is(token) => {
            peer.into_iter().for_each(|peer| peer.activity.set_authorized());
            Ok(())
        }
        Some(_) => Err(unauthorized("the token is not the API's")),
        None => Err(unauthorized("the request brings no token")),
    }
}

/// All connections serve somebody; this one has its place for probes only.
fn no_room() -> Fault {
    let error = Error::unavailable("all connections of the server are in use")
        .hint("try again in a moment; how many there may be is the setting `server.connections`");
    Fault::new(StatusCode::SERVICE_UNAVAILABLE, error).retry_after(NO_ROOM_RETRY_AFTER)
}

/// When whoever found no room may ask again.
const NO_ROOM_RETRY_AFTER: Duration = Duration::from_secs(2);

/// What stands behind `Bearer`, whose case does not matter.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

fn unauthorized(message: &str) -> Fault {
    let error = Error::unavailable(message).retryable(false).hint(
        "send it in the header `Authorization`, in the scheme `Bearer`; it is what \
         `TOYGRES_API_TOKEN` says, or the file `api-token` of the server's home folder",
    );
    Fault::new(StatusCode::UNAUTHORIZED, error)
}

fn check_host(hosts: &Hosts, request: &Request) -> Result<(), Fault> {
    let missing = || {
        Fault::bad(
            Error::usage("the request does not say which host it is for")
                .hint("send one `Host` header"),
        )
    };
    let local = request.extensions().get::<Local>().map(|local| local.0.ip().to_canonical());
    let mut given = request.headers().get_all(header::HOST).iter();
    let header = match (given.next(), given.next()) {
        (Some(header), None) => header.to_str().ok(),
        (None, _) => None,
        _ => return Err(missing()),
    };
    let header = header.and_then(|host| host.parse::<Authority>().ok()).ok_or_else(missing)?;
    let in_line = request.uri().authority();
    for authority in [Some(&header), in_line].into_iter().flatten() {
        if !hosts.know(authority, local) {
            let message = format!("this is not the host `{}`", shown(authority.host()));
            let error = Error::new(ErrorKind::Refused, message)
                .hint("names that lead here are set with `TOYGRES_HOSTS`");
            return Err(Fault::new(StatusCode::MISDIRECTED_REQUEST, error));
        }
    }
    Ok(())
}

fn too_late(api: &Api) -> Fault {
    let seconds = api.0.deadline.as_secs_f32();
    let error = Error::timed_out(format!("the request was not done within {seconds} s"))
        .hint("what it changes may still be done; look before you try again");
    Fault::from(error)
}

#[cfg(test)]
mod tests {
    use super::{Hosts, bearer};

    #[test]
    fn only_hosts_that_lead_here_are_known() {
        let names = [
            "api.example.com",
            "Full.Example.org.",
            "port.example.net:8443",
            "203.0.113.7",
            "198.51.100.9:8080",
            "[2001:db8::7]",
            "2001:DB8::8",
            "[2001:db8::9]:443",
        ];
        let hosts = Hosts::new(&names.map(str::to_owned));
        let local = Some("10.1.2.3".parse().unwrap());
        for (host, known) in [
            ("localhost", true),
            ("LOCALHOST.:8080", true),
            ("127.0.0.1:8080", true),
            ("127.8.8.8", true),
            ("[::1]:8080", true),
            ("10.1.2.3:8080", true),
            ("10.1.2.4", false),
            ("api.example.com:443", true),
            ("API.example.com.", true),
            ("full.example.org", true),
            ("port.example.net", true),
            ("203.0.113.7", true),
            ("203.0.113.7:8080", true),
            ("203.0.113.8", false),
            ("198.51.100.9:9090", true),
            ("[2001:db8::7]:8080", true),
            ("[2001:DB8:0::7]", true),
            ("[2001:db8::8]", true),
            ("[2001:db8::9]", true),
            ("[2001:db8::a]", false),
            ("[::ffff:203.0.113.7]", true),
            ("evil.example.com", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("0.0.0.0", false),
        ] {
            assert_eq!(hosts.know(&host.parse().unwrap(), local), known, "{host}");
        }
    }

    #[test]
    fn a_token_stands_behind_its_scheme() {
        assert_eq!(bearer(b"Bearer abc"), Some(b"abc".as_slice()));
        assert_eq!(bearer(b"bearer  abc "), Some(b"abc".as_slice()));
        assert_eq!(bearer(b"Basic abc"), None);
        assert_eq!(bearer(b"Bear"), None);
    }
}
