//! Where PostgreSQL's programs are, and running its clients.

use crate::Result;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Names a folder with PostgreSQL's programs.
const VARIABLE: &str = "TOYGRES_PG_BIN";

/// Where Debian and its descendants put the programs of each major version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// A folder with `initdb`, `postgres`, `psql` and `pg_dump` of one version.
#[derive(Clone, Debug)]
pub struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    /// The folder named by `TOYGRES_PG_BIN`, else the newest of `/usr/lib/postgresql`, else the one
    /// on the path.
    ///
    /// # Errors
    /// When none of them has the programs.
    pub fn find() -> Result<Self> {
        let named = env::var_os(VARIABLE).map(PathBuf::from);
        let on_path = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
        let candidates = match named {
            Some(folder) => vec![folder],
            None => [newest_first(Path::new(DEBIAN)), on_path].concat(),
        };
        candidates
            .into_iter()
            .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
            .map(|folder| Self { folder })
            .ok_or_else(|| format!("no PostgreSQL found; name its folder with `{VARIABLE}`").into())
    }

    /// The path of one program.
    pub fn path(&self, program: &str) -> PathBuf {
        self.folder.join(program)
    }

    /// Their major version.
    ///
    /// # Errors
    /// When they do not say.
    pub fn major(&self) -> Result<String> {
        let output = Command::new(self.path("postgres")).arg("--version").output()?;
        let said = String::from_utf8(output.stdout)?;
        let version = said.split_whitespace().nth(2).unwrap_or_default();
        let major: String = version.chars().take_while(char::is_ascii_digit).collect();
        if major.is_empty() { Err(format!("no version: {said}").into()) } else { Ok(major) }
    }

    /// What `psql` answers, without headings; columns are separated by `|`, rows by newlines.
    ///
    /// # Errors
    /// The server's message.
    pub fn psql(&self, url: &str, sql: &str) -> Result<String> {
        let settings = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-f", "-"];
        let output = self.client("psql", settings, sql)?;
        Ok(output.trim_end_matches('\n').to_owned())
    }

    /// Schema and data of a database as SQL, without the lines that differ from dump to dump.
    ///
    /// # Errors
    /// The message of `pg_dump`.
    pub fn dump(&self, url: &str) -> Result<String> {
        let dump = self.client("pg_dump", ["-d", url], "")?;
        let volatile = ["-- Dumped", "\\restrict", "\\unrestrict"];
        let lasting = |line: &&str| !volatile.iter().any(|start| line.starts_with(start));
        Ok(dump.lines().filter(lasting).collect::<Vec<_>>().join("\n"))
    }

    fn client<I>(&self, program: &str, args: I, input: &str) -> Result<String>
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        let mut command = Command::new(self.path(program));
        command.args(args).env("LC_ALL", "C").env("PGTZ", "UTC").env("PGCONNECT_TIMEOUT", "30");
        let Output { status, stdout, stderr } = super::process::with_input(command, input)?;
        if status.success() {
            return Ok(String::from_utf8(stdout)?);
        }
        Err(format!("{program}: {}", String::from_utf8_lossy(&stderr).trim()).into())
    }
}

/// The folders of all major versions, the newest first.
fn newest_first(folder: &Path) -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
        .collect();
    versions.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
    versions.into_iter().map(|(_, folder)| folder.join("bin")).collect()
}
