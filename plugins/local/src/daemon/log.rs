//! What the daemon did, for people: one line each.

use crate::files;
use jiff::Timestamp;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use toygres_plugin_api::{Error, Result};

/// A log that is appended to.
#[derive(Debug, Clone)]
pub(crate) struct Log(Arc<File>);

impl Log {
    /// Opens it.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Ok(Self(Arc::new(files::open_log(path)?)))
    }

    /// Says what was done.
    pub(crate) fn say(&self, text: &str) {
        self.line("INFO", text);
    }

    /// Says what went wrong, with its causes.
    pub(crate) fn error(&self, what: &str, error: &Error) {
        let causes: String = error.causes.iter().map(|cause| format!(": {cause}")).collect();
        self.line("ERROR", &format!("{what}: {}{causes}", error.message));
    }

    fn line(&self, level: &str, text: &str) {
        let line = format!("{:.3} {level} {}\n", Timestamp::now(), text.replace('\n', "\n    "));
        // A full disk must not stop what the log is about.
        let _lost = (&*self.0).write_all(line.as_bytes());
    }
}
