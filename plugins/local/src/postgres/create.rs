//! New data folders: copied from one that `initdb` made once for each version, because a copy
//! takes a tenth of the time.
//!
//! All copies have one system identifier, so that none can be told from another by it; physical
//! replication between two of them is not what they are for.

use super::{Programs, shared_memory};
use crate::files;
use crate::process::account::Account;
use std::borrow::Cow;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};
use toygres_plugin_api::{Error, Result};
use uuid::Uuid;

/// The superuser that every data folder begins with.
const SUPERUSER: &str = "postgres";

/// Who may connect: with a password, from this machine, over TCP.
const HBA: &str = "\
# Written by `toygres local`.
host all         all 127.0.0.1/32 scram-sha-256
host all         all ::1/128      scram-sha-256
host replication all 127.0.0.1/32 scram-sha-256
";

/// Settings for many small servers on one machine; they may be changed later.
const SETTINGS: &str = "
# Written by `toygres local`: many small servers share this machine.
shared_buffers = 32MB
max_connections = 200
password_encryption = 'scram-sha-256'
log_line_prefix = '%m [%p] '
log_timezone = 'UTC'
timezone = 'UTC'
";

/// Writes both into a new data folder, as its owner.
const CONFIGURE: &str =
    r#"printf %s "$2" > "$1/pg_hba.conf" && printf %s "$3" >> "$1/postgresql.conf""#;

/// One initdb at a time: two would make the same template.
static ONE: Mutex<()> = Mutex::new(());

/// How a data folder is made.
#[derive(Debug)]
pub(crate) struct Making<'a> {
    /// The programs to make it with.
    pub(crate) programs: &'a Programs,
    /// Where templates lie.
    pub(crate) templates: &'a Path,
    /// Who runs the server.
    pub(crate) account: Option<&'a Account>,
    /// The name of the superuser.
    pub(crate) superuser: &'a str,
    /// What is run in it, as the superuser, before anybody can connect.
    pub(crate) script: &'a [String],
}

impl Making<'_> {
    /// Makes the data folder `data`, whose parent the account owns. It appears when it is whole
    /// and safely on the disk. Takes about a second; blocks.
    pub(crate) fn run(&self, data: &Path) -> Result<()> {
        let new = data.with_extension("new");
        files::remove_folder(&new)?;
        if self.superuser == SUPERUSER {
            self.copy(&self.template()?, &new)?;
        } else {
            self.init(&new)?;
        }
        self.single_user(&new)?;
        self.sync(&new)?;
        fs::rename(&new, data).map_err(|error| files::failed("rename", &new, &error))?;
        let parent = data.parent().unwrap_or(data);
        files::sync_folder(parent).map_err(|error| files::failed("write", parent, &error))
    }

    /// The template of the version; made where it is not there yet.
    fn template(&self) -> Result<PathBuf> {
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let template = self.templates.join(&self.programs.version);
        if template.is_dir() {
            return Ok(template);
        }
        let new = self.templates.join(format!(".{}", Uuid::new_v4().simple()));
        self.init(&new)?;
        fs::rename(&new, &template).map_err(|error| files::failed("rename", &new, &error))?;
        Ok(template)
    }

    fn init(&self, data: &Path) -> Result<()> {
        let mut command = self.programs.command("initdb", self.account);
        // No password is asked for yet, and nothing can connect before the script gives one.
        command.args(["--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"]);
        command.args(["-U", self.superuser]).arg("-D").arg(data);
        succeeded("initdb", &output(command, "")?).map_err(shared_memory::explain)?;
        let mut command = self.programs.system("sh", self.account);
        command.args(["-c", CONFIGURE, "sh"]).arg(data).args([HBA, SETTINGS]);
        succeeded("the configuration", &output(command, "")?)
    }

    /// Copies a whole folder. It is done as the servers' account, which owns both: root does not
    /// follow what links a server's superuser may have put there.
    fn copy(&self, from: &Path, to: &Path) -> Result<()> {
        let mut command = self.programs.system("cp", self.account);
        command.arg("-Rp").arg(from).arg(to);
        succeeded("cp", &output(command, "")?)
    }

    /// Runs the script in the server's single-user mode: nothing listens meanwhile.
    pub(crate) fn single_user(&self, data: &Path) -> Result<()> {
        if self.script.is_empty() {
            return Ok(());
        }
        let mut command = self.programs.command("postgres", self.account);
        // Statements may hold secrets, so they stay out of logs. An error ends it.
        command.args(["--single", "-j", "-c", "log_min_error_statement=panic"]);
        command.args(["-c", "exit_on_error=on", "-c", "log_checkpoints=off", "-D"]);
        command.arg(data).arg("postgres");
        let script: String = self.script.iter().map(|line| format!("{line};\n\n")).collect();
        succeeded("postgres --single", &output(command, &script)?).map_err(shared_memory::explain)
    }

    fn sync(&self, data: &Path) -> Result<()> {
        #[cfg(target_os = "linux")]
        {
            // One call for a thousand files, which one by one take several times as long.
            let folder = File::open(data).map_err(|error| files::failed("open", data, &error))?;
            rustix::fs::syncfs(folder).map_err(|error| files::failed("sync", data, &error.into()))
        }
        #[cfg(not(target_os = "linux"))]
        {
            let mut command = self.programs.command("initdb", self.account);
            command.args(["--sync-only", "-D"]).arg(data);
            succeeded("initdb --sync-only", &output(command, "")?)
        }
    }
}

/// A name in SQL.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What PostgreSQL keeps of a password. Clients normalise one with SASLprep before they prove that
/// they know it, and so does PostgreSQL; a password that cannot be normalised is taken as it is.
pub(crate) fn verifier(password: &str) -> String {
    postgres_protocol::password::scram_sha_256(normalized(password).as_bytes())
}

fn normalized(password: &str) -> Cow<'_, str> {
    stringprep::saslprep(password).unwrap_or(Cow::Borrowed(password))
}

/// A text in SQL.
pub(crate) fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

fn output(mut command: Command, input: &str) -> Result<Output> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| {
        let program = command.get_program().to_string_lossy();
        Error::failed(format!("`{program}` does not start")).cause(error)
    })?;
    let stdin = child.stdin.take();
    std::thread::scope(|scope| {
        // In a thread of its own: one that answers before it has read all would block us both.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input.as_bytes())));
        Ok(child.wait_with_output()?)
    })
}

fn succeeded(what: &str, output: &Output) -> Result<()> {
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Error::failed(format!("`{what}` failed")).cause(said.trim()))
}

#[cfg(test)]
mod tests {
    use super::{literal, normalized, quoted};

    #[test]
    fn a_password_is_normalised_as_clients_do_it() {
        for (typed, normal) in [
            ("p½ss-word-1", "p1\u{2044}2ss-word-1"),
            ("a\u{a0}b", "a b"),
            ("a\u{feff}b\u{ad}", "ab"),
            ("a\u{308}", "ä"),
            ("plain", "plain"),
            // What cannot be normalised is taken as it is.
            ("a\u{7}b", "a\u{7}b"),
        ] {
            assert_eq!(normalized(typed), normal, "{typed}");
        }
    }

    #[test]
    fn names_and_texts_cannot_end_early() {
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("it's \\"), "E'it''s \\\\'");
    }
}
