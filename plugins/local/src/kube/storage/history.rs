//! The latest changes, for watches and for lists of a moment that has passed.

use crate::kube::resource::Resource;
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::Arc;

/// How many changes are kept.
const KEPT: usize = 10_000;

/// One change of one object.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// Its version.
    pub(crate) version: u64,
    /// What changed.
    pub(crate) resource: &'static Resource,
    /// The object before; none where it was made.
    pub(crate) before: Option<Arc<Value>>,
    /// The object after; what it was last, with the version of the removal, where it is gone.
    pub(crate) after: Arc<Value>,
    /// Whether it is gone.
    pub(crate) removed: bool,
}

/// What was asked for lies before the changes that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expired {
    /// The version that was asked for.
    pub(crate) wanted: u64,
    /// The oldest version that can still be asked for.
    pub(crate) oldest: u64,
}

/// The latest changes, oldest first.
#[derive(Debug, Default)]
pub(crate) struct History {
    changes: VecDeque<Change>,
    /// All changes after this version are here.
    oldest: u64,
}

impl History {
    /// Starts anew after `version`.
    pub(crate) fn start(&mut self, version: u64) {
        self.changes.clear();
        self.oldest = version;
    }

    /// Adds the latest change, dropping the oldest one where there are too many.
    pub(crate) fn push(&mut self, change: Change) {
        if self.changes.len() == KEPT {
            self.oldest = self.changes.pop_front().map_or(self.oldest, |change| change.version);
        }
        self.changes.push_back(change);
    }

    /// The changes after `version`, oldest first.
    pub(crate) fn after(
        &self,
        version: u64,
    ) -> Result<impl DoubleEndedIterator<Item = &Change>, Expired> {
        if version < self.oldest {
            return Err(Expired { wanted: version, oldest: self.oldest });
        }
        let start = self.changes.partition_point(|change| change.version <= version);
        Ok(self.changes.range(start..))
    }
}
