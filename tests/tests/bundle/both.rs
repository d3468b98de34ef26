//! The same words typed at two binaries: one opens its plugins, the other has them linked in.

use std::path::{Path, PathBuf};
use std::process::Command;
use toygres_tests::{toygres, twin};

/// A binary, where its plugins lie, and how it is run.
pub(crate) struct Side {
    program: PathBuf,
    plugins: PathBuf,
}

impl Side {
    fn told(&self) -> twin::Side<'_> {
        twin::Side { program: &self.program, plugins: &self.plugins }
    }
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Both sides, in the same home and environment.
pub(crate) struct Both {
    pub(crate) opening: Side,
    pub(crate) linked: Side,
    home: tempfile::TempDir,
    env: Vec<(String, String)>,
}

impl Both {
    /// All first-party plugins on both sides, and no configuration.
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let none = home.path().join("no-plugins");
        std::fs::create_dir(&none).unwrap();
        Self {
            opening: Side { program: toygres::binary(), plugins: toygres::plugins() },
            linked: Side { program: toygres::bundled(), plugins: none },
            home,
            env: Vec::new(),
        }
    }

    /// The badly behaved plugin on both sides.
    pub(crate) fn misbehaving() -> Self {
        use std::os::unix::fs::PermissionsExt;
        let mut both = Self::new();
        let folder = both.home.path().join("bad");
        std::fs::create_dir(&folder).unwrap();
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).unwrap();
        let library = folder.join("bad.so");
        std::fs::copy(toygres::bad_plugin(), &library).unwrap();
        std::fs::set_permissions(&library, PermissionsExt::from_mode(0o644)).unwrap();
        both.opening.plugins = folder;
        both.linked.program = toygres::misbehaving();
        both
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The folder that both run in.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs one of them.
    pub(crate) fn run(&self, side: &Side, args: &[&str]) -> Ran {
        let output = Command::new(&side.program)
            .args(args)
            .env_clear()
            .env("HOME", self.home())
            .env("TOYGRES_HOME", self.home().join("toygres"))
            // Whatever else listens on this machine is not asked.
            .env("TOYGRES_API_URL", "http://127.0.0.1:1")
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .env("TOYGRES_PLUGIN_PATH", &side.plugins)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(self.home())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Both give the same answer, which is returned.
    #[track_caller]
    pub(crate) fn same(&self, args: &[&str]) -> Ran {
        let settled = |side: &Side| {
            let ran = self.run(side, args);
            let [stdout, stderr] =
                [ran.stdout, ran.stderr].map(|text| twin::settled(side.told(), &text));
            Ran { code: ran.code, stdout, stderr }
        };
        let (opening, linked) = (settled(&self.opening), settled(&self.linked));
        for (of, linked, opening) in [
            ("stdout", &linked.stdout, &opening.stdout),
            ("stderr", &linked.stderr, &opening.stderr),
        ] {
            assert!(linked == opening, "{args:?} on {of}:\n{linked}\nopened:\n{opening}");
        }
        assert_eq!(linked.code, opening.code, "{args:?}: {opening:#?}");
        opening
    }

    /// The same, with an exit code that both must have.
    #[track_caller]
    pub(crate) fn same_with(&self, args: &[&str], code: i32) -> Ran {
        let ran = self.same(args);
        assert_eq!(ran.code, Some(code), "{args:?}: {ran:#?}");
        ran
    }
}
