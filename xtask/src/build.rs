//! Building the host and the plugins, and putting them where they are used.

use crate::run::{Result, cargo, run};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The first-party plugins: package names.
pub(crate) const PLUGINS: &[&str] = &[
    "toygres-orchestrations",
    "toygres-db",
    "toygres-config",
    "toygres-instances",
    "toygres-local",
    "toygres-server",
    "toygres-health",
    "toygres-drift",
];

/// What was built.
pub(crate) struct Built {
    /// The folder of the profile: `target/debug` or `target/release`.
    pub(crate) folder: PathBuf,
}

impl Built {
    /// Builds the host, the plugins and `more` packages.
    pub(crate) fn build(release: bool, more: &[&str]) -> Result<Self> {
        let mut command = cargo();
        command.arg("build").arg("--locked").args(["-p", "toygres-cli"]);
        for package in PLUGINS.iter().chain(more) {
            command.args(["-p", package]);
        }
        if release {
            command.arg("--release");
        }
        run(&mut command)?;
        Ok(Self { folder: target().join(if release { "release" } else { "debug" }) })
    }

    /// A binary that was built.
    pub(crate) fn binary(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Puts the first-party plugins into a folder, each whole or not at all.
    pub(crate) fn install_plugins(&self, into: &Path) -> Result {
        fs::create_dir_all(into)?;
        fs::set_permissions(into, fs::Permissions::from_mode(0o755))?;
        for package in PLUGINS {
            let name = format!("lib{}.so", package.replace('-', "_"));
            let unfinished = into.join(format!(".{name}.new"));
            fs::copy(self.folder.join(&name), &unfinished)?;
            fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o644))?;
            fs::rename(&unfinished, into.join(&name))?;
        }
        Ok(())
    }
}

/// Cargo's target folder.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => folder.into(),
        None => root().join("target"),
    }
}

/// The workspace.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
