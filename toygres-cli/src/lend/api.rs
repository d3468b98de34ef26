//! The API of the control plane: the host knows where it is and has its token.

use super::clock::RecordClock;
use super::grants::Grants;
use crate::https;
use crate::settings::{MAX_MILLISECONDS, Settings, is_loopback};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use toygres_plugin_api::protocol::{ApiRequest, ApiResponse};
use toygres_plugin_api::{Error, Result};
use url::Url;

type HttpClient = https::HttpClient<Full<bytes::Bytes>>;

/// What the clock of the control plane's database showed: a header of answers that tell records.
const CLOCK: &str = "toygres-clock";
/// The largest answer that is held.
const LARGEST: usize = 32 * 1024 * 1024;
const CONNECT: Duration = Duration::from_secs(5);

/// The API as it is lent to one run; nothing is connected before it is asked for.
pub struct Api {
    settings: Arc<Settings>,
    grants: Grants,
    client: OnceCell<HttpClient>,
    clock: RecordClock,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").finish_non_exhaustive()
    }
}

impl Api {
    /// The API of the settings.
    #[must_use]
    pub fn new(settings: Arc<Settings>, grants: Grants) -> Self {
        Self { settings, grants, client: OnceCell::new(), clock: RecordClock::default() }
    }

    /// The clock of the control plane's database, as far as an answer told it.
    pub(crate) fn clock(&self) -> &RecordClock {
        &self.clock
    }

    /// Sends one request and answers whatever the API answers.
    ///
    /// # Errors
    /// When the method writes and nobody confirmed, nobody answers, or not in time.
    pub async fn send(&self, asked: ApiRequest) -> Result<ApiResponse> {
        if asked.method != "GET" {
            let confirmed = asked.confirmed.as_ref().ok_or_else(|| {
                Error::refused("the plugin tried to change something that nobody confirmed")
            })?;
            self.grants.check(confirmed)?;
        }
        let base = self.base()?;
        let deadline = match asked.timeout_ms {
            Some(ms) => Duration::from_millis(ms),
            None => self.deadline()?,
        };
        let whole = async {
            let response = self.begin(&base, &asked).await?;
            let shown = response.headers().get(CLOCK).and_then(|shown| shown.to_str().ok());
            if let Some(shown) = shown.and_then(|shown| shown.parse().ok()) {
                self.clock.set(shown);
            }
            collected(response).await.map_err(|cause| unreachable(&base, cause))
        };
        tokio::time::timeout(deadline, whole).await.unwrap_or_else(|_| Err(late(&base, deadline)))
    }

    /// Sends one request and answers the body as it comes, where the API does what was asked.
    ///
    /// # Errors
    /// What the API refuses, or when nobody answers in time.
    pub(crate) async fn open(&self, asked: &ApiRequest) -> Result<Incoming> {
        let (base, deadline) = (self.base()?, self.deadline()?);
        let begun = tokio::time::timeout(deadline, self.begin(&base, asked)).await;
        let response = begun.unwrap_or_else(|_| Err(late(&base, deadline)))?;
        if response.status().is_success() {
            return Ok(response.into_body());
        }
        let collecting = tokio::time::timeout(deadline, collected(response)).await;
        let refused = collecting.unwrap_or_else(|_| Err(no_answer(deadline)));
        let refused = refused.map_err(|cause| unreachable(&base, cause))?;
        match refused.ok::<Value>() {
            Err(error) => Err(error),
            Ok(_) => Err(unreadable("it neither did what was asked nor refused")),
        }
    }

    async fn begin(&self, base: &Url, asked: &ApiRequest) -> Result<Response<Incoming>> {
        let token = self.settings.api_token(base)?;
        let request = self.request(base, asked, token.sent.as_deref())?;
        let environment = self.settings.environment_of();
        let client = self
            .client
            .get_or_try_init(|| async { HttpClient::for_downloads(environment, CONNECT) })
            .await?;
        let response = client.request(request).await;
        let response = response.map_err(|error| unreachable(base, super::chain(&error)))?;
        match token.withheld {
            // It wants one, and there is one that was not for it.
            Some(why) if response.status() == StatusCode::UNAUTHORIZED => Err(why),
            _ => Ok(response),
        }
    }

    fn base(&self) -> Result<Url> {
        let (url, _) = self.settings.get("api.url")?;
        let url = url.unwrap_or_default();
        let parsed = Url::parse(&url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        parsed.ok_or_else(|| {
            Error::usage("the API's URL cannot be read").hint("give it as `https://HOST:PORT`")
        })
    }

    fn deadline(&self) -> Result<Duration> {
        let ms = self.settings.number("api.timeout_ms", 1..=MAX_MILLISECONDS)?;
        Ok(Duration::from_millis(ms))
    }

    fn request(
        &self,
        base: &Url,
        asked: &ApiRequest,
        token: Option<&str>,
    ) -> Result<Request<Full<bytes::Bytes>>> {
        let url = format!("{}{}", base.as_str().trim_end_matches('/'), asked.path);
        let mut request = Request::builder()
            .method(asked.method.as_str())
            .uri(url)
            .header("accept", "application/json")
            .header("user-agent", concat!("toygres/", env!("CARGO_PKG_VERSION")));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = match &asked.body {
            None => Vec::new(),
            Some(body) => {
                request = request.header("content-type", "application/json");
                serde_json::to_vec(body)?
            }
        };
        request.body(Full::new(body.into())).map_err(|error| {
            Error::usage("the request to the API is malformed")
                .cause(error)
                .hint("check `api.url` and `api.token` with `toygres server config`")
        })
    }
}

/// The whole answer; the error is for people.
async fn collected(response: Response<Incoming>) -> std::result::Result<ApiResponse, String> {
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), LARGEST).collect().await;
    let body = body.map_err(|error| match error.is::<LengthLimitError>() {
        true => format!("its answer is larger than {} MiB", LARGEST >> 20),
        false => error.to_string(),
    });
    let body = body?.to_bytes();
    let body = serde_json::from_slice(&body)
        .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&body).into_owned()));
    Ok(ApiResponse { status, body })
}

fn late(base: &Url, deadline: Duration) -> Error {
    unreachable(base, no_answer(deadline))
}

fn no_answer(deadline: Duration) -> String {
    format!("no answer within {} ms", deadline.as_millis())
}

/// An answer that makes no sense.
pub(crate) fn unreadable(cause: impl std::fmt::Display) -> Error {
    Error::unavailable("the answer of the API server cannot be read")
        .cause(cause)
        .hint("is it a toygres server? see `api.url` with `toygres server config`")
}

fn unreachable(base: &Url, cause: String) -> Error {
    // A URL may hold a password; its address is enough to look for it.
    let address = base[url::Position::BeforeHost..url::Position::AfterPort].to_owned();
    let local = is_loopback(base);
    let hint = if local {
        "start it with `toygres server start`, or see `toygres server status`"
    } else {
        "check `api.url` with `toygres server config`"
    };
    Error::unavailable(format!("the API server at {address} cannot be reached"))
        .cause(cause)
        .hint(hint)
}
