//! The binaries that go in: built or taken as they are, without symbols.

use super::Dist;
use crate::build::{PLUGINS, root, target};
use crate::run::{Result, cargo, run};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The host, and the libraries of plugins beside it.
pub(crate) struct Binaries {
    pub(crate) host: Vec<u8>,
    /// File name and contents.
    pub(crate) plugins: Vec<(String, Vec<u8>)>,
}

/// The plugins that were named, all of them where none was.
pub(crate) fn plugins(named: &[String]) -> Result<Vec<&'static str>> {
    let all: Vec<&'static str> =
        PLUGINS.iter().filter_map(|package| package.strip_prefix("toygres-")).collect();
    if named.is_empty() {
        return Ok(all);
    }
    let known = |name: &String| all.iter().copied().find(|plugin| plugin == name);
    let mut chosen = named
        .iter()
        .map(|name| {
            known(name).ok_or_else(|| format!("no plugin `{name}`; there are {}", all.join(", ")))
        })
        .collect::<std::result::Result<Vec<_>, _>>()?;
    chosen.sort_unstable();
    chosen.dedup();
    Ok(chosen)
}

impl Binaries {
    /// Builds them, unless they are there.
    pub(crate) fn make(dist: &Dist, plugins: &[&str]) -> Result<Self> {
        let folder = match &dist.from {
            Some(folder) => folder.clone(),
            None => build(dist, plugins)?,
        };
        if dist.linked {
            let host = stripped(&folder.join("toygres-bundled"))?;
            return Ok(Self { host, plugins: Vec::new() });
        }
        let libraries = plugins.iter().map(|plugin| {
            let name = format!("libtoygres_{plugin}.so");
            let library = stripped(&folder.join(&name))?;
            Ok((name, library))
        });
        let host = stripped(&folder.join("toygres"))?;
        Ok(Self { host, plugins: libraries.collect::<Result<_>>()? })
    }
}

/// Answers the folder that it was built in.
fn build(dist: &Dist, plugins: &[&str]) -> Result<PathBuf> {
    let mut command = cargo();
    command.current_dir(root()).args(["build", "--locked"]);
    let profile = if dist.debug { "debug" } else { "release" };
    if !dist.debug {
        command.arg("--release");
    }
    if !dist.linked {
        command.args(["-p", "toygres-cli"]);
        for plugin in plugins {
            command.args(["-p", &format!("toygres-{plugin}")]);
        }
        run(&mut command)?;
        return Ok(target().join(profile));
    }
    // A target that is named keeps what runs while building (macros) as it is.
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    command.args(["-p", "toygres-bundle", "--no-default-features"]);
    command.args(["--features", &plugins.join(","), "--target", &triple]);
    command.env("RUSTFLAGS", "-C target-feature=+crt-static");
    statically_with_openssl(&mut command)?;
    run(&mut command)?;
    Ok(target().join(triple).join(profile))
}

/// OpenSSL is an archive then, of Debian's `libssl-dev` or where `OPENSSL_LIB_DIR` says.
fn statically_with_openssl(command: &mut Command) -> Result {
    command.env("OPENSSL_STATIC", "1");
    for (name, variable) in [("OPENSSL_LIB_DIR", "libdir"), ("OPENSSL_INCLUDE_DIR", "includedir")] {
        if std::env::var_os(name).is_some() {
            continue;
        }
        let asked = format!("--variable={variable}");
        let output = Command::new("pkg-config").args([&asked, "openssl"]).output();
        let found = output.ok().filter(|output| output.status.success());
        let found = found.ok_or_else(|| format!("pkg-config knows no openssl: set {name}"))?;
        command.env(name, String::from_utf8(found.stdout)?.trim());
    }
    Ok(())
}

/// A binary without its symbols.
fn stripped(path: &Path) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("stripped");
    if !path.exists() {
        return Err(format!("{} was not built", path.display()).into());
    }
    run(Command::new("strip").arg("-o").arg(&out).arg(path))?;
    Ok(std::fs::read(out)?)
}
