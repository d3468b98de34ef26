//! Commands that a plugin runs for somebody else: what the server's API is made of.

use super::grants::Grants;
use super::interrupt::{Interrupt, RunEnd};
use crate::discover::{Catalogue, Folders, Found};
use crate::remote::serve::{Running, row_of};
use crate::settings::Settings;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::Handle;
use toygres_plugin_api::batch::RowBatch;
use toygres_plugin_api::manifest::Manifest;
use toygres_plugin_api::protocol::RunCommand;
use toygres_plugin_api::report::{StreamColumn, StreamKind, StreamRef};
use toygres_plugin_api::{Error, Result};

/// Runs have numbers from here on; other streams are below.
pub const FIRST: u64 = 1 << 48;

/// The commands that one run has begun for somebody else.
pub struct Runs {
    settings: Arc<Settings>,
    folders: Folders,
    grants: Grants,
    runtime: Handle,
    allowed: bool,
    next: AtomicU64,
    running: Arc<Mutex<HashMap<u64, Kept>>>,
}

/// A run by its number.
enum Kept {
    /// Somebody listens to it; it can be told to end while its next line is waited for.
    Heard { running: Arc<tokio::sync::Mutex<Running>>, interrupt: Interrupt, end: RunEnd },
    /// Nobody listens any more, and something of it may still be at work.
    Closed(RunEnd),
}

impl std::fmt::Debug for Runs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runs").field("allowed", &self.allowed).finish_non_exhaustive()
    }
}

impl Runs {
    /// Runs commands of these folders; `allowed` says that the plugin's manifest asks for it.
    #[must_use]
    pub fn new(
        settings: Arc<Settings>,
        folders: Folders,
        grants: Grants,
        runtime: Handle,
        allowed: bool,
    ) -> Self {
        let next = AtomicU64::new(FIRST);
        Self { settings, folders, grants, runtime, allowed, next, running: Arc::default() }
    }

    /// Begins a command.
    ///
    /// # Errors
    /// `refused` where the plugin did not ask for this openly; as for [`Running::begin`].
    pub async fn begin(&self, run: RunCommand) -> Result<StreamRef> {
        self.check()?;
        let may_change = match &run.confirmed {
            Some(confirmed) => self.grants.check(confirmed).map(|_| true)?,
            None => false,
        };
        let (settings, folders, runtime) =
            (self.settings.clone(), self.folders.clone(), self.runtime.clone());
        let begun = tokio::task::spawn_blocking(move || {
            Running::begin(run, &settings, &folders, &runtime, may_change)
        });
        let running = begun.await??;
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let interrupt = running.interrupt().clone();
        let end = interrupt.watch_end();
        let running = Arc::new(tokio::sync::Mutex::new(running));
        self.lock().insert(id, Kept::Heard { running, interrupt, end });
        let line = StreamColumn {
            name: "line".to_owned(),
            type_name: "json".to_owned(),
            kind: StreamKind::Json,
        };
        Ok(StreamRef { id, columns: vec![line], limit: None })
    }

    /// Every usable plugin's manifest, now.
    ///
    /// # Errors
    /// `refused` where the plugin did not ask for this openly.
    pub async fn manifests(&self) -> Result<Vec<Manifest>> {
        self.check()?;
        let folders = self.folders.clone();
        let read = tokio::task::spawn_blocking(move || Catalogue::read(&folders)).await?;
        let usable = read.plugins.into_iter().filter(Found::is_used);
        Ok(usable.filter_map(|found| found.manifest.ok()).collect())
    }

    /// What a command says next. Of a run that was closed it is the end, once nothing of the run is
    /// at work any more.
    pub async fn next(&self, id: u64) -> RowBatch {
        enum Next {
            Line(Arc<tokio::sync::Mutex<Running>>),
            End(RunEnd),
        }
        let next = match self.lock().get(&id) {
            Some(Kept::Heard { running, .. }) => Next::Line(running.clone()),
            Some(Kept::Closed(end)) => Next::End(end.clone()),
            // It was closed, and has ended since.
            None if self.was_begun(id) => return row_of(None),
            None => return RowBatch::failed(&Error::plugin(format!("there is no run {id}"))),
        };
        match next {
            Next::Line(running) => {
                let line = running.lock().await.next().await;
                drop(running);
                if line.is_none() {
                    self.close(id);
                }
                row_of(line.as_ref())
            }
            Next::End(mut end) => {
                end.wait().await;
                row_of(None)
            }
        }
    }

    /// Nobody listens to it any more.
    pub fn close(&self, id: u64) {
        let mut all = self.lock();
        let end = match all.get(&id) {
            Some(Kept::Heard { interrupt, end, .. }) => {
                interrupt.raise();
                end.clone()
            }
            Some(Kept::Closed(_)) | None => return,
        };
        // What is replaced goes after the lock was given back: it ends a stream of rows.
        let heard = all.insert(id, Kept::Closed(end.clone()));
        drop(all);
        drop(heard);
        let (mut end, running) = (end, self.running.clone());
        self.runtime.spawn(async move {
            end.wait().await;
            lock(&running).remove(&id);
        });
    }

    fn was_begun(&self, id: u64) -> bool {
        (FIRST..self.next.load(Ordering::Relaxed)).contains(&id)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Kept>> {
        lock(&self.running)
    }

    fn check(&self) -> Result<()> {
        if self.allowed {
            return Ok(());
        }
        Err(Error::refused("this plugin may not run other commands")
            .hint("its author declares the need with `needs: [\"commands\"]`"))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
