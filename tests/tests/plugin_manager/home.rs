//! A home folder of a test's own, libraries to install into it, and the real binary run on it.

use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use tempfile::TempDir;
use toygres_tests::toygres;

/// The badly behaved plugin, which answers well when asked so.
pub(crate) static BAD: LazyLock<Vec<u8>> =
    LazyLock::new(|| fs::read(toygres::bad_plugin()).expect("the badly behaved plugin is built"));

/// The same as version 0.2.0.
pub(crate) static NEWER: LazyLock<Vec<u8>> = LazyLock::new(|| version(b"0.2.0"));

/// A plugin with commands of its own, `server config` and `server env`.
pub(crate) static CONFIG: LazyLock<Vec<u8>> = LazyLock::new(|| {
    fs::read(toygres::plugins().join("libtoygres_config.so")).expect("the plugins are built")
});

/// What runs well.
pub(crate) const RUN: &[&str] = &["server", "bad", "--fault", "none", "-o", "json"];

/// The badly behaved plugin as another version.
pub(crate) fn version(version: &[u8; 5]) -> Vec<u8> {
    patched(&BAD, b"\"version\":\"0.1.0\"", &[b"\"version\":\"", &version[..], b"\""].concat())
}

/// The library with every occurrence of a text replaced by one of the same length.
pub(crate) fn patched(library: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let mut library = library.to_vec();
    let finder = |library: &[u8], from: usize| {
        library[from..].windows(old.len()).position(|window| window == old).map(|at| from + at)
    };
    let mut at = finder(&library, 0).unwrap_or_else(|| {
        panic!("the library does not hold {:?}", String::from_utf8_lossy(old));
    });
    loop {
        library[at..at + old.len()].copy_from_slice(new);
        match finder(&library, at + old.len()) {
            Some(next) => at = next,
            None => return library,
        }
    }
}

/// A home folder, and beside it a folder for files that are not installed.
#[derive(Debug)]
pub(crate) struct Home(PathBuf, #[expect(dead_code, reason = "goes with this")] TempDir);

/// What a run left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self::in_folder("")
    }

    /// One in a folder of this name.
    pub(crate) fn in_folder(name: &str) -> Self {
        let temporary = TempDir::new().unwrap();
        let folder = temporary.path().join(name);
        for folder in [folder.clone(), folder.join("home"), folder.join("files")] {
            fs::create_dir_all(&folder).unwrap();
            fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let folder = if name.is_empty() { temporary.path().to_owned() } else { folder };
        Self(folder, temporary)
    }

    /// One that has the badly behaved plugin in its first version.
    pub(crate) fn with_bad() -> Self {
        let home = Self::new();
        let file = home.file("bad.so", &BAD);
        home.well(&["plugin", "install", &file]);
        home
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.join("home")
    }

    pub(crate) fn files(&self) -> PathBuf {
        self.0.join("files")
    }

    /// A file beside the home folder.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.files().join(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        path.display().to_string()
    }

    /// The command, in an environment of its own.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(toygres::binary());
        command
            .args(args)
            .env_clear()
            .env("HOME", &self.0)
            .env("TOYGRES_HOME", self.path())
            .env("LANG", "C.UTF-8")
            .current_dir(&self.0);
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        ran(&mut self.command(args))
    }

    /// What a run that succeeds writes.
    #[track_caller]
    pub(crate) fn well(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.stderr);
        ran.stdout
    }

    /// The same as JSON.
    #[track_caller]
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["-o", "json"]).collect();
        serde_json::from_str(&self.well(&args)).expect("one JSON document")
    }

    /// The one row of `plugin list` about a plugin.
    #[track_caller]
    pub(crate) fn row(&self, name: &str) -> Value {
        let list = self.json(&["plugin", "list"]);
        let rows: Vec<&Value> =
            list.as_array().unwrap().iter().filter(|row| row["name"] == name).collect();
        assert_eq!(rows.len(), 1, "{list}");
        rows[0].clone()
    }

    /// Paths that differ from one test to the next get names.
    pub(crate) fn named(&self, text: &str) -> String {
        text.replace(&self.0.display().to_string(), "DIR")
    }
}

pub(crate) fn ran(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code(),
    }
}

/// Sets a file's mode.
pub(crate) fn mode(path: impl AsRef<Path>, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
