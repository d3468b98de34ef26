//! duroxide's own client, lent by the host.

use super::Context;
use crate::error::Result;
use crate::protocol::{Confirmed, Method, WorkflowCancel, WorkflowRef, WorkflowStatus};

/// duroxide's own word on workflows. The client is the host's and never changes the schema; where
/// the schema is of another generation it says so, and plain reading over [`super::Db`] still
/// works.
#[derive(Debug, Clone)]
pub struct Workflows {
    context: Context,
}

impl Workflows {
    pub(super) fn new(context: Context) -> Self {
        Self { context }
    }

    /// duroxide's status of an instance.
    ///
    /// # Errors
    /// When the database cannot be reached or its schema is of another generation.
    pub async fn status(&self, instance: &str) -> Result<WorkflowStatus> {
        let of = WorkflowRef { instance: instance.to_owned(), execution: None };
        self.context.call(Method::WorkflowStatus, &of).await
    }

    /// The events of an execution, the latest where `None`, as duroxide writes them in JSON.
    ///
    /// # Errors
    /// When the database cannot be reached or its schema is of another generation.
    pub async fn history(
        &self,
        instance: &str,
        execution: Option<u64>,
    ) -> Result<Vec<serde_json::Value>> {
        let of = WorkflowRef { instance: instance.to_owned(), execution };
        self.context.call(Method::WorkflowHistory, &of).await
    }

    /// Asks duroxide to cancel an instance. Cancelling is cooperative: wait for a terminal record
    /// before calling it cancelled.
    ///
    /// # Errors
    /// When the confirmation is not this run's own, or duroxide cannot take the request.
    pub async fn cancel(&self, confirmed: &Confirmed, instance: &str, reason: &str) -> Result<()> {
        let cancel = WorkflowCancel {
            instance: instance.to_owned(),
            reason: reason.to_owned(),
            confirmed: confirmed.clone(),
        };
        self.context.call(Method::WorkflowCancel, &cancel).await
    }
}
