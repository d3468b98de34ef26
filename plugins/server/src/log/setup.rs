//! Where events go: the file, and stderr where the process stays in the foreground.

use super::mask::Mask;
use super::rotate::Rotating;
use crate::process::home;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use toygres_plugin_api::text::escape;
use toygres_plugin_api::{Error, Result};
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

/// The file that is written.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    pub(crate) path: &'a Path,
    /// It is set aside before it is larger.
    pub(crate) most_bytes: u64,
    /// So many older ones stay.
    pub(crate) keep: u32,
    /// Write to stderr too.
    pub(crate) stderr: bool,
}

/// What PostgreSQL remarks on statements that change nothing: there are dozens at every start. It
/// can be asked for by its name.
const QUIET: &str = "sqlx::postgres::notice=warn";

/// duroxide's own lines on an activity or an orchestration that failed: the control plane logs both
/// itself, without the marks that only workflows read, and a cancellation is no failure. They are
/// known by their fields, so that its other warnings stay.
const REPEATED: &[(&str, &[&str])] = &[
    ("duroxide::runtime", &["activity_name", "outcome", "error"]),
    ("duroxide::runtime", &["history_events", "error_type", "error"]),
];

fn is_repeated(event: &Metadata<'_>) -> bool {
    event.is_event()
        && *event.level() == Level::WARN
        && REPEATED.iter().any(|(target, fields)| {
            event.target() == *target
                && fields.iter().all(|field| event.fields().field(field).is_some())
        })
}

/// Reads what is to be logged: a level, or one a part. A bare word that is no level would be taken
/// for a part of which everything is logged, so it is refused.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn filter(level: &str) -> Result<EnvFilter> {
    let refused = || {
        Error::usage(format!("`{level}` is no log level")).hint(
            "give error, warn, info, debug, trace or off, or one a part: \
             `info,toygres_server=debug`; see where it is set with `toygres server config`",
        )
    };
    let parts: Vec<&str> =
        level.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    let bare = |part: &&str| !part.contains(['=', '[']) && part.parse::<LevelFilter>().is_err();
    if parts.is_empty() || parts.iter().any(bare) {
        return Err(refused());
    }
    EnvFilter::try_new(format!("{QUIET},{}", parts.join(",")))
        .map_err(|error| refused().cause(error))
}

/// Begins to log. Every line passes `mask`.
///
/// # Errors
/// When the level cannot be read or the file cannot be opened.
pub(crate) fn start(target: &Target<'_>, level: &str, mask: &Mask) -> Result<()> {
    let filter = filter(level)?;
    let file = Rotating::open(target.path, target.most_bytes, target.keep)
        .map_err(|error| unwritable(target.path, error))?;
    let file = Lines { out: Out::File(Arc::new(Mutex::new(file))), mask: mask.clone() };
    let stderr = target.stderr.then(|| on_stderr(mask));
    let json = fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_writer(file);
    tracing_subscriber::registry()
        .with(stderr)
        .with(json)
        .with(filter)
        .with(filter_fn(|event| !is_repeated(event)))
        .try_init()
        .map_err(|error| Error::plugin("the log is already in use").cause(error))
}

/// Whether the log can be written; nothing is.
///
/// # Errors
/// Why not.
pub(crate) fn writable(path: &Path) -> Result<()> {
    Rotating::open(path, u64::MAX, 0).map(drop).map_err(|error| unwritable(path, error))?;
    home::writable(path)
}

/// The log cannot be written.
fn unwritable(path: &Path, error: io::Error) -> Error {
    let hint = home::room(path, &error).unwrap_or_else(|| {
        "check who owns the folder, or give another file with `TOYGRES_LOG_FILE`".to_owned()
    });
    Error::failed(format!("the log {} cannot be written", path.display())).cause(error).hint(hint)
}

/// A terminal gets lines for people; what else reads stderr gets the same as the file.
fn on_stderr(mask: &Mask) -> Box<dyn Layer<Registry> + Send + Sync> {
    if io::stderr().is_terminal() {
        let lines = Lines { out: Out::Terminal, mask: mask.clone() };
        // What is logged may be somebody else's text, and colours could not be told from it.
        let layer = fmt::layer().compact().with_ansi(false).with_target(false);
        return layer.with_writer(lines).boxed();
    }
    let lines = Lines { out: Out::Stderr, mask: mask.clone() };
    fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_writer(lines)
        .boxed()
}

/// Takes whole lines.
#[derive(Clone)]
struct Lines {
    out: Out,
    mask: Mask,
}

#[derive(Clone)]
enum Out {
    File(Arc<Mutex<Rotating>>),
    Stderr,
    Terminal,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Write for Lines {
    /// Gets one event at a time, as a whole.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let masked = self.mask.line(line);
        match &self.out {
            Out::File(file) => {
                file.lock().unwrap_or_else(PoisonError::into_inner).line(&masked)?;
            }
            Out::Stderr => io::stderr().lock().write_all(&masked)?,
            Out::Terminal => io::stderr().lock().write_all(&one_line(&masked))?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An event in one line that a terminal draws as it is.
fn one_line(event: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(event);
    let mut line = escape(text.trim_end_matches('\n')).into_owned().into_bytes();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::{filter, one_line};
    use toygres_plugin_api::ErrorKind;

    #[test]
    fn an_event_is_one_harmless_line() {
        let shown = one_line("WARN a\nINFO forged\u{1b}[2J\u{202e}\n".as_bytes());
        assert_eq!(
            shown,
            br"WARN a\nINFO forged\u{1b}[2J\u{202e}"
                .iter()
                .chain(b"\n")
                .copied()
                .collect::<Vec<u8>>()
        );
    }

    #[test]
    fn a_word_that_is_no_level_is_refused() {
        for level in [
            "info",
            "WARN",
            "off",
            "info,toygres_server=debug",
            "warn, sqlx::query=trace,",
            "info,[request{a=1}]=debug",
        ] {
            assert!(filter(level).is_ok(), "{level}");
        }
        for level in ["bogus", "", ",", "info,bogus", "debugg", "toygres_server=loud"] {
            let error = filter(level).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Usage, "{level}");
            assert!(error.hint.unwrap().contains("error, warn, info, debug, trace"), "{level}");
        }
    }
}
