//! Why a step could not be done, and whether trying again may help.

use super::exhaustion;
use std::fmt;
use toygres_model::failure::{EXHAUSTED, TRANSIENT};
use toygres_plugin_api::Error;

pub(super) use toygres_model::failure::reason;

/// Why a step could not be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken {
    message: String,
    class: FailureClass,
}

/// Whether trying again may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FailureClass {
    /// It would not.
    Lasting,
    /// It may.
    Passing,
    /// This process ran out of something (`exhaustion`): nothing was tried at all.
    Exhausted,
}

impl Broken {
    /// Trying again would not help.
    pub(super) fn lasting(message: impl Into<String>) -> Self {
        Self { message: message.into(), class: FailureClass::Lasting }
    }

    /// It may be gone a moment later: a connection that was lost, a server that restarts.
    pub(super) fn passing(message: impl Into<String>) -> Self {
        Self { message: message.into(), class: FailureClass::Passing }
    }

    /// Whether this process itself was at fault, not what it asked.
    pub(super) fn is_exhaustion(&self) -> bool {
        self.class == FailureClass::Exhausted
    }

    /// The same; it is this process's own failure where that can open nothing now. What was tried
    /// through others does not tell.
    pub(super) fn or_exhaustion(self) -> Self {
        match self.class {
            FailureClass::Passing if exhaustion::holds_now() => {
                Self { class: FailureClass::Exhausted, ..self }
            }
            _ => self,
        }
    }

    /// Whether a right is missing.
    pub(super) fn is_forbidden(&self) -> bool {
        self.message.starts_with("forbidden: ")
    }

    /// The failure as a person should read it, without the mark that workflows read.
    pub(super) fn reason(&self) -> &str {
        &self.message
    }

    /// Whether trying again may help.
    pub(super) fn is_transient(&self) -> bool {
        self.class != FailureClass::Lasting
    }

    /// The same with what was being done.
    pub(super) fn during(self, doing: &str) -> Self {
        Self { message: format!("{doing}: {}", self.message), ..self }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.class {
            FailureClass::Lasting => "",
            FailureClass::Passing => TRANSIENT,
            FailureClass::Exhausted => EXHAUSTED,
        })?;
        f.write_str(&self.message)
    }
}

/// Whether the failure of an activity may be gone a moment later.
pub(super) fn is_passing(failure: &str) -> bool {
    failure.starts_with(TRANSIENT)
}

/// Whether an activity failed because the process that did it ran out of something.
pub(super) fn is_exhaustion(failure: &str) -> bool {
    failure.starts_with(EXHAUSTED)
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
        let class = match passing {
            _ if exhaustion::caused(&error) => FailureClass::Exhausted,
            true => FailureClass::Passing,
            false => FailureClass::Lasting,
        };
        Self { message: format!("database: {error}"), class }
    }
}

impl From<duroxide::ClientError> for Broken {
    fn from(error: duroxide::ClientError) -> Self {
        let message = format!("workflows: {error}");
        if error.is_retryable() { Self::passing(message) } else { Self::lasting(message) }
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
        if broken.class != FailureClass::Lasting {
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
    failure.retryable(broken.class != FailureClass::Lasting).cause(broken.message)
}
