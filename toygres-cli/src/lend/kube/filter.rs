//! Which requests only read.

use toygres_plugin_api::Confirmed;
use toygres_plugin_api::abi::HttpRequest;
use toygres_plugin_api::protocol::CONFIRMED_HEADER;

/// Subresources whose `GET` acts: they open a way into a pod or a service.
const ACTING: &[&str] = &["exec", "attach", "portforward", "proxy"];

/// Reviews are posted and change nothing.
const REVIEWS: &[&str] = &["selfsubjectaccessreviews", "selfsubjectrulesreviews"];

/// The confirmation that a request carries; it goes no further than here.
pub(super) fn take_confirmed(request: &mut HttpRequest) -> Option<Confirmed> {
    let place = request.headers.iter().position(|entry| entry.0.as_str() == CONFIRMED_HEADER)?;
    let token = request.headers.remove(place).1;
    Some(Confirmed { token: String::from_utf8_lossy(&token).into_owned() })
}

/// Whether the request only reads.
///
/// # Errors
/// The rule that it breaks.
pub(super) fn reads(request: &HttpRequest) -> Result<(), String> {
    let method = request.method.as_str();
    let path = request.uri.as_str();
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    // A server may take these apart in another way than this filter does.
    if !path.starts_with('/') || path.contains(['%', '\\', ';']) || path.contains("//") {
        return Err(format!("toygres lends Kubernetes by plain paths only, not `{path}`"));
    }
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    if segments.iter().any(|segment| *segment == "." || *segment == "..") {
        return Err(format!("toygres lends Kubernetes by plain paths only, not `{path}`"));
    }
    let upgrades = request.headers.iter().any(|entry| entry.0.eq_ignore_ascii_case("upgrade"));
    if upgrades {
        return Err("toygres lends this command no upgraded connections".to_owned());
    }
    match method {
        "GET" | "HEAD" => {
            match segments
                .iter()
                .skip(1)
                .find(|segment| ACTING.contains(&segment.to_ascii_lowercase().as_str()))
            {
                // An object may have such a name: it stands right behind its kind then.
                Some(acting) if !is_name(&segments, acting) => {
                    Err(format!("toygres lends this command no `{acting}`: it only reads"))
                }
                _ => Ok(()),
            }
        }
        "POST" if segments.last().is_some_and(|last| REVIEWS.contains(last)) => Ok(()),
        _ => Err(format!("toygres lends this command reading only, not {method} {path}")),
    }
}

/// `/api/v1/namespaces/NS/pods/exec`: a pod called `exec`. Counted from the namespace's kind, or
/// from the group's version, names stand at every second place.
fn is_name(segments: &[&str], acting: &str) -> bool {
    let base = match segments.first() {
        Some(&"api") => 2,
        Some(&"apis") => 3,
        _ => return false,
    };
    let rest = segments.get(base..).unwrap_or_default();
    let rest = match rest {
        ["namespaces", _, below @ ..] if !below.is_empty() => below,
        // The old form of watching and proxying: `/api/v1/proxy/namespaces/…`.
        whole => whole,
    };
    rest.len() == 2 && rest[1] == acting && rest[0] != "proxy"
}

#[cfg(test)]
mod tests {
    use super::reads;
    use toygres_plugin_api::abi::{HttpRequest, header_entry};

    fn request(method: &str, uri: &str) -> HttpRequest {
        HttpRequest {
            method: method.into(),
            uri: uri.into(),
            headers: std::iter::empty().collect(),
            body: Vec::new().into(),
        }
    }

    #[test]
    fn reading_passes_and_nothing_else() {
        for (method, uri) in [
            ("GET", "/version"),
            ("GET", "/api/v1/namespaces/n/pods?watch=true&labelSelector=a%3Db"),
            ("GET", "/api/v1/namespaces/n/pods/p/log"),
            ("GET", "/api/v1/namespaces/n/pods/exec"),
            ("GET", "/api/v1/namespaces/proxy"),
            ("HEAD", "/apis/apps/v1/statefulsets"),
            ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
        ] {
            assert_eq!(reads(&request(method, uri)), Ok(()), "{method} {uri}");
        }
        for (method, uri) in [
            ("POST", "/api/v1/namespaces/n/pods"),
            ("DELETE", "/api/v1/namespaces/n/pods/p"),
            ("PATCH", "/api/v1/namespaces/n/pods/p"),
            ("PUT", "/api/v1/namespaces/n/pods/p"),
            ("get", "/version"),
            ("GET", "/api/v1/namespaces/n/pods/p/exec?command=id"),
            ("GET", "/api/v1/namespaces/n/pods/p/EXEC"),
            ("GET", "/api/v1/namespaces/n/pods/p/ex%65c"),
            ("GET", "/api/v1/namespaces/n/pods/p/proxy/a/b"),
            ("GET", "/api/v1/namespaces/n/services/s/proxy"),
            ("GET", "/api/v1/nodes/n/proxy/run"),
            ("GET", "/api/v1/proxy/nodes/n"),
            ("GET", "/api/v1/namespaces/n/pods/p/portforward"),
            ("GET", "/api/v1/namespaces/n//pods/p/../p/exec"),
            ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews/x"),
            ("POST", "/api/v1/namespaces/n/serviceaccounts/s/token"),
            ("GET", "http://elsewhere/version"),
        ] {
            assert!(reads(&request(method, uri)).is_err(), "{method} {uri}");
        }
        let mut upgrade = request("GET", "/version");
        upgrade.headers.push(header_entry("Upgrade", b"websocket"));
        assert!(reads(&upgrade).is_err());
    }
}
