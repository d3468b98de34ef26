//! The image: what its Dockerfile copies is there, and what it installs works.

use crate::manifests::named;
use crate::{root, text};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use toygres_tests::toygres;

const DOCKERFILE: &str = "deploy/Dockerfile";

/// Instructions with their continuation lines joined.
fn instructions() -> Vec<String> {
    let text = text(DOCKERFILE);
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let joined = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    joined.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}

#[track_caller]
fn instruction(name: &str) -> String {
    let found = instructions().into_iter().rfind(|line| line.starts_with(&format!("{name} ")));
    found.unwrap_or_else(|| panic!("no {name}"))[name.len() + 1..].trim().to_owned()
}

/// What is copied from the repository.
fn copied() -> Vec<String> {
    let copies = instructions().into_iter().filter_map(|line| {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        (words[0] == "COPY" && !words[1].starts_with("--from")).then_some(words)
    });
    copies.flat_map(|words| words[1..words.len() - 1].to_vec()).collect()
}

#[test]
fn what_is_copied_is_there_and_is_the_whole_workspace() {
    let ignored = text("deploy/Dockerfile.dockerignore");
    let kept: Vec<&str> = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let copied = copied();
    for source in &copied {
        assert!(root().join(source).exists(), "{source} is not there");
        assert!(kept.contains(&source.as_str()), "{source} is not sent to the builder");
    }
    let manifest = text("Cargo.toml");
    let members = manifest.lines().find(|line| line.starts_with("members")).unwrap();
    for member in members.split('"').skip(1).step_by(2) {
        let top = member.split('/').next().unwrap();
        assert!(copied.iter().any(|source| source == top), "{member} is not copied");
    }
}

#[test]
fn every_plugin_is_built_and_installed() {
    let folders = std::fs::read_dir(root().join("plugins")).unwrap();
    let expected: BTreeSet<String> = folders
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        // The model is no plugin, and `local` is for a laptop.
        .filter(|name| !matches!(name.as_str(), "model" | "local"))
        .collect();
    let run = instructions().into_iter().find(|line| line.contains("cargo build")).unwrap();
    let words: Vec<&str> = run.split_whitespace().collect();
    let built = words.iter().filter_map(|word| word.strip_prefix("toygres-"));
    let built: BTreeSet<String> = built.filter(|name| *name != "cli").map(str::to_owned).collect();
    let installed = words.iter().filter_map(|word| {
        Some(word.strip_prefix("target/release/libtoygres_")?.strip_suffix(".so")?.to_owned())
    });
    assert_eq!(built, expected);
    assert_eq!(installed.collect::<BTreeSet<_>>(), expected);
}

#[test]
fn the_compiler_is_new_enough() {
    let manifest = text("Cargo.toml");
    let needed = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap();
    let from = instructions().into_iter().find(|line| line.starts_with("FROM rust:")).unwrap();
    let version = from["FROM rust:".len()..].split('-').next().unwrap().to_owned();
    let number =
        |text: &str| -> u32 { text.trim_matches('"').split('.').nth(1).unwrap().parse().unwrap() };
    assert!(number(&version) >= number(needed), "{version} < {needed}");
}

#[test]
fn image_and_manifests_agree() {
    let user = instruction("USER");
    let home = instruction("ENV").strip_prefix("TOYGRES_HOME=").unwrap().to_owned();
    assert_eq!(instruction("STOPSIGNAL"), "SIGTERM");
    for name in ["toygres-api", "toygres-worker"] {
        let pod = &named("Deployment", name)["spec"]["template"]["spec"];
        let security = &pod["securityContext"];
        assert_eq!(user, format!("{}:{}", security["runAsUser"], security["runAsGroup"]));
        assert_eq!(pod["containers"][0]["volumeMounts"][0]["mountPath"], home.as_str());
        let command: Vec<String> = serde_json::from_str(&instruction("CMD")).unwrap();
        assert_eq!(pod["containers"][0]["args"], serde_json::json!(command));
    }
    let port = instruction("EXPOSE");
    let api = named("Deployment", "toygres-api");
    let container = &api["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["ports"][0]["containerPort"].to_string(), port);
}

/// Binary and plugins as the image has them, run as a user that could have written none of them.
#[test]
fn plugins_beside_the_binary_are_found() {
    let prefix = tempfile::tempdir().unwrap();
    let open = |path: &Path| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    };
    open(prefix.path());
    let (bin, plugins) = (prefix.path().join("bin"), prefix.path().join("lib/toygres/plugins"));
    for folder in [&bin, &plugins] {
        std::fs::create_dir_all(folder).unwrap();
        open(folder);
    }
    std::fs::copy(toygres::binary(), bin.join("toygres")).unwrap();
    open(&bin.join("toygres"));
    let name = "libtoygres_config.so";
    std::fs::copy(toygres::plugins().join(name), plugins.join(name)).unwrap();
    open(&plugins.join(name));

    let home = tempfile::tempdir().unwrap();
    open(home.path());
    let mut command = Command::new(bin.join("toygres"));
    command.args(["server", "config", "-o", "json"]).env_clear().current_dir(home.path());
    command.env("TOYGRES_HOME", home.path());
    if rustix::process::geteuid().is_root() {
        command.uid(65532).gid(65532);
    }
    let ran = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{stderr}");
    serde_json::from_slice::<serde_json::Value>(&ran.stdout).unwrap();
}
