//! The control plane on a real PostgreSQL and a real API server: every activity twice, killed and
//! failed; several workers; what is stored and what is not.
//!
//! Where there is no kube-apiserver (`KUBEBUILDER_ASSETS`), these tests say so and pass over.

mod at_once;
mod failures;
mod forgetting;
mod interrupted;
mod life;
mod names;
mod objects;
mod outages;
mod removal;
mod retries;
mod rights;
mod schemas;
mod secrets;
mod unstarted;
mod workers;

use serde_json::{Value, json};
use toygres_tests::control::Api;

/// The text at a key.
#[track_caller]
fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no `{key}` in {value:#}"))
}

/// Begins to make an instance; answers its name in Kubernetes.
#[track_caller]
fn begin(api: &Api, name: &str) -> String {
    text(&api.create(&json!({"name": name, "password": "test123"})), "k8s_name").to_owned()
}
