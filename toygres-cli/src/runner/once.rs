//! One run of one command.

use crate::cli::Options;
use crate::discover::Owned;
use crate::fault::naming;
use crate::guard::Guard;
use crate::host::HostSide;
use crate::lend::Lent;
use crate::lend::api::Api;
use crate::lend::db::Database;
use crate::lend::grants::Grants;
use crate::lend::interrupt::Interrupt;
use crate::lend::kube::Kube;
use crate::lend::spool::{self, Spool};
use crate::lend::ui::Ui;
use crate::lend::workflows::Workflows;
use crate::load::Loaded;
use crate::output::{Output, RowSource};
use crate::settings::Settings;
use serde_json::{Map, Value};
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Handle, Runtime};
use toygres_plugin_api::abi::host_object;
use toygres_plugin_api::batch::RowBatch;
use toygres_plugin_api::manifest::{Consent, Scope};
use toygres_plugin_api::protocol::{Answer, Invocation, Output as Shown};
use toygres_plugin_api::report::{NoteLevel, Verdict};
use toygres_plugin_api::{Error, Report, Result};

/// After Ctrl-C a command that says nothing of it has this long to put away what it made.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A command that was chosen, with everything it needs.
pub(super) struct Run<'a> {
    pub(super) owned: Owned<'a>,
    pub(super) args: Map<String, Value>,
    pub(super) options: Options,
    pub(super) settings: Arc<Settings>,
    pub(super) output: Arc<Output>,
}

/// A command's answer, and what its streams are read from.
pub(super) struct Answered {
    pub(super) report: Report,
    lent: Arc<Lent>,
    runtime: Handle,
}

impl Run<'_> {
    /// Runs the command once and prints its answer.
    pub(super) fn once(&self) -> Result<Verdict> {
        let runtime = runtime()?;
        let loaded = Loaded::open(&self.owned)?;
        let printed = self.answer(&runtime, loaded, &Interrupt::default()).and_then(|answered| {
            let verdict = answered.report.verdict;
            answered.print(&self.output)?;
            Ok(verdict)
        });
        // Whatever a plugin left behind on a thread of its own must not hold the process.
        runtime.shutdown_background();
        printed
    }

    /// Runs the command to its answer.
    pub(super) fn answer(
        &self,
        runtime: &Runtime,
        loaded: Loaded,
        interrupt: &Interrupt,
    ) -> Result<Answered> {
        let lent = Arc::new(self.lend(interrupt));
        let host = host_object(HostSide::new(lent.clone(), runtime.handle().clone()));
        let invocation = serde_json::to_vec(&self.invocation())?;
        let guard = Guard::watch(|what| {
            let error = Error::plugin(format!("{} {what}", self.subject()))
                .hint("other commands still work; tell the plugin's author, or remove it")
                .retryable(false);
            self.output.error_text(error)
        });
        let running = runtime.spawn_blocking(move || loaded.run(host, invocation));
        let answer = runtime.block_on(async {
            let mut running = running;
            tokio::select! {
                answer = &mut running => answer.map_err(|error| self.broke(&error)),
                () = ctrl_c(interrupt) => {
                    // The database stops its statements by itself; the command may still end well.
                    let ended = tokio::time::timeout(self.grace(), &mut running).await;
                    ended.map_or_else(|_| Err(super::interrupted()), |answer| {
                        answer.map_err(|error| self.broke(&error))
                    })
                }
            }
        });
        drop(guard);
        lent.ui.clear();
        for warning in lent.db.take_warnings() {
            self.output.remark(NoteLevel::Warning, &warning);
        }
        let answer: Answer =
            serde_json::from_slice(&answer?).map_err(|error| self.broke(&error))?;
        match answer {
            Answer::Ok(report) => Ok(Answered { report, lent, runtime: runtime.handle().clone() }),
            Answer::Err(error) if error.kind == toygres_plugin_api::ErrorKind::Plugin => {
                Err(self.named(error))
            }
            Answer::Err(error) => Err(error),
        }
    }

    fn lend(&self, interrupt: &Interrupt) -> Lent {
        let grants = Grants::default();
        Lent {
            db: Database::new(&self.settings, grants.clone(), interrupt.clone()),
            workflows: Workflows::new(self.settings.clone(), grants.clone()),
            kube: Kube::new(self.settings.clone(), grants.clone()),
            api: Api::new(self.settings.clone(), grants.clone()),
            ui: Ui::new(self.output.clone(), grants, self.options.force || self.typed_is_consent()),
            settings: self.settings.clone(),
            spool: Spool::default(),
            interrupt: interrupt.clone(),
            credentials: self.owned.manifest.needs.iter().any(|need| need == "credentials"),
        }
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
            output: Shown {
                format: self.output.format().name().to_owned(),
                terminal: std::io::stdout().is_terminal(),
                watch: self.options.watch.is_some(),
                show_secrets: self.options.show_secrets,
            },
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

/// A runtime for one run: two threads serve any number of calls.
pub(super) fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Error::failed("toygres' runtime did not start").cause(error))
}

/// Ready once the operator interrupted, which everyone who waits for it is told.
pub(super) async fn ctrl_c(interrupt: &Interrupt) {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupts = signal(SignalKind::interrupt());
    let mut terminations = signal(SignalKind::terminate());
    match (&mut interrupts, &mut terminations) {
        (Ok(interrupts), Ok(terminations)) => {
            tokio::select! {
                _ = interrupts.recv() => {}
                _ = terminations.recv() => {}
            }
        }
        // Without handlers the signals end the process by themselves.
        _ => std::future::pending().await,
    }
    interrupt.raise();
}

impl Answered {
    /// Prints the answer, and its rows as they come.
    pub(super) fn print(self, output: &Output) -> Result<()> {
        let Self { mut report, lent, runtime } = self;
        let Some(stream) = report.stream.clone() else {
            return output.report(report, None);
        };
        // Ctrl-C goes on counting while rows come in.
        let interrupt = lent.interrupt.clone();
        let listening = runtime.spawn(async move { ctrl_c(&interrupt).await });
        let printed = if stream.id >= spool::FIRST {
            match lent.spool.take(stream.id) {
                Some(mut rows) => output.report(report, Some(&mut rows)),
                None => {
                    report.stream = None;
                    Err(Error::plugin("the report names a stream that was never opened"))
                }
            }
        } else {
            let mut rows =
                FromDatabase { lent: lent.clone(), stream: stream.id, runtime: runtime.clone() };
            let printed = output.report(report, Some(&mut rows));
            runtime.block_on(async { lent.db.close(stream.id).await })?;
            printed
        };
        listening.abort();
        printed
    }
}

struct FromDatabase {
    lent: Arc<Lent>,
    stream: u64,
    runtime: Handle,
}

impl RowSource for FromDatabase {
    fn next_batch(&mut self) -> RowBatch {
        self.runtime.block_on(self.lent.db.next_rows(self.stream))
    }
}

impl RowSource for spool::Rows {
    fn next_batch(&mut self) -> RowBatch {
        Self::next_batch(self)
    }
}
