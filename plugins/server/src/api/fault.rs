//! A refusal: an HTTP status, and the same error that a command would answer.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::LazyLock;
use std::time::Duration;
use toygres_plugin_api::{Error, ErrorKind};
use toygres_redaction::Redactor;

/// Why a request was not done.
#[derive(Debug)]
pub(crate) struct Fault {
    status: StatusCode,
    error: Error,
    /// The methods that the path takes, where it was asked by another one.
    allow: Option<&'static str>,
    more: Option<Box<(&'static str, Value)>>,
    /// When it may be asked again, in seconds.
    retry_after: Option<u16>,
}

impl Fault {
    pub(crate) fn new(status: StatusCode, error: Error) -> Self {
        Self { status, error, allow: None, more: None, retry_after: None }
    }

    /// The same with one more field in its body.
    pub(crate) fn with(mut self, name: &'static str, value: Value) -> Self {
        self.more = Some(Box::new((name, value)));
        self
    }

    /// The path takes other methods: these.
    pub(crate) fn method(error: Error, allow: &'static str) -> Self {
        Self { allow: Some(allow), ..Self::new(StatusCode::METHOD_NOT_ALLOWED, error) }
    }

    /// It may be asked again after this long.
    pub(crate) fn retry_after(self, after: Duration) -> Self {
        let seconds = u16::try_from(after.as_secs()).unwrap_or(u16::MAX);
        Self { retry_after: Some(seconds.max(1)), ..self }
    }

    /// What was sent is wrong.
    pub(crate) fn bad(error: Error) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    /// What is answered. Databases and API servers repeat what they were sent, so it is masked as
    /// the host masks what it prints.
    fn body(&self) -> Value {
        static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| Redactor::new(&[], false));
        let error = REDACTOR.error(self.error.clone());
        let mut body = json!({
            "code": error.kind.exit_code(),
            "kind": error.kind.name(),
            "message": error.message,
            "hint": error.hint,
            "retryable": error.retryable,
            "causes": error.causes,
        });
        if let Some(more) = &self.more {
            let (name, value) = more.as_ref();
            body[*name] = value.clone();
        }
        body
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let status = match error.kind {
            ErrorKind::Usage => StatusCode::BAD_REQUEST,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Refused => StatusCode::FORBIDDEN,
            ErrorKind::Failed => StatusCode::CONFLICT,
            ErrorKind::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            ErrorKind::Unavailable | ErrorKind::NotRunning | ErrorKind::Interrupted => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            ErrorKind::Plugin => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error)
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        if self.status.is_server_error() {
            tracing::warn!(
                status = self.status.as_u16(),
                cause = self.error.causes.join("; "),
                "a request was not done: {}",
                self.error.message
            );
        }
        let mut response = (self.status, Json(self.body())).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
        }
        if let Some(allow) = self.allow {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        if let Some(seconds) = self.retry_after {
            let seconds = HeaderValue::from(seconds);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}
