//! What a plugin is lent while it runs one command.
//!
//! Lending is permission: what changes something takes a [`grants::Granted`], which only the check
//! of a confirmation can make; everything else is held read-only by PostgreSQL itself and by the
//! filter in front of Kubernetes.

pub mod db;
pub mod grants;
pub mod interrupt;
pub mod kube;
pub mod spool;
pub mod ui;
pub mod workflows;

use crate::settings::Settings;
use std::sync::Arc;

/// Everything that is lent to one run. Nothing in it is connected before it is asked for.
#[derive(Debug)]
pub struct Lent {
    /// The metadata database.
    pub db: db::Database,
    /// duroxide's client.
    pub workflows: workflows::Workflows,
    /// Kubernetes.
    pub kube: kube::Kube,
    /// The operator.
    pub ui: ui::Ui,
    /// The configuration.
    pub settings: Arc<Settings>,
    /// Rows that the plugin makes.
    pub spool: spool::Spool,
    /// Ctrl-C.
    pub interrupt: interrupt::Interrupt,
}
