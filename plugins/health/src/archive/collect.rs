//! Runs what was planned, a few at a time, each with a deadline, and keeps what it said or why it
//! said nothing.

use super::plan::Planned;
use futures_util::StreamExt;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::time::{Duration, Instant};
use toygres_plugin_api::document::Verbatim;
use toygres_plugin_api::protocol::{Output, RunCommand};
use toygres_plugin_api::report::Verdict;
use toygres_plugin_api::shell::quote;
use toygres_plugin_api::{Context, Error, Report, Result, Schema};

/// What stands in place of a secret.
const MASK: &str = "***";
/// So many commands are run at once: each has connections of its own.
const AT_ONCE: usize = 3;

/// One command in the manifest of the archive.
#[derive(Debug, Clone, Serialize, Schema)]
pub(crate) struct Entry {
    /// As it would be typed after `toygres server`.
    command: String,
    plugin: String,
    /// What it said, in the archive; null where it said nothing.
    file: Option<String>,
    /// The exit code that it would have had; null where a server answered, which tells of
    /// failures alone.
    code: Option<u16>,
    /// Who answered: `here`, or `server` where no database is configured here.
    through: String,
    /// Why it failed.
    error: Option<String>,
    duration_ms: u64,
    bytes: usize,
    /// Secrets that were masked in what it said.
    masked: usize,
    /// Where in what it said, as JSON pointers.
    masked_at: Vec<String>,
    #[serde(skip)]
    pub(crate) text: String,
    #[serde(skip)]
    pub(crate) data: Value,
}

impl Entry {
    /// It could not be read.
    pub(crate) fn failed(&self) -> bool {
        self.error.is_some()
    }

    /// Where it lies in the archive.
    pub(crate) fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// How many secrets were masked in it.
    pub(crate) fn masked(&self) -> usize {
        self.masked
    }
}

/// Runs them all; the order stays.
pub(crate) async fn collect(ctx: &Context, planned: &[Planned], patience: Duration) -> Vec<Entry> {
    let remote = is_remote(ctx).await;
    let runs = planned.iter().map(|planned| run(ctx, planned, patience, remote));
    futures_util::stream::iter(runs).buffered(AT_ONCE).collect().await
}

/// Whether commands are asked of the server, as they are where one is typed: with a token for it and
/// without a database.
pub(crate) async fn is_remote(ctx: &Context) -> bool {
    let config = ctx.config();
    let is_set =
        async |key: &str| config.get(key).await.ok().flatten().is_some_and(|text| !text.is_empty());
    !is_set("database.url").await && is_set("api.token").await
}

async fn run(ctx: &Context, planned: &Planned, patience: Duration, remote: bool) -> Entry {
    let began = Instant::now();
    let path = planned.route.as_deref().filter(|_| remote).map(|route| path(route, &planned.args));
    let answer = async {
        match &path {
            Some(path) => asked(ctx, path, patience).await,
            None => answer(ctx, planned).await,
        }
    };
    let answer = tokio::time::timeout(patience, answer).await.unwrap_or_else(|_| {
        Err(Error::timed_out(format!("no answer within {} s", patience.as_secs())))
    });
    let mut entry = packed(typed(planned), planned.plugin.clone(), &planned.file, began, answer);
    if path.is_some() {
        entry.through = "server".to_owned();
        // It tells of failures alone.
        entry.code = entry.code.filter(|_| entry.failed());
    }
    entry
}

/// What was answered, as it lies in the archive.
pub(super) fn packed(
    command: String,
    plugin: String,
    file: &str,
    began: Instant,
    answer: Result<Report>,
) -> Entry {
    let mut entry = Entry {
        command,
        plugin,
        file: None,
        code: None,
        through: "here".to_owned(),
        error: None,
        duration_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        bytes: 0,
        masked: 0,
        masked_at: Vec::new(),
        text: String::new(),
        data: Value::Null,
    };
    match answer {
        Ok(report) => {
            entry.code = Some(code(report.verdict).into());
            let notes: Vec<&str> = report.notes.iter().map(|note| note.text.as_str()).collect();
            let said = json!({"notes": notes, "data": report.data});
            entry.text = format!("{}\n", pretty(&said));
            entry.bytes = entry.text.len();
            masks(&said, &mut String::new(), &mut entry.masked_at);
            entry.masked = entry.text.matches(MASK).count();
            entry.file = Some(format!("{file}.json"));
            entry.data = report.data;
        }
        Err(error) => {
            entry.code = Some(error.kind.exit_code().into());
            let causes = error.causes.iter().map(|cause| format!(": {cause}"));
            entry.error = Some(error.message.clone() + &causes.collect::<String>());
        }
    }
    entry
}

/// A document over indented lines, with the digits and keys of what is passed on in it.
fn pretty(said: &Value) -> String {
    serde_json::to_string_pretty(&Verbatim(said)).unwrap_or_else(|_| format!("{said:#}"))
}

async fn answer(ctx: &Context, planned: &Planned) -> Result<Report> {
    let run = RunCommand {
        scope: planned.scope,
        command: planned.command.clone(),
        args: planned.args.clone(),
        // Whatever the report itself was asked to show: an archive is given to others.
        output: Output { format: "json".to_owned(), show_secrets: false, ..Output::default() },
        ..RunCommand::default()
    };
    ctx.commands().run(&run).await?.answer().await
}

/// What the server answers.
async fn asked(ctx: &Context, path: &str, patience: Duration) -> Result<Report> {
    let answer: Value = ctx.api().timeout(patience).get(path).await?.ok()?;
    Report::data(&answer)
}

/// The path and query of a command with its arguments.
fn path(route: &str, args: &Map<String, Value>) -> String {
    let mut path = format!("/api/server{route}");
    let mut query = Vec::new();
    for (id, value) in args {
        let place = format!("{{{id}}}");
        if path.contains(&place) {
            path = path.replace(&place, &encoded(value));
            continue;
        }
        match value.as_array() {
            Some(values) => {
                query.extend(values.iter().map(|value| format!("{id}={}", encoded(value))));
            }
            None => query.push(format!("{id}={}", encoded(value))),
        }
    }
    if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
}

/// What stays as it is in a path or a query.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A value as a part of a URL.
fn encoded(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    utf8_percent_encode(&text, PLAIN).to_string()
}

/// The places of masks below a value whose own place is given.
fn masks(value: &Value, place: &mut String, found: &mut Vec<String>) {
    let mut below = |step: &str, value: &Value| {
        let here = place.len();
        place.push('/');
        place.push_str(&step.replace('~', "~0").replace('/', "~1"));
        masks(value, place, found);
        place.truncate(here);
    };
    match value {
        Value::Array(values) => {
            values.iter().enumerate().for_each(|(n, value)| below(&n.to_string(), value));
        }
        Value::Object(fields) => fields.iter().for_each(|(key, value)| below(key, value)),
        Value::String(text) if text.contains(MASK) => found.push(place.clone()),
        _ => {}
    }
}

fn code(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Clean => 0,
        Verdict::Negative => 1,
        Verdict::NotRunning => 3,
        Verdict::Undetermined => 4,
    }
}

fn typed(planned: &Planned) -> String {
    let args = planned.args.iter().map(|(id, value)| typed_argument(id, value));
    std::iter::once(planned.command.clone()).chain(args).collect::<Vec<_>>().join(" ")
}

fn typed_argument(id: &str, value: &Value) -> String {
    let long = id.replace('_', "-");
    match value {
        Value::Bool(_) => format!("--{long}"),
        Value::String(text) if id == "id" => text.clone(),
        Value::String(text) if id == "sql" => quote(text),
        Value::String(text) => format!("--{long} {text}"),
        Value::Array(values) => {
            let words = values.iter().map(|value| value.as_str().unwrap_or_default());
            format!("--{long} {}", words.collect::<Vec<_>>().join(","))
        }
        other => format!("--{long} {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Planned, masks, path, typed};
    use serde_json::{Value, json};
    use toygres_plugin_api::manifest::Scope;

    #[test]
    fn a_command_is_asked_by_its_path() {
        let of = |route: &str, args: Value| path(route, args.as_object().unwrap());
        assert_eq!(of("/stats", json!({})), "/api/server/stats");
        assert_eq!(of("/health", json!({"verbose": true})), "/api/server/health?verbose=true");
        assert_eq!(
            of("/orchestrations", json!({"status": ["failed", "a b"]})),
            "/api/server/orchestrations?status=failed&status=a%20b"
        );
        assert_eq!(
            of("/orchestrations/{id}", json!({"id": "a::sub::2/x", "history": true})),
            "/api/server/orchestrations/a%3A%3Asub%3A%3A2%2Fx?history=true"
        );
    }

    #[test]
    fn masks_are_found_wherever_they_are() {
        let mut found = Vec::new();
        let said = json!({"a": [1, {"b/c": "postgresql://x:***@y"}], "d": "***", "e": "*"});
        masks(&said, &mut String::new(), &mut found);
        assert_eq!(found, ["/a/1/b~1c", "/d"]);
    }

    #[test]
    fn a_command_is_told_as_it_would_be_typed() {
        let typed = |command: &str, args: Value| {
            let Value::Object(args) = args else { panic!("no arguments: {args}") };
            let (plugin, file) = (String::new(), String::new());
            let command = command.to_owned();
            typed(&Planned { plugin, scope: Scope::Server, command, args, file, route: None })
        };
        assert_eq!(typed("health", json!({"verbose": true})), "health --verbose");
        assert_eq!(
            typed("orchestrations", json!({"status": ["failed"]})),
            "orchestrations --status failed"
        );
        assert_eq!(
            typed("orchestration", json!({"id": "a", "history": true})),
            "orchestration a --history"
        );
    }
}
