//! The user that a server runs as, and folders that this user can reach.

use crate::Result;
use std::fs::{self, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Accounts that are made for such a purpose, the first that exists is taken.
const ACCOUNTS: &[&str] = &["postgres", "nobody"];

/// A place that every user reaches and that a restart does not empty.
const SHARED_PLACE: &str = "/var/tmp";

/// An account: its user and group id.
#[derive(Clone, Copy)]
struct Account {
    uid: u32,
    gid: u32,
}

/// Makes a command run as a user that PostgreSQL accepts.
pub(super) fn unprivileged(command: &mut Command) -> Result {
    if let Some(account) = substitute()? {
        command.uid(account.uid).gid(account.gid);
    }
    Ok(())
}

/// A new folder that the server's user owns and reaches.
pub(super) fn temporary_folder() -> Result<PathBuf> {
    let named = std::env::temp_dir();
    // A socket's path is short by law; a deep TMPDIR is left to other users of it.
    let fits = named.as_os_str().len() < 60 && (substitute()?.is_none() || open_to_all(&named));
    let place = if fits { named } else { PathBuf::from("/tmp") };
    let folder = tempfile::Builder::new().prefix("toygres-pg-").tempdir_in(place)?.keep();
    give(&folder)?;
    Ok(folder)
}

/// The folder itself where the server's user reaches it; else a link in it to a place where it does.
pub(super) fn reachable_folder(folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let folder = folder.canonicalize()?;
    let reached = match (substitute()?, folder.parent()) {
        (Some(_), Some(parent)) => open_to_all(parent),
        _ => true,
    };
    if reached {
        give(&folder)?;
        return Ok(folder);
    }
    let elsewhere = Path::new(SHARED_PLACE).join(format!("toygres-pg-{:016x}", hash(&folder)));
    fs::create_dir_all(&elsewhere)?;
    give(&elsewhere)?;
    let link = folder.join(super::cluster::DATA);
    if fs::symlink_metadata(&link).is_err() {
        symlink(elsewhere.join(super::cluster::DATA), link)?;
    }
    Ok(elsewhere)
}

fn give(folder: &Path) -> Result {
    fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    if let Some(account) = substitute()? {
        chown(folder, Some(account.uid), Some(account.gid))?;
    }
    Ok(())
}

/// Whether every user may pass through the folder.
fn open_to_all(folder: &Path) -> bool {
    folder.ancestors().all(|part| fs::metadata(part).is_ok_and(|part| part.mode() & 0o001 != 0))
}

/// The account to run as, where we are root; none where we are somebody already.
fn substitute() -> Result<Option<Account>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let accounts = fs::read_to_string("/etc/passwd")?;
    ACCOUNTS.iter().find_map(|name| account(&accounts, name)).map(Some).ok_or_else(|| {
        "PostgreSQL refuses root, and there is no user `postgres` or `nobody`".into()
    })
}

fn account(accounts: &str, name: &str) -> Option<Account> {
    let mut fields = accounts.lines().map(|line| line.split(':')).find_map(|mut fields| {
        let found = fields.next()? == name;
        found.then_some(fields)
    })?;
    Some(Account { uid: fields.nth(1)?.parse().ok()?, gid: fields.next()?.parse().ok()? })
}

fn hash(folder: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    folder.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let accounts = "postgresql:x:1:2:::\npostgres:x:101:104:a:/b:/c\n";
        let found = account(accounts, "postgres").map(|account| (account.uid, account.gid));
        assert_eq!(found, Some((101, 104)));
        assert!(account(accounts, "nobody").is_none());
    }
}
