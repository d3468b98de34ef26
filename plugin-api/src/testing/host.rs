//! What a test says, and what it asks afterwards.

use super::kube::{KubeAnswer, KubeRequest};
use super::state::State;
use crate::abi::host_object;
use crate::context::Context;
use crate::error::Error;
use crate::manifest::Manifest;
use crate::protocol::{
    ApiRequest, Confirm, DbExecute, DbQuery, Line, Output, Progress, RunCommand, Setting,
    WorkflowStatus,
};
use crate::report::{Note, Report};
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A host that answers what a test says, and remembers what a command did.
///
/// What the test does not say is answered as an unconfigured host would: an error of kind
/// `unavailable`, with what would say it. The host's rules hold here too: nothing is changed
/// without a confirmation, and only a command whose manifest says that it changes something may ask
/// for one.
#[derive(Debug, Clone, Default)]
pub struct TestHost {
    shared: Arc<Mutex<State>>,
    pub(super) output: Output,
}

/// What the test says.
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

    /// Statements that contain `part` fail, whether they read or change something.
    #[must_use]
    pub fn fails(self, part: &str, error: Error) -> Self {
        self.state().answers.push((part.to_owned(), Err(error.clone())));
        self.state().changes.push((part.to_owned(), Err(error)));
        self
    }

    /// Statements that change something and contain `part` change so many rows.
    ///
    /// ```
    /// # use toygres_plugin_api::testing::TestHost;
    /// # use toygres_plugin_api::{Confirmation, Context, Result};
    /// # async fn forget(ctx: &Context) -> Result<u64> {
    /// #     let confirmed = ctx.ui().confirm(Confirmation::new("Forget it?")).await?;
    /// #     let session = ctx.db().write(&confirmed).await?;
    /// #     let gone = session.execute("DELETE FROM backups", vec![]).await?;
    /// #     session.commit().await?;
    /// #     Ok(gone)
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let host = TestHost::new().changes("DELETE FROM backups", 3);
    /// assert_eq!(forget(&host.context()).await, Ok(3));
    /// assert_eq!(host.questions()[0].question, "Forget it?");
    /// assert!(host.committed());
    /// # }
    /// ```
    #[must_use]
    pub fn changes(self, part: &str, rows: u64) -> Self {
        self.state().changes.push((part.to_owned(), Ok(rows)));
        self
    }

    /// duroxide says this of a workflow.
    #[must_use]
    pub fn workflow(self, instance: &str, status: WorkflowStatus) -> Self {
        self.state().workflows.insert(instance.to_owned(), status);
        self
    }

    /// A workflow has this history: events as duroxide writes them in JSON.
    ///
    /// ```
    /// # use toygres_plugin_api::testing::TestHost;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let event = serde_json::json!({"event_id": 1, "kind": {"ActivityScheduled": {}}});
    /// let host = TestHost::new().history("create-proddb", [event.clone()]);
    /// let history = host.context().workflows().history("create-proddb", None).await;
    /// assert_eq!(history.unwrap(), [event]);
    /// # }
    /// ```
    #[must_use]
    pub fn history(self, instance: &str, events: impl IntoIterator<Item = Value>) -> Self {
        self.state().histories.insert(instance.to_owned(), events.into_iter().collect());
        self
    }

    /// A setting has this value.
    #[must_use]
    pub fn setting(self, key: &str, value: impl Into<Value>) -> Self {
        let setting = Setting { key: key.to_owned(), value: value.into(), ..Setting::default() };
        self.state().settings.push(setting);
        self
    }

    /// Kubernetes answers a `GET` of this path so; a path without a query is answered whatever
    /// query a client adds.
    #[must_use]
    pub fn kube(self, path: &str, status: u16, body: Value) -> Self {
        self.kube_answers("GET", path, status, body)
    }

    /// Kubernetes answers this method and path so. Anything but reading needs a confirmation first.
    #[must_use]
    pub fn kube_answers(self, method: &str, path: &str, status: u16, body: Value) -> Self {
        let key = (method.to_owned(), path.to_owned());
        self.state().kube.insert(key, KubeAnswer::whole(status, &body));
        self
    }

    /// Kubernetes answers a watch of this path with these events, `{"type": …, "object": …}`, and
    /// ends it.
    ///
    /// ```
    /// # use serde_json::json;
    /// # use toygres_plugin_api::testing::TestHost;
    /// let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "orders-0"}});
    /// let path = "/api/v1/namespaces/toygres/pods";
    /// let host = TestHost::new()
    ///     .kube(path, 200, json!({"kind": "PodList", "metadata": {}, "items": [pod]}))
    ///     .kube_watch(path, [json!({"type": "DELETED", "object": pod})]);
    /// ```
    #[must_use]
    pub fn kube_watch(self, path: &str, events: impl IntoIterator<Item = Value>) -> Self {
        let key = (KubeAnswer::WATCH.to_owned(), path.to_owned());
        self.state().kube.insert(key, KubeAnswer::events(events));
        self
    }

    /// The API of the control plane answers this method and path so.
    ///
    /// ```
    /// # use serde_json::json;
    /// # use toygres_plugin_api::testing::TestHost;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let host = TestHost::new().api("GET", "/api/instances", 200, json!([]));
    /// let answer = host.context().api().get("/api/instances").await.unwrap();
    /// assert_eq!(answer.body, json!([]));
    /// assert_eq!(host.requests()[0].path, "/api/instances");
    /// # }
    /// ```
    #[must_use]
    pub fn api(self, method: &str, path: &str, status: u16, body: Value) -> Self {
        self.state().api.insert((method.to_owned(), path.to_owned()), (status, body));
        self
    }

    /// Another plugin is there, for commands that run others' (`needs: ["commands"]`).
    #[must_use]
    pub fn manifest(self, manifest: Manifest) -> Self {
        self.state().manifests.push(manifest);
        self
    }

    /// Another command says this when it is run.
    ///
    /// ```
    /// # use toygres_plugin_api::Report;
    /// # use toygres_plugin_api::protocol::{Line, RunCommand};
    /// # use toygres_plugin_api::testing::TestHost;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let report = Report::list(["all is well"]);
    /// let host = TestHost::new().command("health", [Line::Report(report.clone()), Line::End]);
    /// let run = RunCommand { command: "health".to_owned(), ..RunCommand::default() };
    /// let said = host.context().commands().run(&run).await.unwrap();
    /// assert_eq!(said.answer().await, Ok(report));
    /// # }
    /// ```
    #[must_use]
    pub fn command(self, name: &str, says: impl IntoIterator<Item = Line>) -> Self {
        self.state().lines.insert(name.to_owned(), says.into_iter().collect());
        self
    }

    /// The operator declines whatever is asked.
    ///
    /// ```
    /// # use toygres_plugin_api::testing::TestHost;
    /// # use toygres_plugin_api::{Confirmation, ErrorKind};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let host = TestHost::new().declines();
    /// let error = host.context().ui().confirm(Confirmation::new("Really?")).await.unwrap_err();
    /// assert_eq!(error.kind, ErrorKind::Refused);
    /// assert_eq!(host.questions()[0].question, "Really?");
    /// # }
    /// ```
    #[must_use]
    pub fn declines(self) -> Self {
        self.state().declines = true;
        self
    }

    /// The operator has interrupted: [`Context::cancelled`] is ready at once.
    #[must_use]
    pub fn interrupted(self) -> Self {
        self.state().interrupted = true;
        self
    }

    /// The answer is shown in this format: [`Context::output`] says so.
    #[must_use]
    pub fn format(mut self, format: &str) -> Self {
        format.clone_into(&mut self.output.format);
        self
    }

    /// The context to hand to a command.
    #[must_use]
    pub fn context(&self) -> Context {
        Context::new(host_object(self.clone()), self.output.clone())
    }
}

/// What the command did.
impl TestHost {
    /// The statements that were sent to read, in order.
    #[must_use]
    pub fn queries(&self) -> Vec<DbQuery> {
        self.state().queries.clone()
    }

    /// The statements that were sent to change something, in order.
    #[must_use]
    pub fn executed(&self) -> Vec<DbExecute> {
        self.state().executed.clone()
    }

    /// A transaction that may write was begun, and each of them was committed.
    #[must_use]
    pub fn committed(&self) -> bool {
        let state = self.state();
        let mut writing = state.sessions.iter().filter(|session| session.writes).peekable();
        writing.peek().is_some() && writing.all(|session| session.committed)
    }

    /// The requests that were sent to the API, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<ApiRequest> {
        self.state().requests.clone()
    }

    /// The requests that were sent to Kubernetes, in order.
    #[must_use]
    pub fn kube_requests(&self) -> Vec<KubeRequest> {
        self.state().kube_requests.clone()
    }

    /// The workflows that were cancelled, in order.
    #[must_use]
    pub fn cancelled_workflows(&self) -> Vec<String> {
        self.state().cancelled.clone()
    }

    /// What the operator was asked, in order, with what was shown first.
    #[must_use]
    pub fn questions(&self) -> Vec<Confirm> {
        self.state().questions.clone()
    }

    /// The remarks that were made, in order.
    #[must_use]
    pub fn notes(&self) -> Vec<Note> {
        self.state().notes.clone()
    }

    /// What was said of its progress, in order.
    #[must_use]
    pub fn progress(&self) -> Vec<Progress> {
        self.state().progress.clone()
    }

    /// What was shown while it ran (`ui.show`), in order.
    ///
    /// ```
    /// # use toygres_plugin_api::Report;
    /// # use toygres_plugin_api::testing::TestHost;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let host = TestHost::new();
    /// host.context().ui().show(&Report::list(["half"])).await.unwrap();
    /// assert_eq!(host.frames(), [Report::list(["half"])]);
    /// # }
    /// ```
    #[must_use]
    pub fn frames(&self) -> Vec<Report> {
        self.state().frames.clone()
    }

    /// What was written while it ran (`ui.append`), in order.
    #[must_use]
    pub fn appended(&self) -> Vec<Report> {
        self.state().appended.clone()
    }

    /// The other commands that were run, in order.
    #[must_use]
    pub fn commands_run(&self) -> Vec<RunCommand> {
        self.state().commands_run.clone()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
