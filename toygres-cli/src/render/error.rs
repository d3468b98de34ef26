//! Errors and remarks, on stderr.

use super::style::{Style, harmless};
use serde_json::json;
use toygres_plugin_api::Error;
use toygres_plugin_api::report::{Note, NoteLevel, Tone};

/// An error as people read it.
#[must_use]
pub fn human(error: &Error, style: Style) -> String {
    let mut text = format!("{} {}\n", style.paint(Tone::Bad, "error:"), lines(&error.message));
    for cause in &error.causes {
        text.push_str(&format!("  caused by: {}\n", lines(cause).replace('\n', "\n    ")));
    }
    if let Some(hint) = &error.hint {
        text.push_str(&format!("  {} {}\n", style.paint(Tone::Active, "hint:"), lines(hint)));
    }
    text
}

/// An error as one JSON object.
#[must_use]
pub fn machine(error: &Error) -> String {
    let object = json!({
        "code": error.kind.exit_code(),
        "kind": error.kind.name(),
        "message": error.message,
        "hint": error.hint,
        "retryable": error.retryable,
        "causes": error.causes,
    });
    format!("{object}\n")
}

/// A remark.
#[must_use]
pub fn note(note: &Note, style: Style) -> String {
    let label = match note.level {
        NoteLevel::Info => style.paint(Tone::Active, "note:"),
        NoteLevel::Warning => style.paint(Tone::Warn, "warning:"),
    };
    format!("{label} {}\n", lines(&note.text))
}

/// Line breaks stay, everything else that could move the cursor does not.
fn lines(text: &str) -> String {
    text.split('\n').map(harmless).collect::<Vec<_>>().join("\n")
}
