//! An author at work: a folder of their own, cargo, and the real `toygres`.

use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use toygres_tests::toygres;

/// An author in an empty folder.
pub(crate) struct Author {
    desk: TempDir,
    name: String,
}

impl Author {
    /// One that has nothing yet, and will follow the guide.
    pub(crate) fn new() -> Self {
        Self { desk: tempfile::tempdir().unwrap(), name: "acme-backups".to_owned() }
    }

    /// One that has made a plugin of this name.
    pub(crate) fn called(name: &str) -> Self {
        let author = Self { desk: tempfile::tempdir().unwrap(), name: name.to_owned() };
        author.shell(&format!("toygres plugin new {name} --api {}", api().display()), &[]);
        author
    }

    /// Types the guide's first block, and answers what was said.
    pub(crate) fn types_the_guide(&self, database_url: &str) -> String {
        let script: Vec<String> = guide().iter().map(|line| self.as_typed_here(line)).collect();
        self.shell(&script.join("\n"), &[("TOYGRES_TEST_DATABASE_URL", database_url)])
    }

    /// The crate is not published, what is built stays for the next run, and the versions are those
    /// of the workspace: without a network there are no others.
    fn as_typed_here(&self, line: &str) -> String {
        if !line.starts_with("toygres plugin new ") {
            return line.to_owned();
        }
        let (api, lock, target) = (api(), root().join("Cargo.lock"), target());
        let (api, lock, target) = (api.display(), lock.display(), target.display());
        let name = &self.name;
        format!("{line} --api {api}\ncp {lock} {name}/\nln -s {target} {name}/target")
    }

    /// No line of the author's is about what crosses the border, and none is `unsafe`.
    pub(crate) fn sources_say_nothing_of_the_border(&self) {
        for file in ["src/lib.rs", "tests/command.rs", "tests/database.rs", "Cargo.toml"] {
            let text = std::fs::read_to_string(self.folder().join(file)).unwrap().to_lowercase();
            let words = text.split(|c: char| !c.is_alphanumeric());
            let bad = ["unsafe", "abi", "dlopen", "repr", "extern"];
            assert_eq!(words.into_iter().find(|word| bad.contains(word)), None, "{file}");
        }
    }

    pub(crate) fn is_formatted(&self) {
        self.shell(&format!("cd {}\ncargo fmt --check", self.name), &[]);
    }

    /// Cargo takes the folder for a package.
    pub(crate) fn resolves(&self) {
        let metadata = "cargo metadata --format-version 1 --no-deps";
        let said = self.shell(&format!("cd {}\n{metadata}", self.name), &[]);
        assert!(said.contains(&format!("\"toygres-{}\"", self.name)), "{said}");
    }

    /// Installs the library into a home folder.
    pub(crate) fn installs(&self, home: &Path) {
        let library = self.folder().join("target/debug/libtoygres_acme_backups.so");
        let install = format!("toygres plugin install {}", library.display());
        self.shell(&install, &[("TOYGRES_HOME", &home.display().to_string())]);
    }

    fn folder(&self) -> PathBuf {
        self.desk.path().join(&self.name)
    }

    /// Runs lines in a shell; the first one that fails ends the test.
    fn shell(&self, script: &str, env: &[(&str, &str)]) -> String {
        let kept = ["HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "PATH"];
        let kept = kept.iter().filter_map(|name| Some((*name, std::env::var_os(name)?)));
        let mut shell = Command::new("sh");
        shell
            .args(["-euc", &format!("PATH={}:$PATH\nexec 2>&1\n{script}", self.programs())])
            .current_dir(self.desk.path())
            .env_clear()
            .envs(kept)
            .env("LANG", "C.UTF-8")
            .env("CARGO_NET_OFFLINE", "true")
            .env("TOYGRES_BIN", toygres::binary())
            .env("TOYGRES_HOME", self.desk.path().join("home"))
            .envs(env.iter().copied());
        let output = shell.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{script}\n{said}");
        said
    }

    /// A folder with `toygres` alone.
    fn programs(&self) -> String {
        let folder = self.desk.path().join("bin");
        if !folder.exists() {
            std::fs::create_dir(&folder).unwrap();
            std::os::unix::fs::symlink(toygres::binary(), folder.join("toygres")).unwrap();
        }
        folder.display().to_string()
    }
}

/// The lines of the guide's first block.
fn guide() -> Vec<String> {
    let guide = std::fs::read_to_string(root().join("docs/guide.md")).unwrap();
    let block = guide.split_once("```sh\n").unwrap().1.split_once("```").unwrap().0;
    assert!(
        !guide.split_once(block).unwrap().1.contains("```sh"),
        "another block is typed by nobody"
    );
    block.lines().map(str::to_owned).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn api() -> PathBuf {
    root().join("plugin-api")
}

/// Beside the other build results, so that a second run has little to do.
fn target() -> PathBuf {
    let folder = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join("plugin-new");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
