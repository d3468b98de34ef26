//! Where events go: the file, and stderr where the process stays in the foreground.

use super::mask::Mask;
use super::rotate::Rotating;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use toygres_plugin_api::{Error, Result};
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

/// Begins to log. Every line passes `mask`.
///
/// # Errors
/// When the level cannot be read or the file cannot be opened.
pub(crate) fn start(target: &Target<'_>, level: &str, mask: &Mask) -> Result<()> {
    let filter = EnvFilter::try_new(format!("{QUIET},{level}")).map_err(|error| {
        Error::usage(format!("`{level}` is no log level")).cause(error).hint(
            "give error, warn, info, debug or trace, or one a part: `info,toygres_server=debug`",
        )
    })?;
    let file = Rotating::open(target.path, target.most_bytes, target.keep).map_err(|error| {
        Error::failed(format!("the log {} cannot be written", target.path.display()))
            .cause(error)
            .hint("check who owns the folder, or give another file with `TOYGRES_LOG_FILE`")
    })?;
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
        .try_init()
        .map_err(|error| Error::plugin("the log is already in use").cause(error))
}

/// A terminal gets lines for people; what else reads stderr gets the same as the file.
fn on_stderr(mask: &Mask) -> Box<dyn Layer<Registry> + Send + Sync> {
    let lines = Lines { out: Out::Stderr, mask: mask.clone() };
    if io::stderr().is_terminal() {
        return fmt::layer().compact().with_target(false).with_writer(lines).boxed();
    }
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
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
