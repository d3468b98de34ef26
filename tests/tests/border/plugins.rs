//! Folders of plugins, good and broken, and the real binary run on them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A plugin folder of a test's own.
pub(crate) struct Folder(TempDir);

impl Folder {
    /// A folder with these libraries.
    pub(crate) fn with(libraries: &[(&str, &[u8])]) -> Self {
        let folder = Self(TempDir::new().unwrap());
        fs::set_permissions(folder.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for (name, library) in libraries {
            let path = folder.0.path().join(name);
            fs::write(&path, library).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        }
        folder
    }

    /// A file in it.
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// Sets the modes of a file and of the folder.
    pub(crate) fn modes(&self, name: &str, file: u32, folder: u32) {
        fs::set_permissions(self.0.path().join(name), fs::Permissions::from_mode(file)).unwrap();
        fs::set_permissions(self.0.path(), fs::Permissions::from_mode(folder)).unwrap();
    }
}

/// What a run left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
}

/// Runs the real binary on a plugin folder, in an environment of its own.
pub(crate) fn run(folder: &Folder, args: &[&str]) -> Ran {
    run_with(folder, args, &[])
}

/// The same with more variables.
pub(crate) fn run_with(folder: &Folder, args: &[&str], env: &[(&str, &str)]) -> Ran {
    let home = TempDir::new().unwrap();
    let output = Command::new(built("TOYGRES_BIN", "toygres"))
        .args(args)
        .env_clear()
        .env("HOME", home.path())
        .env("LANG", "C.UTF-8")
        .env("TOYGRES_PLUGIN_PATH", folder.0.path())
        .envs(env.iter().copied())
        .current_dir(home.path())
        .output()
        .unwrap();
    Ran {
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code(),
    }
}

/// The badly behaved plugin.
pub(crate) fn bad_library() -> Vec<u8> {
    read(&built("TOYGRES_BAD_PLUGIN", "libtoygres_bad_plugin.so"))
}

/// A first-party plugin.
pub(crate) fn first_party(name: &str) -> Vec<u8> {
    let file = format!("libtoygres_{name}.so");
    match std::env::var_os("TOYGRES_PLUGIN_DIR") {
        Some(folder) => read(&Path::new(&folder).join(file)),
        None => read(&built("", &file)),
    }
}

/// The library with every occurrence of a text replaced by one of the same length.
pub(crate) fn patched(library: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let mut library = library.to_vec();
    let mut found = 0;
    let mut at = 0;
    while let Some(place) = library[at..].windows(old.len()).position(|window| window == old) {
        at += place;
        library[at..at + old.len()].copy_from_slice(new);
        at += old.len();
        found += 1;
    }
    assert!(found > 0, "the library does not hold {:?}", String::from_utf8_lossy(old));
    library
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| {
        panic!("{}: {error}; run the tests with `cargo xtask test`", path.display())
    })
}

/// A file that was built: named by the environment, or beside the tests' own folder.
fn built(variable: &str, name: &str) -> PathBuf {
    if let Some(path) = std::env::var_os(variable).filter(|_| !variable.is_empty()) {
        return path.into();
    }
    let tests = std::env::current_exe().unwrap();
    tests.parent().and_then(Path::parent).unwrap().join(name)
}
