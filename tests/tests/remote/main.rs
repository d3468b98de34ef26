//! Every plugin's commands over HTTP: by the command line of somebody without credentials, and by
//! plain requests.

#[path = "../support/mod.rs"]
mod support;

mod changes;
mod every;
mod forms;
mod requests;
mod same;
#[path = "../../../crates/redaction/src/tests/table.rs"]
mod table;
mod values;

use std::os::unix::fs::PermissionsExt;
use std::sync::OnceLock;
use support::plane::Plane;
use support::{Ran, Toygres};
use tempfile::TempDir;
use toygres_tests::server::http::Request;

/// A control plane with a private plugin, the one that misbehaves on demand.
fn plane() -> &'static Plane {
    static PRIVATE: OnceLock<TempDir> = OnceLock::new();
    let private = PRIVATE.get_or_init(|| {
        let folder = TempDir::new().unwrap();
        let mode = |mode| std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(folder.path(), mode(0o755)).unwrap();
        let library = folder.path().join("bad.so");
        std::fs::copy(toygres_tests::toygres::bad_plugin(), &library).unwrap();
        std::fs::set_permissions(&library, mode(0o644)).unwrap();
        folder
    });
    Plane::shared_with(&[private.path()])
}

/// A command of somebody who has the API's address and token, and nothing else.
fn away() -> Toygres {
    let plane = plane();
    plane
        .elsewhere()
        .env("TOYGRES_API_URL", &plane.text("api-url"))
        .env("TOYGRES_API_TOKEN", &plane.text("api-token"))
}

fn here(args: &[&str]) -> Ran {
    plane().toygres().args(args.iter().copied()).run()
}

/// A plain request with the token.
fn request(method: &str, path: &str) -> Request {
    let plane = plane();
    let address = plane.text("api-url").trim_start_matches("http://").to_owned();
    let token = format!("Bearer {}", plane.text("api-token"));
    Request::new(method, path, &address).header("Authorization", &token)
}
