//! The test host's side of the border.

use super::host::TestHost;
use super::state::check;
use crate::abi::{Host, HttpRequest, HttpResponse};
use crate::batch::RowBatch;
use crate::error::{Error, Result};
use crate::protocol::{
    ApiRequest, ApiResponse, Config, DbTarget, KubeTarget, Method, Reply, Reveal, StreamOpen,
    WorkflowCancel, WorkflowRef, WorkflowStatus,
};
use crate::report::StreamRef;
use abi_stable::std_types::RVec;
use async_ffi::{FfiFuture, FutureExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

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
        std::future::ready(self.answer_kube(&request)).into_ffi()
    }

    fn next_rows(&self, stream: u64) -> FfiFuture<RowBatch> {
        std::future::ready(self.next_batch(stream)).into_ffi()
    }

    fn emit_rows(&self, stream: u64, batch: RowBatch) -> FfiFuture<bool> {
        std::future::ready(self.keep_batch(stream, batch)).into_ffi()
    }

    fn cancelled(&self) -> FfiFuture<()> {
        if self.state().interrupted {
            return std::future::ready(()).into_ffi();
        }
        std::future::pending().into_ffi()
    }
}

impl TestHost {
    fn answer(&self, method: Method, payload: &[u8]) -> Result<Value> {
        let mut state = self.state();
        match method {
            Method::DbQuery => {
                let query = read(payload)?;
                drop(state);
                value(self.query(query)?)
            }
            Method::DbBegin => value(super::db::begin(&mut state, &read(payload)?)?),
            Method::DbExecute => value(super::db::execute(&mut state, read(payload)?)?),
            Method::DbEnd => value(super::db::end(&mut state, &read(payload)?)?),
            Method::DbTarget => value(DbTarget::default()),
            Method::WorkflowStatus => {
                let of: WorkflowRef = read(payload)?;
                let known = state.workflows.get(&of.instance).cloned();
                value(known.unwrap_or(WorkflowStatus::NotFound))
            }
            Method::WorkflowHistory => {
                let of: WorkflowRef = read(payload)?;
                let known = state.histories.get(&of.instance).cloned();
                value(known.ok_or_else(|| unsaid("history of this workflow", "history"))?)
            }
            Method::WorkflowCancel => {
                let cancel: WorkflowCancel = read(payload)?;
                check(Some(&cancel.confirmed.token))?;
                state.cancelled.push(cancel.instance);
                Ok(Value::Null)
            }
            Method::KubeTarget => {
                value(KubeTarget { namespace: "toygres".to_owned(), ..KubeTarget::default() })
            }
            Method::Confirm => value(state.confirm(read(payload)?)?),
            Method::Note => kept(&mut state.notes, payload),
            Method::Progress => kept(&mut state.progress, payload),
            Method::Show => kept(&mut state.frames, payload),
            Method::Append => kept(&mut state.appended, payload),
            Method::Config => {
                value(Config { settings: state.settings.clone(), ..Config::default() })
            }
            Method::Reveal => {
                let reveal: Reveal = read(payload)?;
                let found = state.settings.iter().find(|setting| setting.key == reveal.key);
                Ok(found.map(|setting| setting.value.clone()).unwrap_or_default())
            }
            Method::Environment => Ok(Value::Array(Vec::new())),
            Method::Api => {
                let request = read(payload)?;
                drop(state);
                value(self.request(request)?)
            }
            Method::StreamOpen => {
                let open: StreamOpen = read(payload)?;
                let id = state.open(open.columns.clone(), Vec::new());
                value(StreamRef { id, columns: open.columns, limit: None })
            }
            Method::StreamClose => Ok(Value::Null),
            Method::RunCommand => value(super::commands::run(&mut state, read(payload)?)?),
            Method::Commands => value(state.manifests.clone()),
        }
    }

    fn request(&self, request: ApiRequest) -> Result<ApiResponse> {
        if request.method != "GET" {
            check(request.confirmed.as_ref().map(|confirmed| confirmed.token.as_str()))?;
        }
        let mut state = self.state();
        let answer = state.api.get(&(request.method.clone(), request.path.clone())).cloned();
        state.requests.push(request);
        let (status, body) =
            answer.ok_or_else(|| unsaid("answer of the API to this request", "api"))?;
        Ok(ApiResponse { status, body })
    }
}

/// What the test would have to say.
pub(super) fn unsaid(what: &str, method: &str) -> Error {
    Error::unavailable(format!("the test gives no {what}"))
        .hint(format!("say it with `TestHost::{method}`"))
}

fn read<T: DeserializeOwned>(payload: &[u8]) -> Result<T> {
    Ok(serde_json::from_slice(payload)?)
}

fn value<T: Serialize>(answer: T) -> Result<Value> {
    Ok(serde_json::to_value(answer)?)
}

fn kept<T: DeserializeOwned>(all: &mut Vec<T>, payload: &[u8]) -> Result<Value> {
    all.push(read(payload)?);
    Ok(Value::Null)
}
