//! The real binary, in an environment of its own.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// A run of `toygres` that is being put together.
#[derive(Debug)]
pub(crate) struct Toygres {
    command: Command,
    home: TempDir,
    input: Vec<u8>,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Toygres {
    /// A run without any configuration.
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new(toygres_tests::toygres::binary());
        command
            .env_clear()
            .env("HOME", home.path())
            .env("TOYGRES_HOME", home.path().join("toygres"))
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .env("TOYGRES_PLUGIN_PATH", toygres_tests::toygres::plugins())
            .current_dir(home.path());
        Self { command, home, input: Vec::new() }
    }

    /// A run on this database.
    pub(crate) fn on(url: &str) -> Self {
        Self::new().env("DATABASE_URL", url)
    }

    /// Its home folder; it runs in it, and its configuration is in `toygres` below.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn args<'a>(mut self, args: impl IntoIterator<Item = &'a str>) -> Self {
        self.command.args(args);
        self
    }

    /// An argument that need not be text.
    pub(crate) fn arg(mut self, arg: &std::path::Path) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// A file in the home folder.
    pub(crate) fn file(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let path: PathBuf = self.home.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        self
    }

    pub(crate) fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    /// Runs it to its end.
    pub(crate) fn run(mut self) -> Ran {
        let input = std::mem::take(&mut self.input);
        let (mut child, _home) = self.start();
        let mut stdin = child.stdin.take().unwrap();
        let writing = std::thread::spawn(move || {
            // One that does not read its input closes it.
            let _unread = stdin.write_all(&input);
        });
        let ran = Ran::of(child.wait_with_output().unwrap());
        writing.join().unwrap();
        ran
    }

    /// Starts it; the folder is its home, which goes when it is dropped.
    pub(crate) fn start(mut self) -> (Child, TempDir) {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        (self.command.spawn().unwrap(), self.home)
    }
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self {
            // A signal ends without a code: no test expects one of these.
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    #[track_caller]
    pub(crate) fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, expected, "{self:#?}");
        self
    }

    /// What was told on stdout, as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// The error on stderr, as JSON; notes may stand before it.
    #[track_caller]
    pub(crate) fn error(&self) -> serde_json::Value {
        let line = self.stderr.lines().last().unwrap_or_default();
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    #[track_caller]
    pub(crate) fn says(self, part: &str) -> Self {
        assert!(self.stderr.contains(part), "`{part}` is missing in {self:#?}");
        self
    }

    #[track_caller]
    pub(crate) fn shows(self, part: &str) -> Self {
        assert!(self.stdout.contains(part), "`{part}` is missing in {self:#?}");
        self
    }

    /// Nothing of this text went out.
    #[track_caller]
    pub(crate) fn hides(self, secret: &str) -> Self {
        assert!(!self.stdout.contains(secret), "`{secret}` is in stdout of {self:#?}");
        assert!(!self.stderr.contains(secret), "`{secret}` is in stderr of {self:#?}");
        self
    }
}
