//! A stand-in for a Kubernetes API server: the kinds that toygres uses, with their real rules, on
//! one machine.
//!
//! - [`resource`] says which kinds there are, [`types`], [`defaults`], [`validate`] what an object
//!   of each may look like.
//! - [`storage`] keeps them: in memory, and every change in a journal.
//! - [`verbs`] are the changes: create, update, patch, delete and what follows from a removal.
//! - [`rest`] is HTTP on top of it: paths, queries, bodies, formats, watches, discovery.
//!
//! What differs from a real server: whoever has the token may do everything, quotas and policies are
//! kept and not enforced, there is no server-side apply, and other versions than one of each kind
//! are not served.

mod admission;
mod api;
mod defaults;
mod logs;
pub(crate) mod object;
mod patch;
mod quantity;
pub(crate) mod resource;
mod rest;
mod seed;
mod selectors;
mod serve;
mod status;
mod storage;
mod table;
pub(crate) mod tls;
mod tokens;
mod types;
mod validate;
mod verbs;
mod watch;

pub(crate) use admission::Admission;
pub(crate) use api::ApiServer;
pub(crate) use logs::{LogOptions, PodLogs};
pub(crate) use seed::NODE;
pub(crate) use status::ApiError;
pub(crate) use tokens::Tokens;
pub(crate) use verbs::DeleteOptions;
pub(crate) use watch::{Watch, WatchEvent};
