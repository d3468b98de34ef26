//! One run of one command, here or on a server.

use super::signals;
use crate::call::{Answered, Call, LAST_WORDS};
use crate::cli::Options;
use crate::discover::{Folders, Owned};
use crate::exit_status::ExitStatus;
use crate::lend::Lent;
use crate::lend::interrupt::Interrupt;
use crate::lend::spool;
use crate::lend::ui::{Given, Operator};
use crate::load::Loaded;
use crate::output::{Output, RowSource};
use crate::remote::ask::Ask;
use crate::settings::Settings;
use serde_json::{Map, Value};
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Handle, Runtime};
use toygres_plugin_api::batch::RowBatch;
use toygres_plugin_api::protocol::Output as Shown;
use toygres_plugin_api::{Error, Report, Result};

/// A command that was chosen, with everything it needs.
pub(super) struct Run<'a> {
    pub(super) owned: Owned<'a>,
    pub(super) args: Map<String, Value>,
    pub(super) options: Options,
    pub(super) settings: Arc<Settings>,
    pub(super) folders: Folders,
    pub(super) output: Arc<Output>,
}

/// A run that can be made again and again.
pub(super) enum Ready<'a> {
    /// In this process.
    Here(Call<'a>, Loaded),
    /// On a server.
    Away(Ask<'a>),
}

impl<'a> Run<'a> {
    /// Runs the command once and prints its answer.
    pub(super) fn once(self) -> Result<ExitStatus> {
        let runtime = runtime()?;
        let output = self.output.clone();
        let interrupt = Interrupt::default();
        signals::listen(&interrupt, grace(&self.owned))?;
        let ready = self.ready()?;
        let stopped = async { interrupt.wait().await };
        let ended = match &ready {
            Ready::Here(call, loaded) => {
                let answered = call.answer(runtime.handle(), *loaded, &interrupt, stopped);
                answered.and_then(|answered| {
                    // What is left to do is toygres' own.
                    signals::allow_grace(Duration::ZERO);
                    let status = ExitStatus::of(&answered.report, output.format_name());
                    print(answered, &output, runtime.handle())?;
                    Ok(status)
                })
            }
            Ready::Away(ask) => ask.once(runtime.handle(), stopped),
        };
        // Whatever a plugin left behind on a thread of its own must not hold the process.
        runtime.shutdown_background();
        ended
    }

    /// Chooses where it runs, and opens the plugin where that is here.
    pub(super) fn ready(self) -> Result<Ready<'a>> {
        let shown = Shown {
            format: self.output.format_name().to_owned(),
            terminal: std::io::stdout().is_terminal(),
            watch: self.options.watch.is_some(),
            show_secrets: self.options.show_secrets,
            away: false,
        };
        if Ask::is_wanted(&self.settings, self.owned.command)? {
            return Ok(Ready::Away(Ask {
                command: self.owned.command,
                args: self.args,
                shown,
                force: self.options.force,
                settings: self.settings,
                output: self.output,
                input: Default::default(),
            }));
        }
        let loaded = Loaded::open(&self.owned)?;
        let call = Call {
            owned: self.owned,
            args: self.args,
            shown,
            settings: self.settings,
            folders: self.folders,
            operator: Operator::Here(self.output),
            given: if self.options.force { Given::All } else { Given::Nothing },
            alone: true,
        };
        Ok(Ready::Here(call, loaded))
    }
}

impl Ready<'_> {
    /// Runs it to its answer, which is not printed.
    pub(super) fn answer(&self, runtime: &Runtime, interrupt: &Interrupt) -> Result<Report> {
        let stopped = interrupt.clone();
        let stopped = async move { stopped.wait().await };
        match self {
            Self::Here(call, loaded) => {
                let answered = call.answer(runtime.handle(), *loaded, interrupt, stopped)?;
                Ok(answered.report)
            }
            Self::Away(ask) => ask.report(runtime.handle(), stopped),
        }
    }
}

/// A runtime for one run: two threads serve any number of calls.
pub(crate) fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        // While rows pour in, what comes in elsewhere is seen too.
        .event_interval(13)
        .on_thread_start(toygres_plugin_api::run::host_thread)
        .enable_all()
        .build()
        .map_err(|error| Error::failed("toygres' runtime did not start").cause(error))
}

/// How long the command may go on after it was interrupted.
pub(super) fn grace(owned: &Owned<'_>) -> Duration {
    match owned.command.grace_ms {
        0 => LAST_WORDS,
        grace => Duration::from_millis(grace),
    }
}

/// Prints the answer, and its rows as they come.
fn print(answered: Answered, output: &Output, runtime: &Handle) -> Result<()> {
    let Answered { mut report, lent } = answered;
    let Some(stream) = report.stream.clone() else {
        return output.report(report, None);
    };
    if stream.id >= spool::FIRST {
        match lent.spool.take(stream.id) {
            Some(mut rows) => output.report(report, Some(&mut rows)),
            None => {
                report.stream = None;
                Err(Error::plugin("the report names a stream that was never opened"))
            }
        }
    } else {
        let mut rows = FromDatabase { lent: &lent, stream: stream.id, runtime };
        let printed = output.report(report, Some(&mut rows));
        runtime.block_on(async { lent.db.close(stream.id).await })?;
        printed
    }
}

struct FromDatabase<'a> {
    lent: &'a Lent,
    stream: u64,
    runtime: &'a Handle,
}

impl RowSource for FromDatabase<'_> {
    fn next_batch(&mut self) -> RowBatch {
        self.runtime.block_on(self.lent.db.next_rows(self.stream))
    }
}

impl RowSource for spool::Rows {
    fn next_batch(&mut self) -> RowBatch {
        Self::next_batch(self)
    }
}
