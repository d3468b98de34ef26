//! What a command answers when it cannot answer: a kind, a message, its causes and a hint.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The result of everything an author calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in the terms an operator and a script need.
///
/// The kind alone decides the exit code ([`ErrorKind::exit_code`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    /// What sort of failure this is.
    pub kind: ErrorKind,
    /// One line, lower case, backticks around what the user typed.
    pub message: String,
    /// The next command or change that would help.
    #[serde(default)]
    pub hint: Option<String>,
    /// What led to it, outermost first; each displays only itself.
    #[serde(default)]
    pub causes: Vec<String>,
    /// Whether trying the same again later may succeed.
    #[serde(default)]
    pub retryable: bool,
}

/// The sort of a failure; it decides the exit code and nothing else does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The command line or an argument is wrong: exit 2.
    Usage,
    /// The server process does not run: exit 3.
    NotRunning,
    /// A backend is unreachable or forbids the question: exit 4.
    Unavailable,
    /// There is no such thing: exit 5.
    NotFound,
    /// Declined, or a confirmation was needed and could not be had: exit 6.
    Refused,
    /// A deadline passed: exit 7.
    TimedOut,
    /// A plugin failed to load or broke: exit 8.
    Plugin,
    /// The operator interrupted: exit 130.
    Interrupted,
    /// The operation was tried and failed: exit 9.
    #[serde(other)]
    Failed,
}

impl ErrorKind {
    /// The process exit code of this kind.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::NotRunning => 3,
            Self::Unavailable => 4,
            Self::NotFound => 5,
            Self::Refused => 6,
            Self::TimedOut => 7,
            Self::Plugin => 8,
            Self::Failed => 9,
            Self::Interrupted => 130,
        }
    }

    /// The name machines see (`unavailable`, `not_found`, …).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::NotRunning => "not_running",
            Self::Unavailable => "unavailable",
            Self::NotFound => "not_found",
            Self::Refused => "refused",
            Self::TimedOut => "timed_out",
            Self::Plugin => "plugin",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

impl Error {
    /// An error of `kind`; see the shorthands below for each kind.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let retryable = matches!(kind, ErrorKind::Unavailable | ErrorKind::TimedOut);
        Self { kind, message: message.into(), hint: None, causes: Vec::new(), retryable }
    }

    /// Bad input (exit 2); the hint says what would have been right.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// A backend that cannot be reached or asked (exit 4).
    #[must_use]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, message)
    }

    /// Something named that does not exist (exit 5).
    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// Declined or unconfirmed (exit 6).
    #[must_use]
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Refused, message)
    }

    /// A deadline that passed (exit 7); say what blocked.
    #[must_use]
    pub fn timed_out(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::TimedOut, message)
    }

    /// An operation that was tried and failed (exit 9).
    #[must_use]
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failed, message)
    }

    /// A plugin that broke (exit 8).
    #[must_use]
    pub fn plugin(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Plugin, message)
    }

    /// The same error with the next command to try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same error with one more cause below those it has.
    #[must_use]
    pub fn cause(mut self, cause: impl fmt::Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// The same error, marked as worth trying again or not.
    #[must_use]
    pub fn retryable(mut self, retryable: bool) -> Self {
        self.retryable = retryable;
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

macro_rules! failed_from {
    ($($source:ty => $what:literal),+ $(,)?) => {$(
        impl From<$source> for Error {
            fn from(source: $source) -> Self {
                Error::failed($what).cause(source)
            }
        }
    )+};
}

failed_from! {
    serde_json::Error => "a value could not be read",
    std::io::Error => "input or output failed",
    tokio::task::JoinError => "a task of the command broke",
    std::num::ParseIntError => "a number could not be read",
    std::fmt::Error => "a text could not be written",
}

/// The innermost cause of an error: what the system or the other side said, without what each layer in
/// between put around it.
#[must_use]
pub fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(feature = "kube")]
impl From<kube::Error> for Error {
    fn from(source: kube::Error) -> Self {
        // A status is told by its sentence; kube's own text has all of its fields behind it.
        let said = match &source {
            kube::Error::Api(status) if !status.message.is_empty() => status.message.clone(),
            kube::Error::Api(status) => format!("{} ({})", status.reason, status.code),
            other => root_cause(other),
        };
        match &source {
            kube::Error::Api(status) if status.code == 404 => {
                Error::not_found("Kubernetes has no such object").cause(said)
            }
            kube::Error::Api(status) if status.code == 401 || status.code == 403 => {
                Error::unavailable("Kubernetes forbids the request")
                    .cause(said)
                    .retryable(false)
                    .hint("see `kubectl auth can-i --list`")
            }
            kube::Error::Api(_) => Error::failed("Kubernetes refused the request").cause(said),
            // The host's own words, where there was no answer at all.
            kube::Error::Service(told) if told.is::<Error>() => told
                .downcast_ref::<Error>()
                .cloned()
                .unwrap_or_else(|| Error::unavailable("Kubernetes cannot be reached")),
            _ => Error::unavailable("Kubernetes cannot be reached").cause(said),
        }
    }
}
