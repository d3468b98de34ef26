//! Changes as they come.

use super::api::ApiServer;
use super::resource::Resource;
use super::storage::{Change, Expired};
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::watch as signal;

/// Most changes that are taken at once.
const BATCH: usize = 500;

/// The changes of one resource after a version.
///
/// It holds a version and no changes: who reads slowly costs nothing, and who is behind by more
/// changes than the store keeps is told so.
pub(super) struct Feed {
    server: ApiServer,
    resource: &'static Resource,
    namespace: Option<String>,
    version: u64,
    news: signal::Receiver<u64>,
}

impl Feed {
    /// The changes from now on.
    pub(super) fn new(
        server: ApiServer,
        resource: &'static Resource,
        namespace: Option<String>,
    ) -> Self {
        let news = server.store().subscribe();
        let version = server.store().read(|state| state.version());
        Self { server, resource, namespace, version, news }
    }

    /// All objects as they are now; changes go on from there.
    pub(super) fn restart(&mut self) -> Vec<Arc<Value>> {
        let (objects, version) = self.server.store().read(|state| {
            let objects = state.list(self.resource, self.namespace.as_deref());
            (objects.cloned().collect(), state.version())
        });
        self.version = version;
        objects
    }

    /// The version up to which all changes were given.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Goes on after this version.
    pub(super) fn go_to(&mut self, version: u64) {
        self.version = version;
    }

    /// The next changes; waits where there are none.
    pub(super) async fn next(&mut self) -> Result<Vec<Change>, Expired> {
        loop {
            // Looked at before the store is, so that no change between the two is slept through.
            self.news.borrow_and_update();
            let changes = self.take()?;
            if !changes.is_empty() {
                return Ok(changes);
            }
            if self.news.changed().await.is_err() {
                // The store holds the sender, and this holds the store.
                std::future::pending::<()>().await;
            }
        }
    }

    fn take(&mut self) -> Result<Vec<Change>, Expired> {
        let Self { server, resource, namespace, version, .. } = self;
        server.store().read(|state| {
            let mut taken = Vec::new();
            for change in state.changes_after(*version)? {
                *version = change.version;
                let meant = change.resource == *resource
                    && namespace
                        .as_deref()
                        .is_none_or(|wanted| wanted == super::object::namespace(&change.after));
                if meant {
                    taken.push(change.clone());
                }
                if taken.len() == BATCH {
                    break;
                }
            }
            Ok(taken)
        })
    }
}

/// All objects, and each change from then on.
pub(crate) struct Watch {
    feed: Feed,
    waiting: std::collections::VecDeque<Change>,
    started: bool,
}

/// One thing that a watch sees.
#[derive(Debug, Clone)]
pub(crate) enum WatchEvent {
    /// All objects as they are: at the start, and where changes were missed.
    Started(Vec<Arc<Value>>),
    /// The object was made or changed.
    Applied(Arc<Value>),
    /// The object is gone; this is what it was last.
    Deleted(Arc<Value>),
}

impl Watch {
    pub(super) fn new(feed: Feed) -> Self {
        Self { feed, waiting: std::collections::VecDeque::new(), started: false }
    }

    /// The next thing; waits where there is none.
    pub(crate) async fn next(&mut self) -> WatchEvent {
        loop {
            if !self.started {
                self.started = true;
                return WatchEvent::Started(self.feed.restart());
            }
            if let Some(change) = self.waiting.pop_front() {
                return if change.removed {
                    WatchEvent::Deleted(change.after)
                } else {
                    WatchEvent::Applied(change.after)
                };
            }
            match self.feed.next().await {
                Ok(changes) => self.waiting.extend(changes),
                Err(Expired { .. }) => self.started = false,
            }
        }
    }
}
