//! A plugin that is linked into the host's own binary instead of lying beside it as a library.
//!
//! `plugin!` makes the same code ready for both ways: a crate of the types `cdylib` and `rlib`
//! gives a library file and something to link.

use crate::abi::{Bytes, HostObject};
use std::fmt;

/// The function that runs one command of a plugin: a JSON `Invocation` in, a JSON `Answer` out.
pub type Run = extern "C" fn(HostObject, Bytes<u8>) -> Bytes<u8>;

/// A plugin that is linked in. `plugin!` makes one, called `TOYGRES_PLUGIN`, beside where it stands.
#[derive(Clone, Copy)]
pub struct Bundled {
    manifest: &'static [u8],
    run: Run,
}

impl Bundled {
    /// What `plugin!` writes.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(manifest: &'static [u8], run: Run) -> Self {
        Self { manifest, run }
    }

    /// The same bytes that the library's section holds, magic text included.
    #[must_use]
    pub const fn manifest(&self) -> &'static [u8] {
        self.manifest
    }

    /// What runs its commands.
    #[must_use]
    pub const fn entry(&self) -> Run {
        self.run
    }
}

impl fmt::Debug for Bundled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bundled").finish_non_exhaustive()
    }
}
