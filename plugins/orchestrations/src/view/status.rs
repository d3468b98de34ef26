//! How states look.

use toygres_plugin_api::report::{Kind, State, Tone};

/// The states of an orchestration.
pub(crate) fn states() -> Kind {
    Kind::Status(vec![
        State::new("completed", "Completed", Tone::Good),
        State::new("running", "Running", Tone::Active),
        State::new("failed", "Failed", Tone::Bad),
        State::new("cancelled", "Cancelled", Tone::Muted),
        State::new("pending", "Pending", Tone::Muted),
        State::new("continued_as_new", "Continued as new", Tone::Good),
    ])
}

/// What a state means.
pub(crate) fn tone(status: &str) -> Tone {
    match status {
        "completed" | "continued_as_new" => Tone::Good,
        "running" => Tone::Active,
        "failed" => Tone::Bad,
        _ => Tone::Muted,
    }
}
