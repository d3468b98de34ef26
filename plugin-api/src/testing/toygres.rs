//! The real `toygres` with the plugin's own library, for tests on a real database or cluster.

use crate::error::{Error, Result};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The real `toygres` on the library that `cargo test` has just built, in a home folder of its
/// own: nothing of the machine's configuration is seen.
///
/// ```no_run
/// use toygres_plugin_api::testing::Toygres;
///
/// # fn main() -> toygres_plugin_api::Result<()> {
/// let toygres = Toygres::with_library("acme_backups")?.env("DATABASE_URL", "postgres://…");
/// let ran = toygres.run("server stale-backups -o json")?;
/// assert_eq!((ran.code, ran.stdout.as_str()), (0, "[]\n"), "{}", ran.stderr);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Toygres {
    program: PathBuf,
    folder: TempDir,
    env: Vec<(String, OsString)>,
}

/// What a run left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Data.
    pub stdout: String,
    /// Progress, remarks and errors.
    pub stderr: String,
    /// The exit code; 128 and the signal's number where one ended it.
    pub code: i32,
}

impl Toygres {
    /// The `toygres` that `TOYGRES_BIN` names, or the one on the path, with the library of this
    /// crate: its name with `_` for each dash. The crate's types are `cdylib` and `rlib`, and the
    /// test stands in its folder `tests`, so that cargo builds the library first.
    ///
    /// # Errors
    /// `not_found` when there is no such library; `failed` when it cannot be put into a folder.
    pub fn with_library(crate_name: &str) -> Result<Self> {
        let library = built(crate_name)?;
        let folder = tempfile::Builder::new().prefix("toygres-test-").tempdir()?;
        let plugins = folder.path().join("plugins");
        std::fs::create_dir(&plugins)?;
        private(&plugins, 0o755)?;
        let installed = plugins.join(format!("{crate_name}.so"));
        std::fs::copy(&library, &installed)?;
        private(&installed, 0o644)?;
        let program = std::env::var_os("TOYGRES_BIN").unwrap_or_else(|| "toygres".into());
        Ok(Self { program: program.into(), folder, env: Vec::new() })
    }

    /// With this environment variable, such as `DATABASE_URL` or `KUBECONFIG`. Nothing but `PATH`
    /// is taken from the test's own environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// Runs what an operator would type behind `toygres`, to its end.
    ///
    /// # Errors
    /// `usage` where a quote is not closed; `not_found` when there is no such program.
    pub fn run(&self, typed: &str) -> Result<Ran> {
        let words = shlex::split(typed)
            .ok_or_else(|| Error::usage(format!("a quote is not closed in `{typed}`")))?;
        let output = self.command().args(words).output().map_err(|error| {
            Error::not_found(format!("`{}` cannot be run", self.program.display()))
                .cause(error)
                .hint("name the binary of toygres with the environment variable TOYGRES_BIN")
        })?;
        Ok(Ran {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: code(output.status),
        })
    }

    /// The program in its environment, for what [`Self::run`] cannot do, such as a command that
    /// goes on until it is interrupted.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear().current_dir(self.folder.path());
        command.env("HOME", self.folder.path()).env("LANG", "C.UTF-8");
        command.env("TOYGRES_HOME", self.folder.path());
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// The library beside the test that runs: cargo puts both into `deps`.
fn built(crate_name: &str) -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test.parent().unwrap_or(Path::new("."));
    let (before, after) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let library = folder.join(format!("{before}{crate_name}{after}"));
    if library.exists() {
        return Ok(library);
    }
    Err(Error::not_found(format!("there is no library {}", library.display())).hint(
        "set `crate-type = [\"cdylib\", \"rlib\"]` in Cargo.toml, and put the test into `tests/`",
    ))
}

#[cfg(unix)]
fn private(path: &Path, mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::set_permissions(path, PermissionsExt::from_mode(mode))?)
}

#[cfg(not(unix))]
fn private(_: &Path, _: u32) -> Result<()> {
    Ok(())
}

#[cfg(unix)]
fn code(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

#[cfg(not(unix))]
fn code(status: std::process::ExitStatus) -> i32 {
    status.code().unwrap_or(-1)
}
