//! The files of a list such as `KUBECONFIG`'s, each with whether it exists.

use serde_json::{Value, json};
use std::path::PathBuf;

fn split(paths: &str) -> Vec<PathBuf> {
    std::env::split_paths(paths).filter(|path| !path.as_os_str().is_empty()).collect()
}

/// The files as data.
pub(super) fn describe(paths: &str) -> Vec<Value> {
    let file = |path: PathBuf| json!({"path": path.to_string_lossy(), "exists": path.exists()});
    split(paths).into_iter().map(file).collect()
}

/// The files for people; none where there is only one.
pub(super) fn remark(paths: &str) -> Option<String> {
    let files = split(paths);
    let said = files.iter().map(|path| {
        let exists = if path.exists() { "yes" } else { "no" };
        format!("{} exists: {exists}", path.display())
    });
    (files.len() > 1).then(|| said.collect::<Vec<_>>().join(", "))
}
