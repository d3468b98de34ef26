//! The host's side of the border: every call of a plugin is served here, on the host's own runtime.

use crate::call::interrupted;
use crate::lend::{Lent, runs};
use async_ffi::{FfiFuture, FutureExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use tokio::runtime::Handle;
use toygres_plugin_api::abi::{Bytes, Host, HttpRequest, HttpResponse};
use toygres_plugin_api::batch::RowBatch;
use toygres_plugin_api::protocol::{ApiRequest, ApiResponse, Method, Reply, StreamOpen};
use toygres_plugin_api::{Error, Report, Result};

/// What a plugin's manifest may name as needed.
pub const ABILITIES: &[&str] = &[
    "db",
    "kube",
    "workflows",
    "ui",
    "config",
    "streams",
    "api",
    "credentials",
    "commands",
    "completions",
];

/// What one run of a command is lent, as the border sees it.
#[derive(Clone)]
pub struct HostSide {
    lent: Arc<Lent>,
    runtime: Handle,
}

impl HostSide {
    /// The border's view of what is lent; calls run on `runtime`.
    #[must_use]
    pub fn new(lent: Arc<Lent>, runtime: Handle) -> Self {
        Self { lent, runtime }
    }

    /// Runs `work` on the host's runtime; the plugin only waits for it. A panic of the host's own
    /// becomes `broken`.
    fn serve<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
        broken: impl FnOnce(Error) -> T + Send + 'static,
    ) -> FfiFuture<T> {
        let task = self.runtime.spawn(work);
        async move {
            match task.await {
                Ok(value) => value,
                Err(error) => broken(Error::plugin("toygres itself broke").cause(error)),
            }
        }
        .into_ffi()
    }
}

impl Host for HostSide {
    fn call(&self, method: u32, payload: Bytes<u8>) -> FfiFuture<Bytes<u8>> {
        let lent = self.lent.clone();
        self.serve(
            async move {
                match Method::from_number(method) {
                    Some(method) => answer(&lent, method, &payload).await,
                    None => unimplemented(method),
                }
            },
            |error| encode(&Reply::<()>::Err(error)),
        )
    }

    fn kube(&self, request: HttpRequest) -> FfiFuture<HttpResponse> {
        let lent = self.lent.clone();
        self.serve(async move { lent.kube.send(request).await }, |error| {
            crate::lend::kube::no_response(&error)
        })
    }

    fn next_rows(&self, stream: u64) -> FfiFuture<RowBatch> {
        let lent = self.lent.clone();
        let work = async move {
            match stream {
                runs::FIRST.. => lent.runs.next(stream).await,
                _ => lent.db.next_rows(stream).await,
            }
        };
        self.serve(work, |error| RowBatch::failed(&error))
    }

    fn emit_rows(&self, stream: u64, batch: RowBatch) -> FfiFuture<bool> {
        let lent = self.lent.clone();
        self.serve(async move { lent.spool.emit(stream, batch) }, |_| false)
    }

    fn cancelled(&self) -> FfiFuture<()> {
        let lent = self.lent.clone();
        self.serve(async move { lent.interrupt.wait().await }, |_| ())
    }
}

async fn answer(lent: &Lent, method: Method, payload: &[u8]) -> Bytes<u8> {
    match method {
        Method::DbQuery => reply(with(payload, |query| lent.db.query(query)).await),
        Method::DbBegin => reply(with(payload, |begin| lent.db.begin(begin)).await),
        Method::DbEnd => reply(with(payload, |end| lent.db.end(end)).await),
        Method::DbExecute => reply(with(payload, |execute| lent.db.execute(execute)).await),
        Method::DbTarget => reply(lent.db.target()),
        Method::StreamClose => reply(with(payload, |stream| close(lent, stream)).await),
        Method::WorkflowStatus => reply(with(payload, |of| lent.workflows.status(of)).await),
        Method::WorkflowHistory => reply(with(payload, |of| lent.workflows.history(of)).await),
        Method::WorkflowCancel => reply(with(payload, |of| lent.workflows.cancel(of)).await),
        Method::KubeTarget => reply(lent.kube.target().await),
        Method::Progress => reply(read(payload).map(|progress| lent.ui.progress(&progress))),
        Method::Note => reply(read(payload).map(|note| lent.ui.note(&note))),
        Method::Confirm => reply(with(payload, |question| lent.ui.confirm(question)).await),
        Method::Show => {
            reply(read::<Report>(payload).and_then(|report| lent.ui.show(&lent.dated(report))))
        }
        Method::Append => {
            reply(read::<Report>(payload).and_then(|report| lent.ui.append(&lent.dated(report))))
        }
        Method::Config => reply(lent.settings.config()),
        Method::Environment => reply(lent.settings.environment()),
        Method::Reveal => reply(read(payload).and_then(|reveal| lent.reveal(&reveal))),
        Method::Api => reply(with(payload, |request| api(lent, request)).await),
        Method::RunCommand => reply(with(payload, |run| lent.runs.begin(run)).await),
        Method::Commands => reply(lent.runs.manifests().await),
        Method::StreamOpen => {
            reply(read(payload).map(|open: StreamOpen| lent.spool.open(open.columns)))
        }
        // `Method` may grow before this host does.
        _ => unimplemented(method as u32),
    }
}

/// A question to the API ends with the operator's patience; what changes something is answered, so
/// that the plugin can tell what became of it.
async fn api(lent: &Lent, request: ApiRequest) -> Result<ApiResponse> {
    if request.method != "GET" || lent.interrupt.is_raised() {
        return lent.api.send(request).await;
    }
    tokio::select! {
        answer = lent.api.send(request) => answer,
        () = lent.interrupt.wait() => Err(interrupted()),
    }
}

async fn close(lent: &Lent, stream: u64) -> Result<()> {
    match stream {
        runs::FIRST.. => {
            lent.runs.close(stream);
            Ok(())
        }
        _ => lent.db.close(stream).await,
    }
}

async fn with<A, T, F>(payload: &[u8], serve: impl FnOnce(A) -> F) -> Result<T>
where
    A: DeserializeOwned,
    F: Future<Output = Result<T>>,
{
    serve(read(payload)?).await
}

fn read<A: DeserializeOwned>(payload: &[u8]) -> Result<A> {
    serde_json::from_slice(payload)
        .map_err(|error| Error::plugin("the plugin's call cannot be read").cause(error))
}

fn reply<T: Serialize>(result: Result<T>) -> Bytes<u8> {
    encode(&Reply::from(result))
}

fn unimplemented(method: u32) -> Bytes<u8> {
    let error = Error::plugin(format!("unimplemented: this toygres has no method {method}"))
        .hint("install a newer toygres, or an older version of the plugin");
    encode(&Reply::<()>::Err(error))
}

fn encode<T: Serialize>(reply: &Reply<T>) -> Bytes<u8> {
    let bytes = serde_json::to_vec(reply).unwrap_or_else(|error| {
        let error = Error::plugin("an answer of toygres cannot be written").cause(error);
        serde_json::to_vec(&Reply::<()>::Err(error)).unwrap_or_default()
    });
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::unimplemented;
    use toygres_plugin_api::ErrorKind;
    use toygres_plugin_api::protocol::{Method, Reply};

    /// What a plugin of a later border gets, and with it whoever typed its command.
    #[test]
    fn a_method_of_a_later_border_is_refused_with_what_to_do() {
        assert_eq!(Method::from_number(9999), None);
        let reply: Reply = serde_json::from_slice(&unimplemented(9999)).unwrap();
        let Reply::Err(error) = reply else { panic!("{reply:?}") };
        assert_eq!(error.kind, ErrorKind::Plugin);
        assert!(error.message.contains("no method 9999"), "{}", error.message);
        assert!(error.hint.is_some_and(|hint| hint.contains("newer toygres")));
    }
}
