//! What one `local up` leaves for the next: passwords and ports.

use crate::files;
use crate::folders::Folders;
use crate::ports;
use serde::{Deserialize, Serialize};
use toygres_plugin_api::Result;
use uuid::Uuid;

/// Passwords and ports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// Password of the control plane's role in the private PostgreSQL.
    pub(crate) password: String,
    /// Token of the stand-in's only user.
    pub(crate) token: String,
    /// The private PostgreSQL's port.
    pub(crate) postgres_port: u16,
    /// The stand-in's port.
    pub(crate) api_port: u16,
}

impl Kept {
    /// What was kept; made the first time.
    pub(crate) fn load(folders: &Folders) -> Result<Self> {
        let path = folders.local().join("kept.json");
        if let Some(kept) = files::read_json(&path)? {
            return Ok(kept);
        }
        let postgres_port = ports::free(|_| false)?;
        let kept = Self {
            password: secret(),
            token: secret(),
            postgres_port,
            api_port: ports::free(|port| port == postgres_port)?,
        };
        files::write_json(&path, &kept)?;
        Ok(kept)
    }

    /// Keeps it.
    pub(crate) fn save(&self, folders: &Folders) -> Result<()> {
        files::write_json(&folders.local().join("kept.json"), self)
    }

    /// Where the control plane finds its database.
    pub(crate) fn database_url(&self) -> String {
        let Self { password, postgres_port, .. } = self;
        format!("postgresql://{ROLE}:{password}@127.0.0.1:{postgres_port}/{DATABASE}")
    }

    /// Where the stand-in is.
    pub(crate) fn api_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.api_port)
    }
}

/// The control plane's role in the private PostgreSQL, which owns its database.
pub(crate) const ROLE: &str = "toygres";

/// The control plane's database.
pub(crate) const DATABASE: &str = "toygres";

/// 122 random bits in characters that need no escaping anywhere.
fn secret() -> String {
    Uuid::new_v4().simple().to_string()
}
