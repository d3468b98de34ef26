//! The configuration in force, each value with its source.

use super::Context;
use crate::error::Result;
use crate::protocol::{Config, Method, Reveal, Variable};

/// The configuration in force. Secret values are masked before they get here, unless the operator
/// asked to see them.
#[derive(Debug, Clone)]
pub struct Settings {
    context: Context,
}

impl Settings {
    pub(super) fn new(context: Context) -> Self {
        Self { context }
    }

    /// Every setting with its value and source.
    ///
    /// # Errors
    /// When the configuration file cannot be read.
    pub async fn all(&self) -> Result<Config> {
        self.context.call(Method::Config, &()).await
    }

    /// One setting's value; `None` where nothing sets it and it has no default.
    ///
    /// # Errors
    /// When the configuration file cannot be read.
    pub async fn get(&self, key: &str) -> Result<Option<String>> {
        Ok(self.all().await?.text(key))
    }

    /// One setting as it is, secrets included; `None` where nothing sets it and it has no default.
    ///
    /// Only for plugins that say `needs: ["credentials"]`: those that run something of their own on
    /// a backend, such as the server. Everyone else uses what is lent.
    ///
    /// # Errors
    /// `refused` where the plugin does not say so; when the configuration file cannot be read.
    pub async fn reveal(&self, key: &str) -> Result<Option<String>> {
        self.context.call(Method::Reveal, &Reveal { key: key.to_owned() }).await
    }

    /// The environment variables that toygres reads.
    ///
    /// # Errors
    /// When the `.env` file cannot be read.
    pub async fn environment(&self) -> Result<Vec<Variable>> {
        self.context.call(Method::Environment, &()).await
    }
}
