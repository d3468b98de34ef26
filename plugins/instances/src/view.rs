//! How instances look.

pub(crate) mod detail;
pub(crate) mod steps;

use toygres_plugin_api::report::{Kind, State, Tone};

/// The states of an instance.
pub(crate) fn states() -> Kind {
    Kind::Status(vec![
        State::new("creating", "Creating", Tone::Active),
        State::new("running", "Running", Tone::Good),
        State::new("deleting", "Deleting", Tone::Active),
        State::new("deleted", "Deleted", Tone::Muted),
        State::new("failed", "Failed", Tone::Bad),
    ])
}

/// What the last health check found.
pub(crate) fn healths() -> Kind {
    Kind::Status(vec![
        State::new("healthy", "Healthy", Tone::Good),
        State::new("unhealthy", "Unhealthy", Tone::Bad),
        State::new("unknown", "Unknown", Tone::Muted),
    ])
}
