//! The API of the control plane, lent by the host: it knows the address and the token.

use super::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::{ApiRequest, ApiResponse, Confirmed, Method};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

/// The API of the control plane.
#[derive(Debug, Clone)]
pub struct Api {
    context: Context,
    timeout: Option<Duration>,
}

impl Api {
    pub(super) fn new(context: Context) -> Self {
        Self { context, timeout: None }
    }

    /// Gives each request this long instead of the host's own deadline.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// `GET` of a path and query such as `/api/instances?all=true`.
    ///
    /// # Errors
    /// `unavailable` when nobody answers. What the API itself refuses is an answer: see
    /// [`ApiResponse::ok`].
    pub async fn get(&self, path: &str) -> Result<ApiResponse> {
        self.send("GET", path, None, None).await
    }

    /// `POST` of a JSON body.
    ///
    /// # Errors
    /// As for [`Self::get`], and `refused` when nobody confirmed.
    pub async fn post<T>(&self, path: &str, body: &T, confirmed: &Confirmed) -> Result<ApiResponse>
    where
        T: Serialize + ?Sized,
    {
        self.send("POST", path, Some(serde_json::to_value(body)?), Some(confirmed.clone())).await
    }

    /// `DELETE` of a path.
    ///
    /// # Errors
    /// As for [`Self::post`].
    pub async fn delete(&self, path: &str, confirmed: &Confirmed) -> Result<ApiResponse> {
        self.send("DELETE", path, None, Some(confirmed.clone())).await
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        confirmed: Option<Confirmed>,
    ) -> Result<ApiResponse> {
        let timeout = self.timeout.map(|timeout| timeout.as_millis());
        let request = ApiRequest {
            method: method.to_owned(),
            path: path.to_owned(),
            body,
            confirmed,
            timeout_ms: timeout.map(|timeout| timeout.try_into().unwrap_or(u64::MAX)),
        };
        self.context.call(Method::Api, &request).await
    }
}

impl ApiResponse {
    /// The body where the API did what was asked, else its error with kind, hint and causes.
    ///
    /// # Errors
    /// What the API refused, or a body that is not what was expected.
    pub fn ok<T: DeserializeOwned>(self) -> Result<T> {
        if (200..300).contains(&self.status) {
            return serde_json::from_value(self.body).map_err(|error| {
                Error::failed("the answer of the API could not be read")
                    .cause(error)
                    .hint("the server may be of another version; see `toygres server status`")
            });
        }
        Err(self.error())
    }

    /// The error that the API answered, or one made of the status.
    fn error(self) -> Error {
        if let Ok(error) = serde_json::from_value::<Error>(self.body.clone()) {
            return error;
        }
        let kind = match self.status {
            400 | 405 | 413 | 415 | 422 => ErrorKind::Usage,
            401 | 403 | 421 | 429 | 502 | 503 => ErrorKind::Unavailable,
            404 | 410 => ErrorKind::NotFound,
            408 | 504 => ErrorKind::TimedOut,
            _ => ErrorKind::Failed,
        };
        let error = Error::new(kind, format!("the API answered with HTTP status {}", self.status));
        match self.body {
            Value::String(text) if !text.is_empty() => error.cause(text),
            _ => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ApiResponse, ErrorKind};
    use serde_json::{Value, json};

    fn answered(status: u16, body: Value) -> ApiResponse {
        ApiResponse { status, body }
    }

    #[test]
    fn what_the_api_refuses_is_an_error_of_its_kind() {
        let body = json!({"code": 9, "kind": "failed", "message": "taken", "hint": "h",
            "retryable": false, "causes": ["c"]});
        let error = answered(409, body).ok::<Value>().unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Failed, "taken"));
        assert_eq!((error.hint.as_deref(), error.causes.len()), (Some("h"), 1));
        for (status, kind) in [
            (401, ErrorKind::Unavailable),
            (404, ErrorKind::NotFound),
            (422, ErrorKind::Usage),
            (500, ErrorKind::Failed),
            (504, ErrorKind::TimedOut),
        ] {
            let error = answered(status, json!("from a proxy")).ok::<Value>().unwrap_err();
            assert_eq!((error.kind, error.causes), (kind, vec!["from a proxy".to_owned()]));
        }
        assert_eq!(answered(202, json!({"a": 1})).ok::<Value>(), Ok(json!({"a": 1})));
        assert!(answered(200, json!("text")).ok::<Vec<u8>>().is_err());
    }
}
