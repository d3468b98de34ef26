//! A root of its own for an installation: nothing in it but shared libraries.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A folder that becomes `/`.
pub(crate) struct Root {
    folder: TempDir,
    /// What makes it so: `chroot`, with a user namespace around it where we are not root.
    change: Vec<&'static str>,
}

/// How a run in it ended.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Root {
    /// None, with a word, where no root can be changed.
    pub(crate) fn new() -> Option<Self> {
        let root = rustix::process::geteuid().is_root();
        let change =
            if root { vec!["chroot"] } else { vec!["unshare", "--map-root-user", "chroot"] };
        let tried = Command::new(change[0]).args(&change[1..]).args(["/", "true"]).output();
        if !tried.is_ok_and(|tried| tried.status.success()) {
            eprintln!("passed over: no root can be changed here");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        Some(Self { folder, change })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Copies the shared libraries that the binaries below a prefix are linked to.
    pub(crate) fn bring_libraries(&self, prefix: &str) {
        let prefix = self.path().join(prefix.trim_start_matches('/'));
        let mut binaries = vec![prefix.join("bin/toygres")];
        let plugins = std::fs::read_dir(prefix.join("lib/toygres/plugins")).unwrap();
        let plugins = plugins.map(|file| file.unwrap().path());
        binaries.extend(plugins.filter(|file| file.extension().is_some_and(|ext| ext == "so")));
        assert!(binaries.len() > 1, "no plugins in {}", prefix.display());
        for library in binaries.iter().flat_map(|binary| libraries(binary)).collect::<BTreeSet<_>>()
        {
            let copy = self.path().join(library.strip_prefix("/").unwrap());
            std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
            std::fs::copy(&library, copy).unwrap();
        }
    }

    /// Runs a program in it, by its path there.
    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        let mut command = Command::new(self.change[0]);
        command.args(&self.change[1..]).arg(self.path()).args(words);
        let output = command.env_clear().env("PATH", "/usr/bin:/usr/sbin:/bin:/sbin").output();
        let output = output.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// What `ldd` finds: paths, in both of its ways to write them.
fn libraries(binary: &Path) -> Vec<PathBuf> {
    let output = Command::new("ldd").arg(binary).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && !said.contains("not found"), "{said}");
    let paths = said.split_whitespace().filter(|word| word.starts_with('/'));
    paths.map(PathBuf::from).collect()
}
