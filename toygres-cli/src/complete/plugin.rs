//! Values that a plugin knows: its library is opened, and it is asked for so long.

use super::{at_every_depth, known};
use crate::call::Call;
use crate::cli::Options;
use crate::discover::{Catalogue, Folders, Owned};
use crate::lend::api::Api;
use crate::lend::grants::Grants;
use crate::lend::interrupt::Interrupt;
use crate::lend::ui::{Given, Operator};
use crate::load::Loaded;
use crate::redact::Redactor;
use crate::remote::ask::Ask;
use crate::runner::runtime;
use crate::settings::{Environment, Settings};
use clap::{ArgMatches, Command};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use serde_json::{Map, Value};
use std::ffi::OsStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use toygres_plugin_api::protocol::{ApiRequest, Candidate, Complete, Output as Shown};
use toygres_plugin_api::typed::arguments;
use toygres_plugin_api::{Error, ErrorKind};

/// From the press of the key to the answer, however slow a backend is, in milliseconds. Who sits far
/// from the database sets `TOYGRES_COMPLETION_MS`.
const DEADLINE_MS: u64 = 1000;
/// Of it, in percent, for connecting: a backend that does not answer by then is as good as down, and
/// one that refuses says so at once. The rest is for one statement.
const CONNECT: u64 = 30;

/// The command that was typed, as far as its plugin knows values.
pub(super) struct Values(Option<Arc<Inner>>);

struct Inner {
    catalogue: Arc<Catalogue>,
    place: (usize, usize),
    /// The other arguments as far as they were typed.
    args: Map<String, Value>,
    settings: Arc<Settings>,
    folders: Folders,
    until: Instant,
    asked: AtomicBool,
}

impl Values {
    /// Reads the words before the cursor, whatever is wrong with them.
    pub(super) fn new(
        root: &Command,
        before: &[String],
        catalogue: &Arc<Catalogue>,
        environment: &Environment,
        folders: &Folders,
    ) -> Self {
        let begun = Instant::now();
        let given = environment.text("TOYGRES_COMPLETION_MS").ok().flatten();
        let given = given.and_then(|(ms, _)| ms.parse().ok());
        let deadline: u64 = given.unwrap_or(DEADLINE_MS);
        let percent = |part: u64| (deadline.saturating_mul(part) / 100).to_string();
        let tolerant = root.clone().ignore_errors(true);
        let Ok(matches) = tolerant.try_get_matches_from(before) else { return Self(None) };
        let (path, found) = chosen(&matches);
        let owned = known::owned(catalogue, &path);
        let Some(owned) = owned.filter(|owned| owned.command.args.iter().any(|arg| arg.completes))
        else {
            return Self(None);
        };
        let mut options = Options::read(found).unwrap_or_default();
        options.show_secrets = false;
        let settings = Settings::new(environment.clone(), &options)
            .with("database.connect_timeout_ms", &percent(CONNECT))
            .with("database.statement_timeout_ms", &percent(100 - CONNECT));
        Self(Some(Arc::new(Inner {
            catalogue: catalogue.clone(),
            place: owned.place,
            args: arguments(&owned.command.args, found),
            settings: Arc::new(settings),
            folders: folders.clone(),
            until: begun + Duration::from_millis(deadline.min(600_000)),
            asked: AtomicBool::new(false),
        })))
    }

    /// Adds what the plugin knows to the command that was typed.
    pub(super) fn complete(&self, root: Command) -> Command {
        let Some(inner) = &self.0 else { return root };
        at_every_depth(root, &[], &|command, path| {
            let owned = known::owned(&inner.catalogue, path);
            let Some(owned) = owned.filter(|owned| owned.place == inner.place) else {
                return command;
            };
            let completes = |id: &str| owned.command.args.iter().any(|a| a.id == id && a.completes);
            command.mut_args(|arg| {
                let id = arg.get_id().as_str().to_owned();
                if !completes(&id) {
                    return arg;
                }
                let inner = inner.clone();
                arg.add(ArgValueCompleter::new(move |begun: &OsStr| inner.ask(&id, begun)))
            })
        })
    }

    /// Whether the word under the cursor is a value that the plugin may know.
    pub(super) fn were_asked(&self) -> bool {
        self.0.as_ref().is_some_and(|inner| inner.asked.load(Ordering::Relaxed))
    }
}

/// The command that was typed, and what was typed for it.
fn chosen(matches: &ArgMatches) -> (Vec<String>, &ArgMatches) {
    let (mut path, mut found) = (Vec::new(), matches);
    while let Some((name, below)) = found.subcommand() {
        path.push(name.to_owned());
        found = below;
    }
    (path, found)
}

impl Inner {
    fn ask(&self, arg: &str, begun: &OsStr) -> Vec<CompletionCandidate> {
        // An option is being typed: whatever begins with a dash is no value by position.
        if begun.as_encoded_bytes().starts_with(b"-") {
            return Vec::new();
        }
        self.asked.store(true, Ordering::Relaxed);
        let Some((begun, owned)) = begun.to_str().zip(self.catalogue.at(self.place)) else {
            return Vec::new();
        };
        let complete = Complete { arg: arg.to_owned(), begun: begun.to_owned() };
        let redactor = self.settings.redactor(false);
        let known = self.known(owned, complete).unwrap_or_default();
        let begins = known.into_iter().filter(|candidate| candidate.value.starts_with(begun));
        begins.filter_map(|candidate| masked(candidate, &redactor)).collect()
    }

    /// What the plugin on a server knows, where the command would run there.
    fn away(
        &self,
        owned: &Owned<'_>,
        complete: &Complete,
    ) -> toygres_plugin_api::Result<Vec<Candidate>> {
        let (scope, command) = (owned.command.scope, &owned.command.name);
        let asked = [
            ("scope", serde_json::to_value(scope)?.as_str().unwrap_or_default().to_owned()),
            ("command", command.clone()),
            ("arg", complete.arg.clone()),
            ("begun", complete.begun.clone()),
        ];
        let query =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(asked).finish();
        let request = ApiRequest {
            method: "GET".to_owned(),
            path: format!("/api/complete?{query}"),
            ..ApiRequest::default()
        };
        let api = Api::new(self.settings.clone(), Grants::default());
        let runtime = runtime()?;
        let left = self.until.saturating_duration_since(Instant::now());
        let answer =
            runtime.block_on(async { tokio::time::timeout(left, api.send(request)).await });
        runtime.shutdown_background();
        answer.map_err(|_| Error::new(ErrorKind::TimedOut, "no answer in time"))??.ok()
    }

    fn known(
        &self,
        owned: Owned<'_>,
        complete: Complete,
    ) -> toygres_plugin_api::Result<Vec<Candidate>> {
        if Ask::is_wanted(&self.settings, owned.command)? {
            return self.away(&owned, &complete);
        }
        let loaded = Loaded::open(&owned)?;
        let call = Call {
            owned,
            args: self.args.clone(),
            shown: Shown::default(),
            settings: self.settings.clone(),
            folders: self.folders.clone(),
            operator: Operator::Nobody,
            given: Given::Never,
            alone: false,
        };
        let runtime = runtime()?;
        let left = self.until.saturating_duration_since(Instant::now());
        let known = call.values(runtime.handle(), loaded, complete, left, &Interrupt::default());
        // What the plugin left behind must not hold the shell.
        runtime.shutdown_background();
        known
    }
}

/// A candidate without secrets. A value that would be masked is none: it could not be typed.
fn masked(candidate: Candidate, redactor: &Redactor) -> Option<CompletionCandidate> {
    let Candidate { value, help } = candidate;
    let shown = redactor.string(value.clone()) == value;
    let help = Some(redactor.string(help)).filter(|help| !help.is_empty());
    shown.then(|| CompletionCandidate::new(value).help(help.map(Into::into)))
}
