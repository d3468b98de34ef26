//! Where PostgreSQL's programs are.

use super::download;
use crate::process::account::Account;
use std::collections::HashSet;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use toygres_plugin_api::{Error, Result};

/// Names the one folder with programs to use, and no other is looked at.
const VARIABLE: &str = "TOYGRES_PG_BIN";

/// Where systems put the programs of each version: a folder, and what its entries begin with.
const PLACES: &[(&str, &str)] = &[
    ("/usr/lib/postgresql", ""),
    ("/usr", "pgsql-"),
    ("/opt/homebrew/opt", "postgresql"),
    ("/usr/local/opt", "postgresql"),
];

/// The programs of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Programs {
    folder: PathBuf,
    /// The version, such as `15.18`.
    pub(crate) version: String,
    /// Its major version.
    pub(crate) major: u32,
}

impl Programs {
    /// The path of one program.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A command that runs one, as the servers' account, with an environment of its own.
    pub(crate) fn command(&self, name: &str, account: Option<&Account>) -> Command {
        plain(&self.path(name), account)
    }

    /// A command of the system, in the same way.
    pub(super) fn system(&self, name: &str, account: Option<&Account>) -> Command {
        plain(Path::new(name), account)
    }

    fn look(folder: &Path, account: Option<&Account>) -> Option<Self> {
        let programs = ["initdb", "postgres"];
        if !programs.iter().all(|name| folder.join(name).is_file()) {
            return None;
        }
        // What the account cannot run is as good as not there.
        let output = plain(&folder.join("postgres"), account).arg("--version").output().ok()?;
        let said = String::from_utf8(output.stdout).ok()?;
        let (version, major) = version_in(&said)?;
        Some(Self { folder: folder.to_owned(), version, major })
    }
}

/// All programs that were found.
#[derive(Debug, Clone)]
pub(crate) struct Installed {
    /// The newest first.
    all: Vec<Programs>,
}

impl Installed {
    /// Looks for those that `account` can run; `downloaded` is where downloads lie.
    pub(crate) fn find(downloaded: &Path, account: Option<&Account>) -> Self {
        let mut seen = HashSet::new();
        let mut all: Vec<Programs> = candidates(downloaded)
            .into_iter()
            .filter(|folder| {
                // One program under two names is one program.
                folder.join("postgres").canonicalize().is_ok_and(|real| seen.insert(real))
            })
            .filter_map(|folder| Programs::look(&folder, account))
            .collect();
        all.sort_by_key(|programs| std::cmp::Reverse(numbers(&programs.version)));
        Self { all }
    }

    /// Those of a major version, the newest of them.
    pub(crate) fn of_major(&self, major: u32) -> Option<&Programs> {
        self.all.iter().find(|programs| programs.major == major)
    }

    /// The major versions, each once, the newest first.
    pub(crate) fn majors(&self) -> Vec<u32> {
        let mut majors: Vec<u32> = self.all.iter().map(|programs| programs.major).collect();
        majors.dedup();
        majors
    }

    /// The newest.
    pub(crate) fn newest(&self) -> Option<&Programs> {
        self.all.first()
    }

    /// The programs to make a server with: of the major version that is wanted, or the newest.
    /// Where there are none, they are downloaded.
    pub(crate) async fn or_download(
        &mut self,
        wanted: Option<u32>,
        into: &Path,
        account: Option<&Account>,
    ) -> Result<Programs> {
        let found = wanted.map_or_else(|| self.newest(), |major| self.of_major(major));
        if let Some(programs) = found {
            return Ok(programs.clone());
        }
        if let Some(named) = named() {
            let what = wanted.map_or_else(String::new, |major| format!(" {major}"));
            let folder = Path::new(&named).display();
            return Err(Error::failed(format!("there is no PostgreSQL{what} in {folder}"))
                .hint(format!("{VARIABLE} names that folder; correct or unset it")));
        }
        let folder = download::programs(wanted, into).await?;
        let programs = Programs::look(&folder, account).ok_or_else(|| {
            Error::failed(format!("the programs in {} do not run", folder.display()))
                .hint("install PostgreSQL with the system's package manager")
        })?;
        self.all.push(programs.clone());
        Ok(programs)
    }

    /// The programs for a data folder that this major version made.
    pub(crate) fn that_made(&self, major: u32, data: &Path) -> Result<&Programs> {
        self.of_major(major).ok_or_else(|| {
            let found: Vec<String> = self.all.iter().map(|it| it.version.clone()).collect();
            Error::failed(format!("{} needs PostgreSQL {major}", data.display()))
                .cause(format!("installed: {}", found.join(", ")))
                .hint(format!("install PostgreSQL {major}, or name its folder with {VARIABLE}"))
        })
    }
}

fn named() -> Option<OsString> {
    env::var_os(VARIABLE).filter(|named| !named.is_empty())
}

fn candidates(downloaded: &Path) -> Vec<PathBuf> {
    if let Some(named) = named() {
        return vec![named.into()];
    }
    let mut folders = Vec::new();
    for (place, prefix) in PLACES {
        folders.extend(entries(Path::new(place), prefix));
    }
    folders.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    folders.extend(entries(downloaded, ""));
    folders
}

/// The `bin` folders of a place's entries.
fn entries(place: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(place).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path().join("bin"))
        .filter(|bin| bin.is_dir())
        .collect()
}

/// A command in an environment that nothing of the caller's leaks into.
fn plain(program: &Path, account: Option<&Account>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LC_ALL", "C");
    command.current_dir("/");
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid).env("HOME", "/");
    }
    command
}

/// `postgres (PostgreSQL) 15.18 (…)`: the version and its major part.
fn version_in(said: &str) -> Option<(String, u32)> {
    let version = said.split_whitespace().nth(2)?.to_owned();
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    let major = digits.parse().ok()?;
    Some((version, major))
}

fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::{numbers, version_in};

    #[test]
    fn a_version_is_read_from_what_the_server_says() {
        let said = "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n";
        assert_eq!(version_in(said), Some(("15.18".to_owned(), 15)));
        assert_eq!(version_in("postgres (PostgreSQL) 19beta1\n"), Some(("19beta1".to_owned(), 19)));
        assert_eq!(version_in("no such file"), None);
        assert!(numbers("18.1") > numbers("9.6.24"));
    }
}
