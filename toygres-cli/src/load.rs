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
use std::fs::File;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
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
    /// # Errors
    /// When the machine's C library is too old for it, the linker refuses it, its symbol is
    /// missing or its border has another layout.
    pub(crate) fn open_checked(
        name: &str,
        path: &Path,
        library: OpenLibrary,
    ) -> Result<Self, Fault> {
        Self::open_once(Key::File(library.identity), name, path, || {
            needs::check(path, &ReadCache::new(&library.file), running_glibc())?;
            Ok((library.linker_path(), library.file))
        })
    }

    fn open_locked(owned: &Owned<'_>, expected: &Expected) -> Result<Self, Fault> {
        let (name, path) = (owned.manifest.name.as_str(), owned.plugin.path.as_path());
        Self::open_once(Key::Digest(expected.sha256.clone()), name, path, || {
            let library = opening::open_library(path, &owned.plugin.owners)?;
            let checked = sealed::check(name, path, expected, library)?;
            let cache = ReadCache::new(&checked.file);
            // What decided that this plugin is asked was read before the digest was taken.
            if file::manifest_in(path, &cache)? != *owned.manifest {
                return Err(Fault::altered(name, path));
            }
            needs::check(path, &cache, running_glibc())?;
            Ok((checked.path, checked.file))
        })
    }

    /// Once in a process for one file or digest: a library is never closed, and neither is the
    /// descriptor that it was opened by. The linker tells libraries apart by their paths too, and
    /// the number of a closed file would soon be that of another one.
    ///
    /// `prepare` answers what the linker opens, and the file that this leads to.
    fn open_once(
        key: Key,
        name: &str,
        path: &Path,
        prepare: impl FnOnce() -> Result<(PathBuf, File), Fault>,
    ) -> Result<Self, Fault> {
        static OPEN: Mutex<BTreeMap<Key, Result<Loaded, Fault>>> = Mutex::new(BTreeMap::new());
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = open.get(&key) {
            return loaded.clone();
        }
        let (linker_path, file) = prepare()?;
        let library = link(name, path, &linker_path)?;
        let _kept_open = ManuallyDrop::new(file);
        let loaded = Self::of(name, path, &library);
        open.insert(key, loaded.clone());
        loaded
    }

    /// Compares the border of an open library.
    fn of(name: &str, path: &Path, library: &Library) -> Result<Self, Fault> {
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

/// What tells open libraries apart.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// No lock file names it.
    File(FileIdentity),
    /// The digest in the lock file.
    Digest(String),
}

/// Opens `file`, which leads to what was checked at `path` or to a copy of it.
fn link(name: &str, path: &Path, file: &Path) -> Result<ManuallyDrop<Library>, Fault> {
    // All symbols are bound now, so that a missing one is an answer here and no crash later;
    // none is lent to the next library.
    // SAFETY: the file's constructors run here. It belongs to the operator or to root and nobody
    // else may write it or a folder above it (`trusted`), and its descriptor leads to exactly what
    // was checked; its manifest names our border.
    let library = unsafe { Library::open(Some(file), RTLD_NOW | RTLD_LOCAL) };
    // The linker names the descriptor, which tells nobody anything.
    let (linked, shown) = (file.display().to_string(), path.display().to_string());
    let library = library.map_err(|error| {
        Fault::does_not_open(name, path, reason(&error).replace(&linked, &shown))
    })?;
    Ok(ManuallyDrop::new(library))
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

/// The linker's own words, without the wrapper around them.
fn reason(error: &libloading::Error) -> String {
    use std::error::Error as _;
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}
