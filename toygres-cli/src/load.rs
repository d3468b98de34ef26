//! The one file that opens libraries.
//!
//! A plugin is native code in this process: what is checked here (who may write the file, the
//! manifest, the layout of the border) keeps honest mistakes from becoming crashes. It is no
//! sandbox. A library is never closed: threads, exit handlers and values it made may outlive the
//! command.

#![allow(unsafe_code, reason = "opening a library and calling into it cannot be checked by rustc")]

use crate::discover::Owned;
use crate::fault::Fault;
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use std::mem::ManuallyDrop;
use toygres_plugin_api::abi::{AbiHeaderRef, HostObject, PluginModuleRef, symbol};
use toygres_plugin_api::bundle::Run;

/// A plugin that can be called: linked in, or its library is open and its layout was compared.
#[derive(Clone, Copy)]
pub struct Loaded {
    run: Run,
}

impl Loaded {
    /// Opens the library of a command's plugin, where it is not linked in.
    ///
    /// # Errors
    /// When the linker refuses it, its symbol is missing or its border has another layout.
    pub fn open(owned: &Owned<'_>) -> Result<Self, Fault> {
        if let Some(run) = owned.plugin.linked {
            return Ok(Self { run });
        }
        let (name, path) = (owned.manifest.name.as_str(), owned.plugin.path.as_path());
        // A path without a slash would be searched for in the linker's own folders.
        let absolute =
            std::path::absolute(path).map_err(|error| Fault::unreadable(path, &error))?;
        // All symbols are bound now, so that a missing one is an answer here and no crash later;
        // none is lent to the next library.
        // SAFETY: the file's constructors run here. It belongs to the operator or to root and
        // nobody else may write it (`discover::ownership`); its manifest names our border.
        let library = unsafe { Library::open(Some(&absolute), RTLD_NOW | RTLD_LOCAL) };
        let library = library.map_err(|error| Fault::does_not_open(name, path, reason(&error)))?;
        let library = ManuallyDrop::new(library);
        // SAFETY: a static of this name is a `LibHeader`, and abi_stable's header begins with a
        // magic text and its own version, which `upgrade` compares before anything else is read.
        let header = unsafe { library.get::<AbiHeaderRef>(symbol(name)) };
        let header = header.map_err(|_| Fault::missing_symbol(name, path))?;
        let header = header.upgrade().map_err(|error| Fault::layout(name, path, error))?;
        // The header of this library, not abi_stable's loader: that keeps one module per type.
        let module = header.init_root_module::<PluginModuleRef>();
        let module = module.map_err(|error| Fault::layout(name, path, error))?;
        Ok(Self { run: module.run() })
    }

    /// Runs one invocation to its end, on this thread.
    #[must_use]
    pub fn run(&self, host: HostObject, invocation: Vec<u8>) -> Vec<u8> {
        (self.run)(host, invocation.into()).into_vec()
    }
}

/// The linker's own words, without the wrapper around them.
fn reason(error: &libloading::Error) -> String {
    use std::error::Error as _;
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}
