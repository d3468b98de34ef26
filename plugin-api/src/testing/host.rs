//! A context in process, for an author's own tests.
//!
//! ```
//! use serde_json::json;
//! use toygres_plugin_api::testing::TestHost;
//! # use toygres_plugin_api::{Context, Report, Result};
//! # async fn stale_backups(ctx: &Context) -> Result<Report> {
//! #     let rows: Vec<serde_json::Value> = ctx.db().query("SELECT * FROM backups").fetch().await?;
//! #     Ok(Report::list(rows))
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let host = TestHost::new().rows("FROM backups", json!([{"instance": "proddb"}]));
//! let report = stale_backups(&host.context()).await.unwrap();
//! assert_eq!(report.data[0]["instance"], "proddb");
//! # }
//! ```

use crate::abi::{Body, Host, HttpRequest, HttpResponse, body_object, host_object};
use crate::batch::RowBatch;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::protocol::{
    ApiRequest, ApiResponse, Config, Confirm, Confirmed, DbQuery, DbTarget, KubeTarget, Method,
    Output, Reply, Setting, WorkflowRef, WorkflowStatus,
};
use crate::report::{Note, StreamColumn, StreamKind, StreamRef};
use abi_stable::std_types::{ROption, RResult, RString, RVec};
use async_ffi::{FfiFuture, FutureExt};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A host that answers what a test says, and remembers what a command did.
///
/// What the test does not say is answered as an unconfigured host would: an error of kind
/// `unavailable`.
#[derive(Debug, Clone, Default)]
pub struct TestHost {
    shared: Arc<Mutex<State>>,
    output: Output,
}

#[derive(Debug, Default)]
struct State {
    answers: Vec<(String, Result<Value>)>,
    workflows: HashMap<String, WorkflowStatus>,
    settings: Vec<Setting>,
    kube: HashMap<String, (u16, Value)>,
    api: HashMap<(String, String), (u16, Value)>,
    requests: Vec<ApiRequest>,
    declines: bool,
    queries: Vec<DbQuery>,
    cancelled: Vec<String>,
    notes: Vec<Note>,
    streams: HashMap<u64, RowBatch>,
}

const TOKEN: &str = "confirmed-by-the-test";

impl TestHost {
    /// A host that has nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Statements that contain `part` give `rows`, an array of objects with the same keys.
    #[must_use]
    pub fn rows(self, part: &str, rows: Value) -> Self {
        self.state().answers.push((part.to_owned(), Ok(rows)));
        self
    }

    /// Statements that contain `part` fail.
    #[must_use]
    pub fn fails(self, part: &str, error: Error) -> Self {
        self.state().answers.push((part.to_owned(), Err(error)));
        self
    }

    /// duroxide says this of a workflow.
    #[must_use]
    pub fn workflow(self, instance: &str, status: WorkflowStatus) -> Self {
        self.state().workflows.insert(instance.to_owned(), status);
        self
    }

    /// A setting has this value.
    #[must_use]
    pub fn setting(self, key: &str, value: impl Into<Value>) -> Self {
        let setting = Setting { key: key.to_owned(), value: value.into(), ..Setting::default() };
        self.state().settings.push(setting);
        self
    }

    /// Kubernetes answers a `GET` of this path and query so.
    #[must_use]
    pub fn kube(self, path: &str, status: u16, body: Value) -> Self {
        self.state().kube.insert(path.to_owned(), (status, body));
        self
    }

    /// The API of the control plane answers this method and path so.
    #[must_use]
    pub fn api(self, method: &str, path: &str, status: u16, body: Value) -> Self {
        self.state().api.insert((method.to_owned(), path.to_owned()), (status, body));
        self
    }

    /// The operator declines whatever is asked.
    #[must_use]
    pub fn declines(self) -> Self {
        self.state().declines = true;
        self
    }

    /// The context to hand to a command.
    #[must_use]
    pub fn context(&self) -> Context {
        Context::new(host_object(self.clone()), self.output.clone())
    }

    /// The statements that were sent, in order.
    #[must_use]
    pub fn queries(&self) -> Vec<DbQuery> {
        self.state().queries.clone()
    }

    /// The requests that were sent to the API, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<ApiRequest> {
        self.state().requests.clone()
    }

    /// The workflows that were cancelled, in order.
    #[must_use]
    pub fn cancelled_workflows(&self) -> Vec<String> {
        self.state().cancelled.clone()
    }

    /// The remarks that were made, in order.
    #[must_use]
    pub fn notes(&self) -> Vec<Note> {
        self.state().notes.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, method: Method, payload: &[u8]) -> Result<Value> {
        match method {
            Method::DbQuery => self.query(serde_json::from_slice(payload)?),
            Method::DbTarget => Ok(serde_json::to_value(DbTarget::default())?),
            Method::DbBegin => Ok(serde_json::json!({"session": 0})),
            Method::WorkflowStatus => {
                let of: WorkflowRef = serde_json::from_slice(payload)?;
                let known = self.state().workflows.get(&of.instance).cloned();
                Ok(serde_json::to_value(known.unwrap_or(WorkflowStatus::NotFound))?)
            }
            Method::WorkflowCancel => {
                let cancel: crate::protocol::WorkflowCancel = serde_json::from_slice(payload)?;
                if cancel.confirmed.token != TOKEN {
                    return Err(Error::refused("this was not confirmed"));
                }
                self.state().cancelled.push(cancel.instance);
                Ok(Value::Null)
            }
            Method::Confirm => self.confirm(&serde_json::from_slice(payload)?),
            Method::Note => {
                self.state().notes.push(serde_json::from_slice(payload)?);
                Ok(Value::Null)
            }
            Method::Config => {
                let settings = self.state().settings.clone();
                Ok(serde_json::to_value(Config { settings, ..Config::default() })?)
            }
            Method::Reveal => {
                let reveal: crate::protocol::Reveal = serde_json::from_slice(payload)?;
                let state = self.state();
                let found = state.settings.iter().find(|setting| setting.key == reveal.key);
                Ok(found.map(|setting| setting.value.clone()).unwrap_or_default())
            }
            Method::Api => self.request(serde_json::from_slice(payload)?),
            Method::KubeTarget => Ok(serde_json::to_value(KubeTarget {
                namespace: "toygres".to_owned(),
                ..KubeTarget::default()
            })?),
            Method::Environment => Ok(Value::Array(Vec::new())),
            Method::DbEnd
            | Method::StreamClose
            | Method::Progress
            | Method::Show
            | Method::Append => Ok(Value::Null),
            Method::DbExecute
            | Method::WorkflowHistory
            | Method::StreamOpen
            | Method::RunCommand
            | Method::Commands => {
                Err(Error::unavailable(format!("the test host does not do {method:?}")))
            }
        }
    }

    fn query(&self, query: DbQuery) -> Result<Value> {
        let mut state = self.state();
        let answer = state.answers.iter().find(|(part, _)| query.sql.contains(part));
        let answer = answer.map(|(_, answer)| answer.clone());
        state.queries.push(query);
        let rows = answer.ok_or_else(|| {
            Error::unavailable("the test gives no rows for this statement")
                .hint("say them with `TestHost::rows`")
        })??;
        let id = state.queries.len() as u64;
        let (columns, batch) = batch_of(&rows);
        state.streams.insert(id, batch);
        Ok(serde_json::to_value(StreamRef { id, columns, limit: None })?)
    }

    fn request(&self, request: ApiRequest) -> Result<Value> {
        let token = request.confirmed.as_ref().map(|confirmed| confirmed.token.as_str());
        if request.method != "GET" && token != Some(TOKEN) {
            return Err(Error::refused("this was not confirmed"));
        }
        let mut state = self.state();
        let answer = state.api.get(&(request.method.clone(), request.path.clone())).cloned();
        state.requests.push(request);
        let (status, body) = answer.ok_or_else(|| {
            Error::unavailable("the test gives no answer of the API to this request")
                .hint("say it with `TestHost::api`")
        })?;
        Ok(serde_json::to_value(ApiResponse { status, body })?)
    }

    fn confirm(&self, _question: &Confirm) -> Result<Value> {
        if self.state().declines {
            return Err(Error::refused("the operator declined"));
        }
        Ok(serde_json::to_value(Confirmed { token: TOKEN.to_owned() })?)
    }
}

/// Rows of objects as the host would send them.
fn batch_of(rows: &Value) -> (Vec<StreamColumn>, RowBatch) {
    let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
    let first = rows.first().and_then(Value::as_object);
    let columns: Vec<StreamColumn> = first
        .into_iter()
        .flatten()
        .map(|(name, value)| StreamColumn {
            name: name.clone(),
            type_name: String::new(),
            kind: match value {
                Value::Bool(_) => StreamKind::Bool,
                Value::Number(number) if number.is_f64() => StreamKind::Number,
                Value::Number(_) => StreamKind::Integer,
                Value::Array(_) | Value::Object(_) => StreamKind::Json,
                Value::Null | Value::String(_) => StreamKind::Text,
            },
        })
        .collect();
    let mut batch = RowBatch::new(columns.len());
    for row in rows {
        for column in &columns {
            match row.get(&column.name) {
                None | Some(Value::Null) => batch.push(None),
                Some(Value::String(text)) => batch.push(Some(text.as_bytes())),
                Some(other) => batch.push(Some(other.to_string().as_bytes())),
            }
        }
    }
    batch.finish();
    (columns, batch)
}

impl Host for TestHost {
    fn call(&self, method: u32, payload: RVec<u8>) -> FfiFuture<RVec<u8>> {
        let result = match Method::from_number(method) {
            Some(method) => self.answer(method, &payload),
            None => Err(Error::plugin(format!("unimplemented: method {method}"))),
        };
        let reply = serde_json::to_vec(&Reply::from(result)).unwrap_or_default();
        std::future::ready(reply.into()).into_ffi()
    }

    fn kube(&self, request: HttpRequest) -> FfiFuture<HttpResponse> {
        let known = self.state().kube.get(request.uri.as_str()).cloned();
        let (status, body) = known.unwrap_or_else(|| {
            let message = format!("the test has no {}", request.uri);
            (
                404,
                serde_json::json!({"kind": "Status", "status": "Failure", "code": 404,
                "reason": "NotFound", "message": message}),
            )
        });
        let body = body_object(Once(Mutex::new(Some(body.to_string().into_bytes()))));
        std::future::ready(HttpResponse { status, headers: RVec::new(), body }).into_ffi()
    }

    fn next_rows(&self, stream: u64) -> FfiFuture<RowBatch> {
        let batch = self.state().streams.remove(&stream).unwrap_or_else(|| {
            RowBatch::failed(&Error::plugin(format!("there is no stream {stream}")))
        });
        std::future::ready(batch).into_ffi()
    }

    fn emit_rows(&self, _stream: u64, _batch: RowBatch) -> FfiFuture<bool> {
        std::future::ready(false).into_ffi()
    }

    fn cancelled(&self) -> FfiFuture<()> {
        std::future::pending().into_ffi()
    }
}

/// A body in one piece.
struct Once(Mutex<Option<Vec<u8>>>);

impl Body for Once {
    fn next(&self) -> FfiFuture<ROption<RResult<RVec<u8>, RString>>> {
        let piece = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let piece = piece.map(|bytes| RResult::ROk(bytes.into())).into();
        std::future::ready(piece).into_ffi()
    }
}
