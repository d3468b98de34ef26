//! One call of one command: what it is lent, what it is told, and its answer.
//!
//! Whoever calls, an operator at a terminal (`runner`) or somebody through a server (`remote`),
//! gets the same command with the same rules; only who is spoken to differs.

use crate::discover::{Folders, Owned};
use crate::fault::naming;
use crate::guard::{self, Guard};
use crate::host::HostSide;
use crate::lend::Lent;
use crate::lend::api::Api;
use crate::lend::db::Database;
use crate::lend::grants::Grants;
use crate::lend::interrupt::Interrupt;
use crate::lend::kube::Kube;
use crate::lend::runs::Runs;
use crate::lend::spool::Spool;
use crate::lend::ui::{Given, Operator, Ui};
use crate::lend::workflows::Workflows;
use crate::load::Loaded;
use crate::settings::Settings;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use toygres_plugin_api::abi::host_object;
use toygres_plugin_api::manifest::{Consent, Scope};
use toygres_plugin_api::protocol::{Answer, Candidate, Complete, Invocation, Output as Shown};
use toygres_plugin_api::report::{Note, NoteLevel};
use toygres_plugin_api::{Error, ErrorKind, Report, Result};

/// After an interruption a command that says nothing of it has this long to put away what it made.
pub(crate) const LAST_WORDS: Duration = Duration::from_secs(2);

/// A command that was chosen, with everything it needs.
pub(crate) struct Call<'a> {
    pub(crate) owned: Owned<'a>,
    pub(crate) args: Map<String, Value>,
    pub(crate) shown: Shown,
    pub(crate) settings: Arc<Settings>,
    pub(crate) folders: Folders,
    pub(crate) operator: Operator,
    pub(crate) given: Given,
    /// Whose fault a crash is said to be: the whole process's, or that of this thread alone.
    pub(crate) alone: bool,
}

/// A command's answer, and what its streams are read from.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) report: Report,
    pub(crate) lent: Arc<Lent>,
}

impl Call<'_> {
    /// Runs the command to its answer. `stopped` is ready when it is to end early; it has raised
    /// the interrupt then.
    pub(crate) fn answer(
        &self,
        runtime: &Handle,
        loaded: Loaded,
        interrupt: &Interrupt,
        stopped: impl Future<Output = ()>,
    ) -> Result<Answered> {
        let lent = Arc::new(self.lend(interrupt, runtime));
        let running = self.begin(runtime, loaded, &lent, self.invocation())?;
        let answer = runtime.block_on(async {
            let mut running = running;
            tokio::select! {
                answer = &mut running => answer.map_err(|error| self.broke(&error)),
                () = stopped => {
                    // The database stops its statements by itself; the command may still end well.
                    let ended = tokio::time::timeout(self.grace(), &mut running).await;
                    ended.map_or_else(|_| Err(self.abandoned()), |answer| {
                        answer.map_err(|error| self.broke(&error))
                    })
                }
            }
        });
        lent.ui.clear();
        for text in lent.db.take_warnings() {
            self.operator.note(&Note { level: NoteLevel::Warning, text });
        }
        let answer: Answer =
            serde_json::from_slice(&answer?).map_err(|error| self.broke(&error))?;
        match answer {
            Answer::Ok(report) => Ok(Answered { report: lent.dated(report), lent }),
            Answer::Err(error) if error.kind == ErrorKind::Plugin => Err(self.named(error)),
            Answer::Err(error) => Err(error),
        }
    }

    /// Nobody waits for the command any more.
    fn abandoned(&self) -> Error {
        if self.alone {
            guard::leaves();
        }
        interrupted()
    }

    /// Asks the plugin what may stand for an argument. The command itself does not run.
    ///
    /// # Errors
    /// `timed_out` when no answer came in time, and whatever the plugin says.
    pub(crate) fn values(
        &self,
        runtime: &Handle,
        loaded: Loaded,
        complete: Complete,
        within: Duration,
        interrupt: &Interrupt,
    ) -> Result<Vec<Candidate>> {
        let lent = Arc::new(self.lend(interrupt, runtime));
        let invocation = Invocation { complete: Some(complete), ..self.invocation() };
        let running = self.begin(runtime, loaded, &lent, invocation)?;
        let answer = runtime.block_on(async { tokio::time::timeout(within, running).await });
        let answer = answer.map_err(|_| Error::new(ErrorKind::TimedOut, "no answer in time"))?;
        let answer = answer.map_err(|error| self.broke(&error))?;
        let answer: Answer = serde_json::from_slice(&answer).map_err(|error| self.broke(&error))?;
        let report = Result::from(answer)?;
        serde_json::from_value(report.data).map_err(|error| self.broke(&error))
    }

    /// Begins the call, on a thread that may block.
    fn begin(
        &self,
        runtime: &Handle,
        loaded: Loaded,
        lent: &Arc<Lent>,
        invocation: Invocation,
    ) -> Result<JoinHandle<Vec<u8>>> {
        let host = host_object(HostSide::new(lent.clone(), runtime.clone()));
        let invocation = serde_json::to_vec(&invocation)?;
        let words = self.last_words();
        let alone = self.alone;
        Ok(runtime.spawn_blocking(move || {
            let _guard = if alone { Guard::watch(&words) } else { Guard::watch_thread(&words) };
            loaded.run(host, invocation)
        }))
    }

    fn lend(&self, interrupt: &Interrupt, runtime: &Handle) -> Lent {
        let grants = Grants::default();
        let needs = |ability: &str| self.owned.manifest.needs.iter().any(|need| need == ability);
        let given = match () {
            () if !self.may_change() => Given::Never,
            () if self.typed_is_consent() => Given::All,
            () => self.given.clone(),
        };
        Lent {
            db: Database::new(&self.settings, grants.clone(), interrupt.clone(), !self.alone),
            workflows: Workflows::new(self.settings.clone(), grants.clone()),
            kube: Kube::new(self.settings.clone(), grants.clone()),
            api: Api::new(self.settings.clone(), grants.clone()),
            runs: Runs::new(
                self.settings.clone(),
                self.folders.clone(),
                grants.clone(),
                runtime.clone(),
                needs("commands"),
            ),
            ui: Ui::new(self.operator.clone(), grants, given),
            settings: self.settings.clone(),
            spool: Spool::default(),
            interrupt: interrupt.clone(),
            credentials: needs("credentials"),
        }
    }

    /// Whether this run may change anything: the command says so, or a flag that was given does.
    fn may_change(&self) -> bool {
        let command = self.owned.command;
        let asked = |id: &String| self.args.get(id) == Some(&Value::Bool(true));
        command.mutating || command.args.iter().any(|arg| arg.mutates && asked(&arg.id))
    }

    fn typed_is_consent(&self) -> bool {
        self.owned.command.mutating && self.owned.command.consent == Consent::Typed
    }

    /// How long the command may go on after an interruption.
    fn grace(&self) -> Duration {
        match self.owned.command.grace_ms {
            0 => LAST_WORDS,
            grace => Duration::from_millis(grace),
        }
    }

    fn invocation(&self) -> Invocation {
        Invocation {
            command: self.owned.command.name.clone(),
            scope: self.owned.command.scope,
            args: self.args.clone(),
            output: self.shown.clone(),
            complete: None,
        }
    }

    /// What is said of each way in which the plugin may take the process down.
    fn last_words(&self) -> impl Fn(&str) -> String + Send + 'static {
        let (subject, operator) = (self.subject(), self.operator.clone());
        move |what| {
            let error = Error::plugin(format!("{subject} {what}"))
                .hint("other commands still work; tell the plugin's author, or remove it")
                .retryable(false);
            operator.error_text(error)
        }
    }

    /// `plugin `bad` (PATH), command `server bad`,`.
    fn subject(&self) -> String {
        let scope = match self.owned.command.scope {
            Scope::Server => "server ",
            Scope::Local => "local ",
            Scope::Top => "",
        };
        let plugin = naming(&self.owned.manifest.name, &self.owned.plugin.path);
        format!("{plugin}, command `{scope}{}`,", self.owned.command.name)
    }

    fn named(&self, mut error: Error) -> Error {
        error.message = format!("{} failed: {}", self.subject(), error.message);
        error.hint.get_or_insert_with(|| {
            "other commands still work; tell the plugin's author, or remove it".to_owned()
        });
        error
    }

    fn broke(&self, cause: &dyn std::fmt::Display) -> Error {
        self.named(Error::plugin("it gave no answer that can be read").cause(cause))
    }
}

/// What interrupts a run.
pub(crate) fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "interrupted")
}
