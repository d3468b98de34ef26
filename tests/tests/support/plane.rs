//! A whole control plane on this machine, for all tests of this process.

use super::Toygres;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use toygres_tests::toygres::{binary, plugins};

/// Reads from a pipe that only the tests hold: the end of it is the end of the tests, however that
/// comes. Then everything is ended and its folder removed.
const KEEPER: &str = r#"
cat >/dev/null
"$1" server stop --force
"$1" local down --force
rm -rf "$TOYGRES_HOME"
"#;

/// A control plane with everything that it needs.
#[derive(Debug)]
pub(crate) struct Plane {
    home: PathBuf,
    /// Where plugins are looked for.
    folders: String,
    _keeper: (Child, ChildStdin),
}

impl Plane {
    /// The one of this process, because a start costs seconds.
    pub(crate) fn shared() -> &'static Self {
        Self::shared_with(&[])
    }

    /// The same, where more plugins are found; whoever asks first says which.
    pub(crate) fn shared_with(more: &[&Path]) -> &'static Self {
        static SHARED: OnceLock<Plane> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(more))
    }

    /// One for a test that breaks it.
    pub(crate) fn fresh() -> Self {
        Self::start(&[])
    }

    fn start(more: &[&Path]) -> Self {
        let home = tempfile::Builder::new().prefix("toygres-plane-").tempdir().unwrap().keep();
        let mut keeper = Command::new("sh");
        keeper
            .args(["-c", KEEPER, "toygres-keeper"])
            .arg(binary())
            .env("TOYGRES_HOME", &home)
            .env("TOYGRES_PLUGIN_PATH", plugins())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A group of its own: what ends the tests' group must not end what cleans up after them.
            .process_group(0);
        let mut keeper = keeper.spawn().unwrap();
        let alive = keeper.stdin.take().unwrap();
        let folders = std::iter::once(plugins()).chain(more.iter().map(|path| path.to_path_buf()));
        let folders = std::env::join_paths(folders).unwrap().into_string().unwrap();
        let plane = Self { home, folders, _keeper: (keeper, alive) };
        plane.toygres().args(["local", "up"]).run().code(0);
        plane
            .toygres()
            .args(["server", "start", "--port", "0"])
            // What is waited for is looked at often, so that the tests are quick.
            .env("TOYGRES_READY_INTERVAL_MS", "200")
            .env("TOYGRES_MONITOR_INTERVAL_MS", "500")
            .run()
            .code(0);
        plane
    }

    /// A command on it.
    pub(crate) fn toygres(&self) -> Toygres {
        self.elsewhere().env("TOYGRES_HOME", &self.home.to_string_lossy())
    }

    /// A command with the same plugins that knows nothing of it.
    pub(crate) fn elsewhere(&self) -> Toygres {
        Toygres::new().env("TOYGRES_PLUGIN_PATH", &self.folders)
    }

    /// A file of its home folder, without the end of its line.
    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.home.join(name)).unwrap().trim_end().to_owned()
    }

    /// Its home folder.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }
}
