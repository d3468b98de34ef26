//! Whether the server can do its work: each backend with its own word.

use crate::control::ControlPlane;
use serde::Serialize;
use toygres_plugin_api::Error;

/// What was found when it was last looked.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Readiness {
    /// Everything that it needs is there.
    pub(crate) ready: bool,
    /// It was told to end.
    pub(crate) stopping: bool,
    /// When it was looked, RFC 3339.
    pub(crate) checked_at: Option<String>,
    /// What it needs.
    pub(crate) parts: Vec<Part>,
}

/// One backend.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Part {
    /// `database`, `kubernetes`, …
    pub(crate) name: String,
    /// It can be used.
    pub(crate) ready: bool,
    /// Why it cannot.
    pub(crate) message: Option<String>,
    #[serde(skip)]
    pub(crate) error: Option<Error>,
}

impl Readiness {
    /// Looks.
    pub(crate) async fn look(plane: &ControlPlane) -> Self {
        let part = |(name, found): (&str, Result<(), Error>)| {
            let error = found.err();
            Part {
                name: name.to_owned(),
                ready: error.is_none(),
                message: error.as_ref().map(ToString::to_string),
                error,
            }
        };
        let parts: Vec<Part> = plane.parts().await.into_iter().map(part).collect();
        Self {
            ready: parts.iter().all(|part| part.ready),
            stopping: false,
            checked_at: Some(jiff::Timestamp::now().to_string()),
            parts,
        }
    }

    /// What is in the way, as an error.
    pub(crate) fn error(&self) -> Option<Error> {
        self.parts.iter().find_map(|part| part.error.clone())
    }

    /// What is in the way, for people.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let missing = self.parts.iter().filter(|part| !part.ready);
        missing
            .map(|part| {
                let message = part.message.as_deref().unwrap_or("not ready");
                match part.error.as_ref().and_then(|error| error.causes.first()) {
                    Some(cause) => format!("{}: {message}: {cause}", part.name),
                    None => format!("{}: {message}", part.name),
                }
            })
            .collect()
    }
}
