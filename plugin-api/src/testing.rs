//! A context in process, for an author's own tests.

mod host;

pub use host::TestHost;
