//! A command run by what an operator would type.

use super::host::TestHost;
use crate::abi::host_object;
use crate::bundle::Bundled;
use crate::error::{Error, Result};
use crate::manifest::{Command, MAGIC, Manifest, Scope};
use crate::protocol::{Answer, Candidate, Complete, Invocation};
use crate::report::Report;
use crate::typed::{argument, arguments};
use serde_json::{Map, Value};

impl TestHost {
    /// Runs a command of a plugin by what an operator would type behind `toygres`, such as
    /// `server stale-backups --older-than 2h`; `server` may be left out. Rows of a stream are in
    /// the answer's data. A panic of the command is an error here as in the host.
    ///
    /// The host's own options (`--output`, `--watch`, `--force`) are not the command's, and not
    /// known here.
    ///
    /// # Errors
    /// `usage` where the manifest does not allow what was typed; otherwise what the command
    /// answered.
    pub fn run(&self, plugin: &'static Bundled, typed: &str) -> Result<Report> {
        let manifest = manifest_of(plugin)?;
        let words = shlex::split(typed)
            .ok_or_else(|| Error::usage(format!("a quote is not closed in `{typed}`")))?;
        let (command, args) = parse(&manifest, &words)?;
        self.state().only_reads = !may_change(command, &args);
        let mut report = self.invoke(plugin, Invocation { args, ..invocation(command) })?;
        if report.stream.is_some() {
            report.data = Value::Array(self.rows_of(&report)?);
        }
        Ok(report)
    }

    /// The values that a shell would offer for an argument, by its id, when `begun` is typed of
    /// it.
    ///
    /// # Errors
    /// `usage` where there is no such command; otherwise what the plugin answered.
    pub fn complete(
        &self,
        plugin: &'static Bundled,
        command: &str,
        arg: &str,
        begun: &str,
    ) -> Result<Vec<Candidate>> {
        let manifest = manifest_of(plugin)?;
        let command = find(&manifest, None, command)?;
        self.state().only_reads = true;
        let complete = Complete { arg: arg.to_owned(), begun: begun.to_owned() };
        let asked = Invocation { complete: Some(complete), ..invocation(command) };
        Ok(serde_json::from_value(self.invoke(plugin, asked)?.data)?)
    }

    /// Over the border, as the host does it; on a thread of its own, since a test may have a
    /// runtime already.
    fn invoke(&self, plugin: &'static Bundled, mut invocation: Invocation) -> Result<Report> {
        invocation.output = self.output.clone();
        let (host, run) = (self.clone(), plugin.entry());
        let invocation = serde_json::to_vec(&invocation)?;
        let thread = std::thread::spawn(move || run(host_object(host), invocation.into()));
        let answer = thread.join().map_err(|_| Error::plugin("the command broke its thread"))?;
        match serde_json::from_slice(&answer)? {
            Answer::Ok(report) => Ok(report),
            Answer::Err(error) => Err(error),
        }
    }
}

/// What a plugin says of itself.
fn manifest_of(plugin: &Bundled) -> Result<Manifest> {
    let text = plugin.manifest().strip_prefix(MAGIC.as_bytes());
    let text = text.ok_or_else(|| Error::plugin("the plugin has no manifest"))?;
    Ok(serde_json::from_slice(text)?)
}

fn invocation(command: &Command) -> Invocation {
    Invocation { command: command.name.clone(), scope: command.scope, ..Invocation::default() }
}

fn parse<'a>(
    manifest: &'a Manifest,
    words: &[String],
) -> Result<(&'a Command, Map<String, Value>)> {
    let words = words.strip_prefix(&["toygres".to_owned()]).unwrap_or(words);
    let (scope, words) = match words.split_first() {
        Some((first, rest)) if first == "server" => (Some(Scope::Server), rest),
        Some((first, rest)) if first == "local" => (Some(Scope::Local), rest),
        _ => (None, words),
    };
    let name = words.first().ok_or_else(|| Error::usage("a command is missing"))?;
    let command = find(manifest, scope, name)?;
    let parser = clap::Command::new(command.name.clone()).args(command.args.iter().map(argument));
    let matches = parser
        .try_get_matches_from(words)
        .map_err(|error| Error::usage(error.render().to_string().trim_end()))?;
    Ok((command, arguments(&command.args, &matches)))
}

fn find<'a>(manifest: &'a Manifest, scope: Option<Scope>, name: &str) -> Result<&'a Command> {
    let named = |command: &&Command| {
        (command.name == name || command.aliases.iter().any(|alias| alias == name))
            && scope.is_none_or(|scope| scope == command.scope)
    };
    manifest.commands.iter().find(named).ok_or_else(|| {
        let known: Vec<&str> =
            manifest.commands.iter().map(|command| command.name.as_str()).collect();
        Error::usage(format!("the plugin has no command `{name}`"))
            .hint(format!("it has {}", known.join(", ")))
    })
}

/// Whether this run may change anything: the command says so, or a flag that was given does.
fn may_change(command: &Command, args: &Map<String, Value>) -> bool {
    let given = |id: &String| args.get(id) == Some(&Value::Bool(true));
    command.mutating || command.args.iter().any(|arg| arg.mutates && given(&arg.id))
}
