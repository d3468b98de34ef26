//! A whole control plane on this machine, for all tests of this process.

use crate::support::Toygres;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
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
    _keeper: (Child, ChildStdin),
}

impl Plane {
    /// The one of this process, because a start costs seconds.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Plane> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
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
        let plane = Self { home, _keeper: (keeper, alive) };
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
        Toygres::new().env("TOYGRES_HOME", &self.home.to_string_lossy())
    }

    /// Its home folder.
    pub(crate) fn home(&self) -> &std::path::Path {
        &self.home
    }
}
