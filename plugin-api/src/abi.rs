//! The border between host and plugin: the frozen few functions.
//!
//! Everything that crosses goes through the types of this file and [`crate::batch`]. What may
//! change: [`PluginModule`] and [`Host`] may grow at their end; new abilities are new numbers in
//! [`crate::protocol::Method`]. Nothing else may change within a major version. Who frees what:
//! every `RVec` and box carries its own deallocator, so the side that made a value frees it, and
//! libraries are never closed.
//!
//! No panic crosses: the plugin's side catches its own in [`crate::run`], the host's side runs its
//! methods as tasks and answers an error when one breaks.

#![allow(unsafe_code, reason = "abi_stable's constructors are unsafe; nothing else here is")]
// What the derive macros of abi_stable generate.
#![allow(clippy::all, non_local_definitions, unreachable_pub)]

use crate::batch::RowBatch;
use abi_stable::StableAbi;
use abi_stable::abi_stability::check_layout_compatibility;
use abi_stable::library::{CheckTypeLayout, RootModule, RootModuleResult};
use abi_stable::marker_type::ErasedPrefix;
use abi_stable::prefix_type::{PrefixRefTrait, PrefixTypeTrait};
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::{RBox, ROption, RResult, RString, RVec, Tuple2};
use async_ffi::FfiFuture;

pub use abi_stable::library::{AbiHeaderRef, LibHeader, LibraryError};

/// The exported symbol that the host looks for in a library: `TOYGRES_PLUGIN_` and the plugin's
/// name, `_` for each dash. The name is in it so that several plugins can be linked into one
/// binary.
#[must_use]
pub fn symbol(plugin: &str) -> String {
    format!("TOYGRES_PLUGIN_{}", plugin.replace('-', "_"))
}

/// What a plugin gives the host.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginModuleRef)))]
#[sabi(missing_field(panic))]
pub struct PluginModule {
    /// Runs one command to its end: a JSON `Invocation` in, a JSON `Answer` out.
    #[sabi(last_prefix_field)]
    pub run: extern "C" fn(HostObject, RVec<u8>) -> RVec<u8>,
}

impl RootModule for PluginModuleRef {
    abi_stable::declare_root_module_statics! {PluginModuleRef}
    const BASE_NAME: &'static str = "toygres_plugin";
    const NAME: &'static str = "toygres-plugin";
    const VERSION_STRINGS: VersionStrings = abi_stable::package_version_strings!();
}

/// What the host lends a plugin while it runs one command.
pub type HostObject = Host_TO<RBox<()>>;

/// The host as a plugin sees it.
#[abi_stable::sabi_trait]
pub trait Host: Send + Sync + 'static {
    /// Method number and JSON in, JSON `Reply` out.
    fn call(&self, method: u32, payload: RVec<u8>) -> FfiFuture<RVec<u8>>;
    /// One request to the Kubernetes API server; the host adds address, credentials and TLS.
    fn kube(&self, request: HttpRequest) -> FfiFuture<HttpResponse>;
    /// The next rows of a stream that the host opened.
    fn next_rows(&self, stream: u64) -> FfiFuture<RowBatch>;
    /// More rows for a stream that the plugin feeds; `false` when nobody reads it any more.
    fn emit_rows(&self, stream: u64, batch: RowBatch) -> FfiFuture<bool>;
    /// Ready when the operator interrupted.
    #[sabi(last_prefix_field)]
    fn cancelled(&self) -> FfiFuture<()>;
}

/// An HTTP request that crosses whole.
#[repr(C)]
#[derive(StableAbi)]
pub struct HttpRequest {
    /// `GET`, `POST`, …
    pub method: RString,
    /// Path and query.
    pub uri: RString,
    /// In order, repeated names allowed.
    pub headers: RVec<Tuple2<RString, RVec<u8>>>,
    /// The whole body.
    pub body: RVec<u8>,
}

/// An HTTP response whose body follows in pieces.
#[repr(C)]
#[derive(StableAbi)]
pub struct HttpResponse {
    /// The status code; 0 when there was no response: then `body` gives one JSON `Error`.
    pub status: u16,
    /// In order, repeated names allowed.
    pub headers: RVec<Tuple2<RString, RVec<u8>>>,
    /// The body's pieces.
    pub body: BodyObject,
}

/// The pieces of a response's body.
pub type BodyObject = Body_TO<RBox<()>>;

/// The pieces of a response's body.
#[abi_stable::sabi_trait]
pub trait Body: Send + Sync + 'static {
    /// The next piece; none at the end; an error's text when the connection broke.
    #[sabi(last_prefix_field)]
    fn next(&self) -> FfiFuture<ROption<RResult<RVec<u8>, RString>>>;
}

/// A [`HostObject`] of anything that implements [`Host`].
pub fn host_object<T: Host>(host: T) -> HostObject {
    Host_TO::from_value(host, abi_stable::erased_types::TD_Opaque)
}

/// A [`BodyObject`] of anything that implements [`Body`].
pub fn body_object<T: Body>(body: T) -> BodyObject {
    Body_TO::from_value(body, abi_stable::erased_types::TD_Opaque)
}

/// The module for `run`; what the constructor that `plugin!` writes returns.
#[doc(hidden)]
pub fn module(run: extern "C" fn(HostObject, RVec<u8>) -> RVec<u8>) -> RootModuleResult {
    // Through the prefix type directly: abi_stable's own loader keeps one module per type and
    // process, which would make every plugin the first one.
    let module = PluginModule { run }.leak_into_prefix();
    // SAFETY: erases a `PrefixRef<PluginModule_Prefix>`; the host casts it back to the same type
    // after it has compared the layouts.
    RResult::ROk(unsafe { module.to_prefix_ref().cast::<ErasedPrefix>() })
}

/// The header of a library whose constructor is `constructor`.
#[doc(hidden)]
pub const fn header(constructor: extern "C" fn() -> RootModuleResult) -> LibHeader {
    // SAFETY: `plugin!` is the only caller, and its constructor returns what `module` makes, a
    // `PluginModuleRef`.
    unsafe { LibHeader::from_constructor::<PluginModuleRef>(constructor, CheckTypeLayout::Yes) }
}

/// The module of an open library whose border is this one, or goes on where this one ends, or ends
/// where this one goes on: the later side has more functions, and the older one does not know them.
///
/// # Errors
/// When the header is none, or of another border.
pub fn module_of(header: AbiHeaderRef) -> Result<PluginModuleRef, LibraryError> {
    let header = header.upgrade()?;
    let differs = match header.init_root_module::<PluginModuleRef>() {
        Err(LibraryError::AbiInstability(differs)) => differs,
        other => return other,
    };
    // abi_stable lets a library have more functions than the host, and not the other way round:
    // so a later host is the one that has more.
    let theirs = header.layout();
    let fits = theirs
        .is_some_and(|theirs| check_layout_compatibility(theirs, PluginModuleRef::LAYOUT).is_ok());
    if !fits {
        return Err(LibraryError::AbiInstability(differs));
    }
    // SAFETY: the layouts agree but for functions at the end of `PluginModule` and `Host`. Both are
    // read through their prefix, which knows how many functions are there; one that is missing is
    // never called.
    unsafe { header.init_root_module_with_unchecked_layout() }
}

#[doc(hidden)]
pub use abi_stable::library::RootModuleResult as Constructed;
#[doc(hidden)]
pub use abi_stable::std_types::RVec as Bytes;

/// One piece of a body, its end, or what broke it.
pub type Piece = ROption<RResult<RVec<u8>, RString>>;

/// A piece of a body.
pub fn piece(bytes: Vec<u8>) -> Piece {
    ROption::RSome(RResult::ROk(bytes.into()))
}

/// What broke a body.
pub fn broken_piece(cause: &str) -> Piece {
    ROption::RSome(RResult::RErr(cause.into()))
}

/// One header of a request or response.
pub fn header_entry(name: &str, value: &[u8]) -> Tuple2<RString, RVec<u8>> {
    Tuple2(name.into(), value.into())
}
