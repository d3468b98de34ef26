//! What should have followed from a change and did not, because the process was killed in between, or
//! the disk was full: all of it is looked for and done.

use super::Verbs;
use super::delete::FOREGROUND;
use crate::kube::object::{self, items};
use crate::kube::resource::{self, Key, Resource};
use crate::kube::status::Result;

impl Verbs<'_, '_> {
    /// Does all that is still to follow from what happened. Where that fails half-way, doing it again
    /// goes on from there.
    pub(crate) fn sweep(&mut self) -> Result<()> {
        self.finish_namespaces()?;
        self.collect_orphans()?;
        self.release_claims()?;
        self.finish_deletions()
    }

    /// Goes on with all objects that are being deleted: what a foreground deletion waits for is
    /// deleted, and what nothing holds any more goes.
    fn finish_deletions(&mut self) -> Result<()> {
        let going: Vec<Key> = self
            .store
            .state()
            .everything()
            .filter(|object| object::is_terminating(object))
            .filter_map(|object| Some(Key::of(Resource::of_object(object)?, object)))
            .filter(|key| *key.resource != resource::NAMESPACE)
            .collect();
        for key in going {
            let Some(found) = self.store.state().get(&key).cloned() else { continue };
            if items(&found, "/metadata/finalizers").iter().any(|one| one == FOREGROUND) {
                for dependent in self.store.state().owned_by(object::uid(&found)) {
                    self.delete_if_there(&dependent)?;
                }
                self.end_foreground(&key, object::uid(&found))?;
            }
            self.finish_if_free(&key)?;
        }
        Ok(())
    }
}
