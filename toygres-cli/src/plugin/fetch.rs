//! Fetches a library and its signature by URL: so many bytes and so long at most, and never from
//! https on to http.

use super::examine::LARGEST;
use crate::https;
use crate::lend::chain;
use crate::settings::Environment;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use std::time::Duration;
use toygres_plugin_api::{Error, Result};
use url::Url;

type HttpClient = https::HttpClient<Empty<Bytes>>;

const CONNECT: Duration = Duration::from_secs(10);
/// For everything, from the name's resolution to the last byte.
const WHOLE: Duration = Duration::from_secs(300);
const REDIRECTS: usize = 5;
/// A signature has four short lines.
pub(super) const LARGEST_SIGNATURE: u64 = 16 * 1024;

/// A URL as it may be shown and written down: without user, password and query, where tokens are.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let _has_no_host = url.set_username("").and_then(|()| url.set_password(None));
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

/// A library, and what there is of its signature.
type Both = (Vec<u8>, Result<Option<Vec<u8>>>);

/// The library, and the signature where the server has one. A server may give out the one and not
/// tell of the other: that is an error only for who wants a signature.
///
/// # Errors
/// When nobody answers in time, there is no such file, or it is too large.
pub(super) fn both(library: &Url, signature: &Url, environment: &Environment) -> Result<Both> {
    let runtime = crate::runner::runtime()?;
    let fetched = runtime.block_on(async {
        let whole = async {
            let client = HttpClient::for_downloads(environment, CONNECT)?;
            let bytes = fetch(&client, library, LARGEST).await?.ok_or_else(|| {
                Error::not_found(format!("there is nothing at {}", shown(library)))
                    .hint("check the URL; it names one library file")
            })?;
            Ok((bytes, fetch(&client, signature, LARGEST_SIGNATURE).await))
        };
        tokio::time::timeout(WHOLE, whole).await.unwrap_or_else(|_| {
            Err(Error::timed_out(format!("{} did not come", shown(library)))
                .cause(format!("no end within {} s", WHOLE.as_secs())))
        })
    });
    runtime.shutdown_background();
    fetched
}

/// The bytes of one URL; `None` where there is nothing.
async fn fetch(client: &HttpClient, url: &Url, largest: u64) -> Result<Option<Vec<u8>>> {
    let mut at = url.clone();
    for _ in 0..=REDIRECTS {
        let response = get(client, &at).await?;
        match response.status() {
            StatusCode::OK => return body(&at, response, largest).await.map(Some),
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(None),
            status if status.is_redirection() => at = next(&at, &response)?,
            status => {
                return Err(Error::unavailable(format!("{} is not given out", shown(&at)))
                    .cause(format!("the server answered {status}"))
                    .retryable(status.is_server_error()));
            }
        }
    }
    Err(Error::unavailable(format!("{} leads from one URL to the next", shown(url)))
        .cause(format!("more than {REDIRECTS} redirects")))
}

async fn get(client: &HttpClient, url: &Url) -> Result<Response<Incoming>> {
    let mut plain = url.clone();
    plain.set_fragment(None);
    let _has_no_host = plain.set_username("").and_then(|()| plain.set_password(None));
    let mut request = Request::get(plain.as_str())
        .header("user-agent", concat!("toygres/", env!("CARGO_PKG_VERSION")));
    if let Some(basic) = credentials(url) {
        request = request.header("authorization", basic);
    }
    let request = request
        .body(Empty::new())
        .map_err(|error| Error::usage("the URL cannot be asked for").cause(error))?;
    client.request(request).await.map_err(|error| {
        Error::unavailable(format!("{} cannot be reached", shown(url))).cause(chain(&error))
    })
}

/// User and password of the URL, for the server that it names.
fn credentials(url: &Url) -> Option<String> {
    use crate::settings::percent_decoded;
    use base64::Engine as _;
    let password = url.password().unwrap_or_default();
    let pair = format!("{}:{}", percent_decoded(url.username()), percent_decoded(password));
    let encoded = base64::engine::general_purpose::STANDARD.encode(&pair);
    (pair != ":").then(|| format!("Basic {encoded}"))
}

/// Where a redirect leads.
fn next(at: &Url, response: &Response<Incoming>) -> Result<Url> {
    let location = response.headers().get("location").and_then(|value| value.to_str().ok());
    let next = location.and_then(|location| at.join(location).ok());
    let next = next.ok_or_else(|| {
        Error::unavailable(format!("{} leads to no URL that can be read", shown(at)))
    })?;
    match (at.scheme(), next.scheme()) {
        (_, "https") | ("http", "http") => Ok(next),
        (_, "http") => Err(away(at, &next, "leads away from https")),
        _ => Err(away(at, &next, "leads to a URL that is neither https nor http")),
    }
}

fn away(at: &Url, next: &Url, what: &str) -> Error {
    Error::unavailable(format!("{} {what}", shown(at)))
        .cause(format!("it redirects to {}", shown(next)))
        .hint("give the URL of the file itself")
        .retryable(false)
}

async fn body(url: &Url, response: Response<Incoming>, largest: u64) -> Result<Vec<u8>> {
    let limit = usize::try_from(largest).unwrap_or(usize::MAX);
    let body = Limited::new(response.into_body(), limit).collect().await;
    let body = body.map_err(|error| {
        let broken = Error::unavailable(format!("{} broke off", shown(url)));
        match error.downcast_ref::<http_body_util::LengthLimitError>() {
            Some(_) => broken.cause(format!("it is larger than {largest} bytes")).retryable(false),
            None => broken.cause(error),
        }
    })?;
    Ok(body.to_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::{credentials, shown};
    use url::Url;

    #[test]
    fn what_may_be_secret_in_a_url_is_sent_and_not_shown() {
        let url = Url::parse("https://me:p%40ss@a.example/x.so?sig=secret#there").unwrap();
        assert_eq!(shown(&url), "https://a.example/x.so");
        assert_eq!(credentials(&url).as_deref(), Some("Basic bWU6cEBzcw=="));
        assert_eq!(credentials(&Url::parse("https://a.example/").unwrap()), None);
    }
}
