//! The one file that opens libraries.
//!
//! A plugin is native code in this process: what is checked here (who may write the file, the
//! manifest, the layout of the border) keeps honest mistakes from becoming crashes. It is no
//! sandbox. A library is never closed: threads, exit handlers and values it made may outlive the
//! command.

#![allow(unsafe_code, reason = "opening a library and calling into it cannot be checked by rustc")]

mod sealed;

use crate::discover::needs::{self, Glibc};
use crate::discover::opening::{self, FileIdentity, OpenLibrary};
use crate::discover::{Expected, Owned, file};
use crate::fault::Fault;
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use object::ReadCache;
use std::collections::BTreeMap;
use std::mem::ManuallyDrop;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use toygres_plugin_api::abi::{AbiHeaderRef, HostObject, module_of, symbol};
use toygres_plugin_api::bundle::Run;

/// A plugin that can be called: linked in, or its library is open and its layout was compared.
#[derive(Clone, Copy)]
pub struct Loaded {
    run: Run,
}

impl Loaded {
    /// Opens the library of a command's plugin, where it is not linked in. One that is locked is
    /// opened only if it has the digest that the lock file names.
    ///
    /// # Errors
    /// When it was changed since, the linker refuses it, its symbol is missing or its border has
    /// another layout.
    pub fn open(owned: &Owned<'_>) -> Result<Self, Fault> {
        if let Some(run) = owned.plugin.linked {
            return Ok(Self { run });
        }
        match &owned.plugin.locked {
            Some(expected) => Self::open_locked(owned, expected),
            None => Self::open_unlocked(owned),
        }
    }

    /// Opens a library that no lock file names: the file whose manifest was read, walked to again by
    /// the rules that it was found by.
    fn open_unlocked(owned: &Owned<'_>) -> Result<Self, Fault> {
        let (name, path) = (owned.manifest.name.as_str(), owned.plugin.path.as_path());
        let library = opening::open_library(path, &owned.plugin.owners)?;
        if Some(library.identity) != owned.plugin.identity {
            return Err(Fault::altered(name, path));
        }
        Self::open_checked(name, path, library)
    }

    /// Opens a library that was checked; `path` is what a fault names.
    ///
    /// Once in a process for one file: see [`Self::open_locked`].
    ///
    /// # Errors
    /// When the machine's C library is too old for it, the linker refuses it, its symbol is
    /// missing or its border has another layout.
    pub(crate) fn open_checked(
        name: &str,
        path: &Path,
        library: OpenLibrary,
    ) -> Result<Self, Fault> {
        static OPEN: Mutex<BTreeMap<FileIdentity, Loaded>> = Mutex::new(BTreeMap::new());
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = open.get(&library.identity) {
            return Ok(*loaded);
        }
        needs::check(path, &ReadCache::new(&library.file), running_glibc())?;
        let loaded = Self::link(name, path, &library.linker_path())?;
        open.insert(library.identity, loaded);
        let _kept_open = ManuallyDrop::new(library.file);
        Ok(loaded)
    }

    /// Once in a process for one digest: a library is never closed, and neither is the memory that
    /// it was opened from. The linker tells libraries apart by their paths too, and the number of
    /// a closed file would soon be that of another one.
    fn open_locked(owned: &Owned<'_>, expected: &Expected) -> Result<Self, Fault> {
        static OPEN: Mutex<BTreeMap<String, Loaded>> = Mutex::new(BTreeMap::new());
        let (name, path) = (owned.manifest.name.as_str(), owned.plugin.path.as_path());
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = open.get(&expected.sha256) {
            return Ok(*loaded);
        }
        let library = opening::open_library(path, &owned.plugin.owners)?;
        let checked = sealed::check(name, path, expected, library)?;
        let cache = ReadCache::new(&checked.file);
        // What decided that this plugin is asked was read before the digest was taken.
        if file::manifest_in(path, &cache)? != *owned.manifest {
            return Err(Fault::altered(name, path));
        }
        needs::check(path, &cache, running_glibc())?;
        let loaded = Self::link(name, path, &checked.path)?;
        let _kept_open = ManuallyDrop::new(checked.file);
        open.insert(expected.sha256.clone(), loaded);
        Ok(loaded)
    }

    /// Opens `file`, which is what lies at `path` or a copy of it, and compares the border.
    fn link(name: &str, path: &Path, file: &Path) -> Result<Self, Fault> {
        // All symbols are bound now, so that a missing one is an answer here and no crash later;
        // none is lent to the next library.
        // SAFETY: the file's constructors run here. It belongs to the operator or to root and
        // nobody else may write it or a folder above it (`trusted`), and `file` leads to what was
        // checked, by its descriptor; its manifest names our border.
        let library = unsafe { Library::open(Some(file), RTLD_NOW | RTLD_LOCAL) };
        // The linker names the descriptor, which tells nobody anything.
        let named = |error| reason(&error).replace(&file.display().to_string(), &shown(path));
        let library = library.map_err(|error| Fault::does_not_open(name, path, named(error)))?;
        let library = ManuallyDrop::new(library);
        // SAFETY: a static of this name is a `LibHeader`, and abi_stable's header begins with a
        // magic text and its own version, which `module_of` compares before anything else is read.
        let header = unsafe { library.get::<AbiHeaderRef>(symbol(name)) };
        let header = header.map_err(|_| Fault::missing_symbol(name, path))?;
        // The header of this library, not abi_stable's loader: that keeps one module per type.
        let module = module_of(*header).map_err(|error| Fault::layout(name, path, error))?;
        Ok(Self { run: module.run() })
    }

    /// Runs one invocation to its end, on this thread.
    #[must_use]
    pub fn run(&self, host: HostObject, invocation: Vec<u8>) -> Vec<u8> {
        (self.run)(host, invocation.into()).into_vec()
    }
}

/// The glibc that runs this process; none where another C library does.
pub(crate) fn running_glibc() -> Option<Glibc> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: the function answers a text of its own that lives as long as the process.
        let version = unsafe { std::ffi::CStr::from_ptr(libc::gnu_get_libc_version()) };
        version.to_str().ok().and_then(needs::parse)
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    None
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// The linker's own words, without the wrapper around them.
fn reason(error: &libloading::Error) -> String {
    use std::error::Error as _;
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}
