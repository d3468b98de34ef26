//! Whether a server runs.

use super::home::Home;
use super::identity::Identity;
use super::lock::Lock;
use super::record::Record;
use rustix::process::Pid;
use std::io;
use toygres_plugin_api::{Error, Result};

/// A server that runs.
#[derive(Debug, Clone)]
pub(crate) struct Running {
    /// Which process it is.
    pub(crate) identity: Identity,
    /// What it says of itself; `None` in the moment before it says so.
    pub(crate) record: Option<Record>,
}

impl Running {
    /// The server of this home; `None` where none runs, whatever the pid file says.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub(crate) fn find(home: &Home) -> Result<Option<Self>> {
        Self::look(home).map_err(|error| {
            Error::failed(format!("the pid file {} cannot be read", home.pid_file.display()))
                .cause(error)
                .hint("check who owns it with: ls -l")
        })
    }

    fn look(home: &Home) -> io::Result<Option<Self>> {
        let record = Record::read(&home.pid_file)?;
        if let Some(pid) = Lock::holder(&home.lock_file())? {
            let Some(identity) = Identity::of(pid)? else { return Ok(None) };
            let record = record.filter(|record| record.identity == identity);
            return Ok(Some(Self { identity, record }));
        }
        // Nobody holds the lock. Where its file was removed, the record still tells.
        match record {
            Some(record) if record.identity.lives()? => {
                Ok(Some(Self { identity: record.identity.clone(), record: Some(record) }))
            }
            _ => Ok(None),
        }
    }

    /// Its number.
    pub(crate) fn pid(&self) -> i32 {
        self.identity.pid
    }

    /// It has said that it is ready.
    pub(crate) fn is_ready(&self) -> bool {
        self.record.as_ref().is_some_and(|record| record.ready_at.is_some() && !record.stopping)
    }
}

/// What the last server of this home left in its pid file.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn last(home: &Home) -> Result<Option<Record>> {
    Ok(Record::read(&home.pid_file)?)
}

/// The number as the kernel's calls take it.
pub(crate) fn raw(pid: i32) -> Result<Pid> {
    Pid::from_raw(pid).ok_or_else(|| Error::failed(format!("{pid} is no process's number")))
}
