//! Requests to a control plane.

use crate::{Error, Result};
use serde_json::Value;
use std::time::Duration;
use ureq::Agent;

/// The port of a process, and its token.
#[derive(Debug, Clone)]
pub struct Api {
    url: String,
    token: String,
    agent: Agent,
}

/// What a request was answered with.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, where it is JSON; else its text.
    pub body: Value,
}

impl Api {
    pub(super) fn new(url: String, token: String) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build();
        Self { url, token, agent: config.into() }
    }

    /// Asks.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn get(&self, path: &str) -> Result<Answer> {
        let request = self.agent.get(self.at(path)).header("Authorization", self.bearer());
        answer(request.call())
    }

    /// Sends a document.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        let request = self.agent.post(self.at(path)).header("Authorization", self.bearer());
        answer(request.send_json(body))
    }

    /// Deletes.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn delete(&self, path: &str) -> Result<Answer> {
        let request = self.agent.delete(self.at(path)).header("Authorization", self.bearer());
        answer(request.call())
    }

    /// Asks for an instance and answers it; one of the version that stands behind the Services of the
    /// tests, unless it is to be another.
    ///
    /// # Panics
    /// When it is refused: a test could not go on.
    #[track_caller]
    pub fn create(&self, wanted: &Value) -> Value {
        let mut wanted = wanted.clone();
        if wanted.get("version").is_none() {
            wanted["version"] = crate::postgres::major().into();
        }
        let answer = self.post("/api/instances", &wanted).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(answer.status, 202, "{answer:#?}");
        answer.body
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }
}

fn answer(sent: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Answer> {
    let mut response = sent.map_err(Error::from)?;
    let status = response.status().as_u16();
    let text = response.body_mut().read_to_string()?;
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Ok(Answer { status, body })
}
