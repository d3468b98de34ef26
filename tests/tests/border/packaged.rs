//! plugin-api as an author gets it, and plugins of other workspaces built with it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// How a plugin is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Build {
    /// Without optimisation.
    Plain,
    /// With optimisation, and every type that promises no layout laid out at random.
    OptimisedAtRandom,
}

/// Builds the plugin of a folder beside the tests far away from the sources of plugin-api, and
/// answers its library.
pub(crate) fn library(folder: &str, name: &str, how: Build) -> Vec<u8> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let away = away();
    unpack(here.parent().unwrap(), &away);
    succeed(Command::new("cp").arg("-r").arg(here.join(folder)).arg(&away));
    let target = match how {
        Build::Plain => away.join("target-plain"),
        Build::OptimisedAtRandom => away.join("target"),
    };
    let mut build = cargo(&away.join(folder));
    build.args(["build", "--locked", "--target-dir"]).arg(&target);
    if how == Build::OptimisedAtRandom {
        // Lets the stable compiler take the flag.
        build.arg("--release").env("RUSTC_BOOTSTRAP", "1");
        build.env("RUSTFLAGS", "-Zrandomize-layout");
    }
    succeed(&mut build);
    let profile = if how == Build::Plain { "debug" } else { "release" };
    std::fs::read(target.join(profile).join(format!("lib{name}.so"))).unwrap()
}

/// Beside the other build results, so that a second run has little to do.
pub(crate) fn away() -> PathBuf {
    let away = std::env::current_exe().unwrap();
    let away = away.ancestors().nth(3).unwrap().join("foreign");
    std::fs::create_dir_all(&away).unwrap();
    away
}

/// Packages plugin-api and unpacks it.
pub(crate) fn unpack(root: &Path, away: &Path) {
    let mut package = cargo(root);
    package
        .args(["package", "--no-verify", "--allow-dirty"])
        .args(["-p", "toygres-plugin-api-macros", "-p", "toygres-plugin-api"])
        .arg("--target-dir")
        .arg(away.join("package"));
    succeed(&mut package);
    for name in ["toygres-plugin-api-macros-1.0.0", "toygres-plugin-api-1.0.0"] {
        let archive = away.join("package/package").join(format!("{name}.crate"));
        let (packed, unpacked) = (std::fs::read(&archive).unwrap(), away.join(name).join(".crate"));
        if std::fs::read(&unpacked).is_ok_and(|before| before == packed) {
            continue;
        }
        // With the times of now: a package has all its files of one day, and cargo would take a
        // changed one for what it built before.
        succeed(Command::new("tar").arg("-xzmf").arg(&archive).arg("-C").arg(away));
        std::fs::write(&unpacked, packed).unwrap();
    }
}

fn cargo(folder: &Path) -> Command {
    let program = std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
    let mut cargo = Command::new(program);
    cargo.current_dir(folder).env_remove("RUSTFLAGS").env_remove("CARGO_TARGET_DIR");
    cargo
}

fn succeed(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
