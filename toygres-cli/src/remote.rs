//! Commands that run on a server: how a server runs one for somebody else (`serve`), and how a
//! command line without credentials of its own asks for it (`ask`).
//!
//! What goes between them is what a command says, line by line
//! ([`toygres_plugin_api::protocol::Line`]), masked by the server; the one who asked formats it as
//! if it were local.

mod args;
pub(crate) mod ask;
mod files;
mod lines;
mod own_secrets;
pub(crate) mod rows;
pub(crate) mod serve;
