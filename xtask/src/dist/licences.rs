//! The crates that are linked in, with their licences.

use crate::build::root;
use crate::run::{Result, cargo};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// One line a crate, by name: name and version, licence, where it comes from.
pub(crate) fn list(plugins: &[&str]) -> Result<String> {
    let metadata = metadata()?;
    let by_id = |list: &Value| -> BTreeMap<String, Value> {
        let items = list.as_array().into_iter().flatten();
        items.map(|item| (text(item, "id").to_owned(), item.clone())).collect()
    };
    let packages = by_id(&metadata["packages"]);
    let nodes = by_id(&metadata["resolve"]["nodes"]);
    let ours = |plugin: &&str| format!("toygres-{plugin}");
    let roots: BTreeSet<String> =
        plugins.iter().map(ours).chain(["toygres-cli".to_owned()]).collect();
    let roots = packages.values().filter(|package| roots.contains(text(package, "name")));
    let mut left: Vec<String> = roots.map(|package| text(package, "id").to_owned()).collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = left.pop() {
        if seen.insert(id.clone()) {
            left.extend(nodes.get(&id).into_iter().flat_map(linked));
        }
    }
    let mut lines = BTreeSet::new();
    for package in seen.iter().filter_map(|id| packages.get(id)) {
        // What has no source is ours.
        if package["source"].is_null() {
            continue;
        }
        let licence = package["license"].as_str().unwrap_or("see its own file");
        let (name, version) = (text(package, "name"), text(package, "version"));
        let place = package["repository"].as_str().unwrap_or_default();
        lines.insert(format!("{name} {version}: {licence} {place}").trim_end().to_owned());
    }
    let all: Vec<String> = lines.into_iter().collect();
    Ok(format!(
        "toygres is built with these crates, each under its own licence:\n\n{}\n",
        all.join("\n")
    ))
}

/// What a package is linked with: no build scripts' or tests' dependencies.
fn linked(node: &Value) -> Vec<String> {
    let normal = |dep: &&Value| {
        let kinds = dep["dep_kinds"].as_array();
        kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
    };
    let deps = node["deps"].as_array().into_iter().flatten().filter(normal);
    deps.map(|dep| text(dep, "pkg").to_owned()).collect()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn metadata() -> Result<Value> {
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut command = cargo();
    command.current_dir(root()).args(["metadata", "--format-version", "1", "--locked"]);
    let output = command.args(["--filter-platform", &triple]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
