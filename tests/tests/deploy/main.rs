//! `deploy/`: what is written there is accepted by those who read it, and says what the code does.

mod image;
mod manifests;
mod rights;
mod unit;
mod works;

use std::path::{Path, PathBuf};

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A file of the repository.
#[track_caller]
fn text(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}
