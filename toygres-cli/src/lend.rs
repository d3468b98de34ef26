//! What a plugin is lent while it runs one command.
//!
//! Lending is permission: what changes something takes a [`grants::Granted`], which only the check
//! of a confirmation can make; everything else is held read-only by PostgreSQL itself and by the
//! filter in front of Kubernetes.

pub mod api;
mod clock;
pub mod db;
pub mod grants;
pub mod interrupt;
pub mod kube;
mod named_file;
mod question;
pub mod runs;
pub mod spool;
pub mod ui;
pub mod workflows;

use crate::settings::Settings;
use std::sync::Arc;
use toygres_plugin_api::protocol::Reveal;
use toygres_plugin_api::{Error, Report, Result};

/// Everything that is lent to one run. Nothing in it is connected before it is asked for.
#[derive(Debug)]
pub struct Lent {
    /// The metadata database.
    pub db: db::Database,
    /// duroxide's client.
    pub workflows: workflows::Workflows,
    /// Kubernetes.
    pub kube: kube::Kube,
    /// The API of the control plane.
    pub api: api::Api,
    /// Other commands, for somebody else.
    pub runs: runs::Runs,
    /// The operator.
    pub ui: ui::Ui,
    /// The configuration.
    pub settings: Arc<Settings>,
    /// Rows that the plugin makes.
    pub spool: spool::Spool,
    /// Ctrl-C.
    pub interrupt: interrupt::Interrupt,
    /// The plugin's manifest says that it needs the backends' credentials.
    pub credentials: bool,
}

impl Lent {
    /// A report with what the clock of the records showed when it was made, where one was seen.
    pub(crate) fn dated(&self, mut report: Report) -> Report {
        if report.at.is_none() {
            let now = self.db.clock().now().or_else(|| self.api.clock().now());
            report.at = now.map(|now| now.to_string());
        }
        report
    }

    /// A setting as it is, for a plugin that said openly that it needs credentials.
    ///
    /// # Errors
    /// `refused` for every other plugin; a broken configuration file.
    pub fn reveal(&self, reveal: &Reveal) -> Result<Option<String>> {
        if !self.credentials {
            return Err(Error::refused("this plugin is lent no credentials")
                .hint("its author declares the need with `needs: [\"credentials\"]`"));
        }
        match reveal.key.as_str() {
            "database.url" => self.settings.database_url(),
            key => self.settings.get(key).map(|(value, _)| value),
        }
    }
}

/// An error's words with those of its sources, each once.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !said.contains(&words) {
            said = format!("{said}: {words}");
        }
        source = cause.source();
    }
    said
}
