//! The real binary and its plugins: those that the environment names, else those of this checkout.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const PLUGINS: &[&str] = &["toygres-orchestrations", "toygres-db", "toygres-config"];

/// Where they are.
#[derive(Debug)]
pub(crate) struct Installed {
    pub(crate) binary: PathBuf,
    pub(crate) plugins: PathBuf,
}

/// Built once a process where nothing is named.
pub(crate) fn installed() -> &'static Installed {
    static INSTALLED: OnceLock<Installed> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let named = |name: &str| std::env::var_os(name).map(PathBuf::from);
        match (named("TOYGRES_BIN"), named("TOYGRES_PLUGIN_DIR")) {
            (Some(binary), Some(plugins)) => Installed { binary, plugins },
            _ => build(),
        }
    })
}

fn build() -> Installed {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root).args(["build", "--quiet", "-p", "toygres-cli"]);
    for package in PLUGINS {
        cargo.args(["-p", package]);
    }
    assert!(cargo.status().unwrap().success(), "the binary and its plugins do not build");
    let plugins = target.join("test-plugins");
    std::fs::create_dir_all(&plugins).unwrap();
    for package in PLUGINS {
        let name = format!("lib{}.so", package.replace('-', "_"));
        // Whole or not at all: another process of tests may be opening it.
        let unfinished = plugins.join(format!(".{name}.{}", std::process::id()));
        std::fs::copy(target.join("debug").join(&name), &unfinished).unwrap();
        std::fs::rename(unfinished, plugins.join(&name)).unwrap();
    }
    Installed { binary: target.join("debug/toygres"), plugins }
}
