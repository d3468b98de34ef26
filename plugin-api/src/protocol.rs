//! The documents that cross the border as bytes: what a plugin asks of the host, and what it gets.
//!
//! A call is a method number ([`Method`]) and a JSON document; the answer is a JSON [`Reply`].
//! Documents tolerate unknown fields and give missing ones defaults. A number that a host does
//! not know is answered with the error `unimplemented`, never with a crash.

use crate::error::Error;
use crate::report::{Report, StreamColumn};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The numbers of the host's methods. A number is never used again for something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
#[non_exhaustive]
pub enum Method {
    /// [`DbQuery`] → [`crate::report::StreamRef`]; its rows come through the border's `next_rows`.
    DbQuery = 1,
    /// [`DbBegin`] → [`DbSession`].
    DbBegin = 2,
    /// [`DbEnd`] → `null`.
    DbEnd = 3,
    /// `null` → [`DbTarget`].
    DbTarget = 4,
    /// [`DbExecute`] → the number of rows affected.
    DbExecute = 5,
    /// A stream's number → `null`; stops it on the server too.
    StreamClose = 6,
    /// [`WorkflowRef`] → [`WorkflowStatus`].
    WorkflowStatus = 20,
    /// [`WorkflowRef`] → an array of duroxide's events as JSON.
    WorkflowHistory = 21,
    /// [`WorkflowCancel`] → `null`.
    WorkflowCancel = 22,
    /// `null` → [`KubeTarget`].
    KubeTarget = 40,
    /// [`Progress`] → `null`.
    Progress = 60,
    /// [`crate::report::Note`] → `null`.
    Note = 61,
    /// [`Confirm`] → [`Confirmed`].
    Confirm = 62,
    /// [`Report`] → `null`: shows what is known so far (`--follow`, `--wait`).
    Show = 63,
    /// [`Report`] → `null`: writes what is new below what was written before (`logs --follow`).
    Append = 64,
    /// `null` → [`Config`].
    Config = 80,
    /// `null` → an array of [`Variable`].
    Environment = 81,
    /// [`Reveal`] → the setting's value unmasked, or `null`; for plugins that need `credentials`.
    Reveal = 82,
    /// [`StreamOpen`] → [`crate::report::StreamRef`]; rows follow through the border's `emit_rows`.
    StreamOpen = 90,
    /// [`ApiRequest`] → [`ApiResponse`].
    Api = 100,
    /// [`RunCommand`] → [`crate::report::StreamRef`] of one column: each row is a [`Line`] as JSON.
    /// For plugins that need `commands`.
    RunCommand = 110,
    /// `null` → an array of [`crate::manifest::Manifest`]: every usable plugin's. For plugins that
    /// need `commands`.
    Commands = 111,
}

impl Method {
    /// Every method of this version, for the host's table and for tests.
    pub const ALL: &'static [Self] = &[
        Self::DbQuery,
        Self::DbBegin,
        Self::DbEnd,
        Self::DbTarget,
        Self::DbExecute,
        Self::StreamClose,
        Self::WorkflowStatus,
        Self::WorkflowHistory,
        Self::WorkflowCancel,
        Self::KubeTarget,
        Self::Progress,
        Self::Note,
        Self::Confirm,
        Self::Show,
        Self::Append,
        Self::Config,
        Self::Environment,
        Self::Reveal,
        Self::StreamOpen,
        Self::Api,
        Self::RunCommand,
        Self::Commands,
    ];

    /// The method with this number, if this version knows it.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.iter().copied().find(|method| *method as u32 == number)
    }
}

/// Every answer: a value or an error.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply<T = Value> {
    /// It worked.
    Ok(T),
    /// It did not.
    Err(Error),
}

impl<T> From<Reply<T>> for crate::error::Result<T> {
    fn from(reply: Reply<T>) -> Self {
        match reply {
            Reply::Ok(value) => Ok(value),
            Reply::Err(error) => Err(error),
        }
    }
}

impl<T> From<crate::error::Result<T>> for Reply<T> {
    fn from(result: crate::error::Result<T>) -> Self {
        match result {
            Ok(value) => Self::Ok(value),
            Err(error) => Self::Err(error),
        }
    }
}

/// What the host hands a plugin to run: one command and its arguments.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Invocation {
    /// The command's name in the manifest.
    pub command: String,
    /// Its scope in the manifest.
    pub scope: crate::manifest::Scope,
    /// Argument id → value, as [`crate::manifest::ArgKind`] says.
    pub args: serde_json::Map<String, Value>,
    /// How the answer will be shown.
    pub output: Output,
    /// The command is not to be run: a shell wants to know what may stand for one argument. `args`
    /// are the other arguments as far as they are typed. Only for arguments whose manifest says
    /// that they complete; the answer's data is a list of [`Candidate`].
    pub complete: Option<Complete>,
}

/// A question for values of one argument.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Complete {
    /// The argument's id in the manifest.
    pub arg: String,
    /// What is typed of its value.
    pub begun: String,
}

/// A value that a shell offers for an argument.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Candidate {
    /// As it is typed.
    pub value: String,
    /// What it is, in a few words; empty where there is nothing to say.
    pub help: String,
}

impl Candidate {
    /// A value and what it is.
    pub fn new(value: impl Into<String>, help: impl Into<String>) -> Self {
        Self { value: value.into(), help: help.into() }
    }
}

/// How the answer will be shown; a command rarely needs to know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Output {
    /// `table`, `wide`, `json`, `jsonl`, `yaml`, `csv` or another the manifest names.
    pub format: String,
    /// stdout is a terminal.
    pub terminal: bool,
    /// This run is one tick of `--watch`.
    pub watch: bool,
    /// `--show-secrets` was given.
    pub show_secrets: bool,
    /// Whoever asked is elsewhere and came through a server: this process's terminal and standard
    /// input are not theirs.
    pub away: bool,
}

/// What a plugin answers to an [`Invocation`].
pub type Answer = Reply<Report>;

/// A statement to run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DbQuery {
    /// One statement; `$1`, `$2`, … are the binds.
    pub sql: String,
    /// Each as PostgreSQL's text form of whatever type the statement wants there; `null` is NULL.
    pub binds: Vec<Option<String>>,
    /// Ends the query on the server after this long; the host's own deadline stands besides.
    pub timeout_ms: Option<u64>,
    /// Runs within this session; without one, in a read-only transaction of its own.
    pub session: Option<u64>,
    /// The statement was typed by the operator: hold it read-only in every way PostgreSQL knows
    /// and say so where it is refused.
    pub untrusted: bool,
}

/// A statement that changes something.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DbExecute {
    /// One statement.
    pub sql: String,
    /// As in [`DbQuery`].
    pub binds: Vec<Option<String>>,
    /// A session that was begun with a confirmation.
    pub session: u64,
}

/// Begins a transaction that several statements share.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DbBegin {
    /// With it the transaction may write; without it PostgreSQL holds it read-only, and all its
    /// statements see one moment (`REPEATABLE READ`).
    pub confirmed: Option<Confirmed>,
}

/// A transaction under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DbSession {
    /// The host's number of it.
    pub session: u64,
}

/// Ends a transaction.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DbEnd {
    /// The host's number of it.
    pub session: u64,
    /// Keep what it wrote; otherwise it is rolled back.
    pub commit: bool,
}

/// Which database is lent: nothing secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DbTarget {
    /// Host name, address or socket folder.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Database name.
    pub database: String,
    /// Role.
    pub user: String,
    /// The most connections the host opens for one command.
    pub max_connections: u32,
    /// Deadline for connecting, in milliseconds.
    pub connect_timeout_ms: u64,
    /// Deadline for one statement, in milliseconds.
    pub statement_timeout_ms: u64,
}

/// Names a workflow.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkflowRef {
    /// duroxide's instance id.
    pub instance: String,
    /// Its execution; the latest where `None`.
    pub execution: Option<u64>,
}

/// duroxide's own word on a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum WorkflowStatus {
    /// duroxide knows no such instance.
    NotFound,
    /// No terminal record yet.
    Running,
    /// It ended well.
    Completed {
        /// What the workflow returned.
        output: String,
    },
    /// It ended badly.
    Failed {
        /// duroxide's words.
        error: String,
        /// The failure is a cancellation.
        cancelled: bool,
    },
    /// A state that a newer host knows.
    #[serde(other)]
    Unknown,
}

/// Asks duroxide to cancel a workflow.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WorkflowCancel {
    /// duroxide's instance id.
    pub instance: String,
    /// Recorded with the request.
    pub reason: String,
    /// What allows it.
    pub confirmed: Confirmed,
}

/// Which cluster is lent: nothing secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KubeTarget {
    /// The API server's URL.
    pub server: String,
    /// The kubeconfig's context.
    pub context: Option<String>,
    /// The namespace that commands work in.
    pub namespace: String,
}

/// Asks for a setting as it is, secrets included.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Reveal {
    /// `database.url`.
    pub key: String,
}

/// A request to the API of the control plane; the host adds address and token.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ApiRequest {
    /// `GET`, `POST`, `DELETE`.
    pub method: String,
    /// Path and query below the API's URL: `/api/instances`.
    pub path: String,
    /// A JSON body.
    pub body: Option<Value>,
    /// What allows a method that is not `GET`.
    pub confirmed: Option<Confirmed>,
    /// Deadline for the whole answer; the host's own where `None`.
    pub timeout_ms: Option<u64>,
}

/// What the API answered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ApiResponse {
    /// The HTTP status.
    pub status: u16,
    /// The body; a string where it is no JSON.
    pub body: Value,
}

/// Runs another command, of whichever plugin, and follows what it says.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RunCommand {
    /// The command's scope in its manifest.
    pub scope: crate::manifest::Scope,
    /// The command's name in its manifest.
    pub command: String,
    /// Argument id → value, as [`crate::manifest::ArgKind`] says.
    pub args: serde_json::Map<String, Value>,
    /// The contents of files that arguments of the kind `path` name, by argument id, in base64:
    /// the file lies on the machine of whoever asks. An argument keeps the name that was typed, for
    /// what is said of it.
    pub files: std::collections::BTreeMap<String, String>,
    /// How the answer will be shown.
    pub output: Output,
    /// What whoever asks answers to the command's question: `yes`, or the name to be typed.
    pub answer: Option<String>,
    /// What allows the plugin that asks to change anything; without it no answer counts.
    pub confirmed: Option<Confirmed>,
    /// The command is not to be run: a shell wants to know what may stand for one argument. The
    /// report's data is a list of [`Candidate`]. For plugins that need `completions`: an older host
    /// would run the command.
    pub complete: Option<Complete>,
}

/// What a command says while it runs and in the end, in the order in which it says it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", remote = "Self")]
pub enum Line {
    /// What it is doing.
    Progress(Progress),
    /// A remark.
    Note(crate::report::Note),
    /// What is known so far, in place of what was shown before.
    Frame(Report),
    /// What is new, below what was shown before.
    Append(Report),
    /// It asked, and was not answered: its refusal follows.
    Question(Confirm),
    /// Its answer. Where that has a stream, rows follow.
    Report(Report),
    /// A file that it wrote, on its way to the machine of whoever asks.
    File(WrittenFile),
    /// Rows of the answer's stream, each cell as PostgreSQL writes it.
    Rows(Vec<Vec<Option<String>>>),
    /// It ended well; nothing follows.
    End,
    /// It failed; nothing follows.
    Error(Error),
    /// What a newer version says.
    #[serde(other)]
    Unknown,
}

crate::later::tolerate!(Line);

/// A file that a command wrote for somebody elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WrittenFile {
    /// The id of the argument that names it.
    pub arg: String,
    /// What is in it, in base64.
    pub contents: String,
}

/// The header that carries a [`Confirmed`]'s token with a Kubernetes request that writes; the host
/// takes it off.
pub const CONFIRMED_HEADER: &str = "toygres-confirmed";

/// What a long command is doing, shown on stderr of a terminal.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// One line; empty takes it away.
    pub text: String,
    /// How much is done.
    pub done: Option<u64>,
    /// Of how much.
    pub total: Option<u64>,
}

/// What must be confirmed before a mutating command may change anything.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Confirm {
    /// What would happen: shown on stderr first.
    pub preview: Report,
    /// The question, without `(y/N)`.
    pub question: String,
    /// When set, this must be typed instead of `y`.
    pub type_name: Option<String>,
}

/// The host's word that the operator confirmed. Only the host can make one that it honours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmed {
    /// Known to this run of the host alone.
    pub token: String,
}

/// The configuration in force.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Each known setting, in a stable order.
    pub settings: Vec<Setting>,
    /// The current context's name, where the configuration file has contexts.
    pub context: Option<String>,
    /// The configuration file.
    pub file: String,
    /// The file exists.
    pub file_exists: bool,
    /// Keys of the file that no setting has, each with the nearest known key.
    pub unknown_keys: Vec<UnknownKey>,
}

/// One setting.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Setting {
    /// `database.url`.
    pub key: String,
    /// What people read: `URL`.
    pub label: String,
    /// The value in force; a secret one is masked unless `--show-secrets` was given.
    pub value: Value,
    /// Where it comes from.
    pub source: Source,
    /// The environment variable that sets it.
    pub env: Option<String>,
    /// Masked unless `--show-secrets` was given.
    pub secret: bool,
    /// The file that it was read from, where that is not the configuration file: `api-token` in the
    /// home folder, or a `.env` file.
    pub place: Option<String>,
}

impl Config {
    /// The setting of this key.
    #[must_use]
    pub fn setting(&self, key: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.key == key)
    }

    /// A setting's value as text; `None` where nothing sets it and it has no default.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<String> {
        self.text_unless(key, &[])
    }

    /// The same; `None` where it comes from one of these.
    #[must_use]
    pub fn text_unless(&self, key: &str, sources: &[Source]) -> Option<String> {
        let setting = self.setting(key).filter(|setting| !sources.contains(&setting.source))?;
        match &setting.value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }
}

/// Where a setting's value comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// An option of the command line.
    Flag,
    /// The environment.
    Environment,
    /// A `.env` file.
    DotEnv,
    /// The configuration file.
    File,
    /// Nothing set it.
    #[default]
    Default,
}

/// A key in the configuration file that means nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UnknownKey {
    /// As written.
    pub key: String,
    /// What was perhaps meant.
    pub suggestion: Option<String>,
}

/// One environment variable that toygres reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its group: `required`, `optional` or `computed`.
    pub group: String,
    /// It is set.
    pub set: bool,
    /// Its value, masked where it is a secret; `None` where not set.
    pub value: Option<String>,
    /// What is used where it is not set, masked where it is a secret.
    pub default: Option<String>,
    /// Masked unless `--show-secrets` was given.
    pub secret: bool,
    /// `environment`, or the path of the `.env` file that it was read from. Where it is not set:
    /// what `default` comes from, if that is a file or an option.
    pub source: Option<String>,
    /// For a path: it exists; for a list of paths: one of them does.
    pub exists: Option<bool>,
}

/// Opens a stream of rows that the plugin makes itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StreamOpen {
    /// Its columns, in order.
    pub columns: Vec<StreamColumn>,
}
