//! Why a step could not be done, and whether trying again may help.

use std::fmt;
use toygres_plugin_api::Error;

/// What the text of a passing failure begins with, by which an orchestration knows it.
const PASSING: &str = "passing: ";

/// Why a step could not be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken {
    message: String,
    passing: bool,
}

impl Broken {
    /// Trying again would not help.
    pub(super) fn lasting(message: impl Into<String>) -> Self {
        Self { message: message.into(), passing: false }
    }

    /// It may be gone a moment later: a connection that was lost, a server that restarts.
    pub(super) fn passing(message: impl Into<String>) -> Self {
        Self { message: message.into(), passing: true }
    }

    /// Whether a right is missing.
    pub(super) fn is_forbidden(&self) -> bool {
        self.message.starts_with("forbidden: ")
    }

    /// The same with what was being done.
    pub(super) fn during(self, doing: &str) -> Self {
        Self { message: format!("{doing}: {}", self.message), ..self }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.passing {
            f.write_str(PASSING)?;
        }
        f.write_str(&self.message)
    }
}

/// Whether the failure of an activity may be gone a moment later.
pub(super) fn is_passing(failure: &str) -> bool {
    failure.starts_with(PASSING)
}

/// The failure as a person should read it.
pub(super) fn reason(failure: &str) -> &str {
    failure.strip_prefix(PASSING).unwrap_or(failure)
}

impl From<sqlx::Error> for Broken {
    fn from(error: sqlx::Error) -> Self {
        let passing = match &error {
            sqlx::Error::Database(database) => database.code().is_some_and(|code| {
                // Connections, shutting down, resources, deadlocks and what lost a race, a lock
                // that somebody else held for too long, a session that the server gave up.
                ["08", "57P", "53", "40", "55P03", "25P03"]
                    .iter()
                    .any(|class| code.starts_with(class))
            }),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::WorkerCrashed => true,
            _ => false,
        };
        Self { message: format!("database: {error}"), passing }
    }
}

impl From<duroxide::ClientError> for Broken {
    fn from(error: duroxide::ClientError) -> Self {
        Self { passing: error.is_retryable(), message: format!("workflows: {error}") }
    }
}

impl From<serde_json::Error> for Broken {
    fn from(error: serde_json::Error) -> Self {
        Self::lasting(format!("a value could not be read: {error}"))
    }
}

impl From<Broken> for Error {
    fn from(broken: Broken) -> Self {
        if broken.is_forbidden() {
            return Self::unavailable(broken.message)
                .retryable(false)
                .hint("grant the right to the user of this server: see `deploy/`");
        }
        if broken.passing {
            Self::unavailable(broken.message)
        } else {
            Self::failed(broken.message)
        }
    }
}

/// A backend that cannot be asked.
pub(super) fn unavailable(message: &str) -> Error {
    Error::unavailable(message).hint("see `toygres server health` and `toygres server logs`")
}

/// A failure of the CMS as whoever asked should see it.
pub(super) fn cms(error: sqlx::Error) -> Error {
    let broken = Broken::from(error);
    let failure = unavailable("the metadata database cannot be asked");
    failure.retryable(broken.passing).cause(broken.message)
}
