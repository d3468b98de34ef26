//! The real binary and its plugins, as the tests find them.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The binary `toygres`: named by `TOYGRES_BIN`, or beside the tests' own folder.
pub fn binary() -> PathBuf {
    built("TOYGRES_BIN", "toygres")
}

/// A folder with the first-party plugins: named by `TOYGRES_PLUGIN_DIR`, or filled from what was
/// built beside the tests.
///
/// # Panics
/// When they were not built.
pub fn plugins() -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER
        .get_or_init(|| match std::env::var_os("TOYGRES_PLUGIN_DIR") {
            Some(folder) => folder.into(),
            None => collected(),
        })
        .clone()
}

/// The badly behaved plugin: named by `TOYGRES_BAD_PLUGIN`, or beside the tests' own folder.
pub fn bad_plugin() -> PathBuf {
    built("TOYGRES_BAD_PLUGIN", "libtoygres_bad_plugin.so")
}

/// The plugin of the guide: named by `TOYGRES_GUIDE_PLUGIN`, or beside the tests' own folder.
pub fn guide_plugin() -> PathBuf {
    built("TOYGRES_GUIDE_PLUGIN", "libtoygres_guide_plugin.so")
}

/// The binary with all first-party plugins linked in: named by `TOYGRES_BUNDLED_BIN`, or beside
/// the tests' own folder.
pub fn bundled() -> PathBuf {
    built("TOYGRES_BUNDLED_BIN", "toygres-bundled")
}

/// The same with the badly behaved plugin alone linked in: named by `TOYGRES_MISBEHAVING_BIN`, or
/// beside the tests' own folder.
pub fn misbehaving() -> PathBuf {
    built("TOYGRES_MISBEHAVING_BIN", "examples/misbehaving")
}

/// The project's own tasks: named by `TOYGRES_XTASK`, or beside the tests' own folder.
pub fn tasks() -> PathBuf {
    built("TOYGRES_XTASK", "xtask")
}

fn collected() -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let target = built("", "");
    let folder = target.join("test-plugins");
    std::fs::create_dir_all(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let names =
        ["orchestrations", "db", "config", "instances", "local", "server", "health", "drift"];
    for name in names {
        let file = format!("libtoygres_{name}.so");
        // Other test processes may do the same at the same time: each file comes whole.
        let unfinished = folder.join(format!(".{file}.{}", std::process::id()));
        std::fs::copy(target.join(&file), &unfinished)
            .and_then(|_| std::fs::set_permissions(&unfinished, PermissionsExt::from_mode(0o644)))
            .and_then(|()| std::fs::rename(&unfinished, folder.join(&file)))
            .unwrap_or_else(|error| {
                panic!("{file}: {error}; run the tests with `cargo xtask test`")
            });
    }
    folder
}

fn built(variable: &str, name: &str) -> PathBuf {
    if let Some(path) = std::env::var_os(variable).filter(|_| !variable.is_empty()) {
        return path.into();
    }
    let tests = std::env::current_exe().unwrap_or_default();
    tests.ancestors().nth(2).unwrap_or(Path::new(".")).join(name)
}
