//! What the host lends a command, as its author sees it.
//!
//! Nothing is connected until it is asked for, and everything has a deadline. A command that is
//! not marked mutating cannot write: PostgreSQL holds its session read-only and the host refuses
//! every Kubernetes verb but reading.

mod api;
mod commands;
mod config;
mod db;
#[cfg(feature = "kube-service")]
mod kube;
mod rows;
mod ui;
mod workflows;

pub use api::Api;
pub use commands::{Commands, Said, object};
pub use config::Settings;
pub use db::{Bind, Db, Query, Session};
#[cfg(feature = "kube-service")]
pub use kube::KubeService;
pub use rows::{RowStream, RowWriter, cell_json, cell_value, rfc3339, write_cell};
pub use ui::{Confirmation, Ui};
pub use workflows::Workflows;

use crate::abi::HostObject;
use crate::error::{Error, Result};
use crate::protocol::{KubeTarget, Method, Output, Reply};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// What one run of a command may use.
#[derive(Clone)]
pub struct Context {
    host: Arc<HostObject>,
    output: Output,
}

impl Context {
    /// A context over a host; the host and `testing` make one.
    #[doc(hidden)]
    #[must_use]
    pub fn new(host: HostObject, output: Output) -> Self {
        Self { host: Arc::new(host), output }
    }

    /// The metadata database.
    #[must_use]
    pub fn db(&self) -> Db {
        Db::new(self.clone())
    }

    /// duroxide's own client, in the host.
    #[must_use]
    pub fn workflows(&self) -> Workflows {
        Workflows::new(self.clone())
    }

    /// The API of the control plane.
    #[must_use]
    pub fn api(&self) -> Api {
        Api::new(self.clone())
    }

    /// Every command there is, to be run for somebody else.
    #[must_use]
    pub fn commands(&self) -> Commands {
        Commands::new(self.clone())
    }

    /// The operator: progress, questions, remarks.
    #[must_use]
    pub fn ui(&self) -> Ui {
        Ui::new(self.clone())
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> Settings {
        Settings::new(self.clone())
    }

    /// How the answer will be shown. A command rarely needs to know.
    #[must_use]
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// Ready when the operator interrupted. What was lent is stopped by the host itself; wait for
    /// this only to put away what the command made.
    pub async fn cancelled(&self) {
        self.host.cancelled().await;
    }

    /// Which cluster is lent.
    ///
    /// # Errors
    /// When no cluster is configured.
    pub async fn kube_target(&self) -> Result<KubeTarget> {
        self.call(Method::KubeTarget, &()).await
    }

    /// Opens a stream that the command feeds itself, for answers too large to hold.
    ///
    /// # Errors
    /// When the host is too old to know streams.
    pub async fn stream(&self, columns: Vec<crate::report::StreamColumn>) -> Result<RowWriter> {
        let open = crate::protocol::StreamOpen { columns };
        let stream = self.call(Method::StreamOpen, &open).await?;
        Ok(RowWriter::new(self.clone(), stream))
    }

    pub(crate) fn host(&self) -> &HostObject {
        &self.host
    }

    /// One call over the border.
    pub(crate) async fn call<A, R>(&self, method: Method, argument: &A) -> Result<R>
    where
        A: Serialize + ?Sized,
        R: DeserializeOwned,
    {
        let payload = serde_json::to_vec(argument)?;
        let answer = self.host.call(method as u32, payload.into()).await;
        let reply: Reply<R> = serde_json::from_slice(&answer)
            .map_err(|error| Error::plugin("the host's answer could not be read").cause(error))?;
        reply.into()
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("output", &self.output).finish_non_exhaustive()
    }
}
