//! Errors and remarks, on stderr.

use super::json;
use super::style::{Style, drawable, under_bar};
use super::wrap::wrapped;
use serde_json::json;
use toygres_plugin_api::Error;
use toygres_plugin_api::report::{Note, NoteLevel, Tone};

/// Characters of each text of an error that are shown: what others answered may be of any size.
const MAX_TEXT_CHARS: usize = 16_384;

/// The error with texts that can be read to their end.
#[must_use]
pub fn shorten(mut error: Error) -> Error {
    for text in [&mut error.message].into_iter().chain(&mut error.causes).chain(&mut error.hint) {
        if let Some((end, _)) = text.char_indices().nth(MAX_TEXT_CHARS) {
            let more = text[end..].chars().count();
            text.truncate(end);
            text.push_str(&format!("… ({more} characters more)"));
        }
    }
    error
}

/// An error as people read it, in lines of at most `width` columns.
#[must_use]
pub fn human(error: &Error, style: Style, width: Option<usize>) -> String {
    drawable(&words(error, style, width), style).into_owned()
}

fn words(error: &Error, style: Style, width: Option<usize>) -> String {
    let lines = |text: &str, indent| under_bar(text, style, indent);
    let mut text = format!("{} {}\n", style.paint(Tone::Bad, "error:"), lines(&error.message, 2));
    for cause in &error.causes {
        text.push_str(&format!("  caused by: {}\n", lines(cause, 4)));
    }
    if let Some(hint) = &error.hint {
        text.push_str(&format!("  {} {}\n", style.paint(Tone::Active, "hint:"), lines(hint, 4)));
    }
    // What was pointed at keeps its place: a statement with a caret below it is not wrapped.
    if error.message.contains('\n') { text } else { wrapped(&text, width, 4) }
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
    format!("{}\n", json::compact(&object))
}

/// A remark, in lines of at most `width` columns.
#[must_use]
pub fn note(note: &Note, style: Style, width: Option<usize>) -> String {
    let label = match note.level {
        NoteLevel::Info => style.paint(Tone::Active, "note:"),
        NoteLevel::Warning => style.paint(Tone::Warn, "warning:"),
    };
    let text = format!("{label} {}\n", under_bar(&note.text, style, 2));
    drawable(&wrapped(&text, width, 2), style).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{MAX_TEXT_CHARS, shorten};
    use toygres_plugin_api::Error;

    #[test]
    fn a_text_of_any_size_has_an_end() {
        let long = "ä".repeat(MAX_TEXT_CHARS + 5);
        let error = Error::failed(long.as_str()).cause(&long).cause("short").hint(long.as_str());
        let error = shorten(error);
        for text in [&error.message, &error.causes[0], error.hint.as_ref().unwrap()] {
            assert!(text.ends_with("ä… (5 characters more)"), "{}", &text[text.len() - 40..]);
        }
        assert_eq!(error.causes[1], "short");
    }
}
