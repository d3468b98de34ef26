//! The account that PostgreSQL runs as: our own, or, where we are root, one that it accepts.

use std::fs;
use toygres_plugin_api::{Error, Result};

/// Accounts that are made for such a purpose; the first that exists is taken.
const ACCOUNTS: &[&str] = &["postgres", "nobody"];

/// An account of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    /// Its name.
    pub(crate) name: String,
    /// Its user id.
    pub(crate) uid: u32,
    /// The id of its own group.
    pub(crate) gid: u32,
}

/// Whether we are root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The account to run as; none where it is our own.
pub(crate) fn for_servers() -> Result<Option<Account>> {
    if !is_root() {
        return Ok(None);
    }
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    ACCOUNTS.iter().find_map(|name| find(&accounts, name)).map(Some).ok_or_else(|| {
        Error::failed("PostgreSQL does not run as root, and there is no other account to use")
            .hint("run `toygres local up` as an ordinary user, or add a user `postgres`")
    })
}

fn find(accounts: &str, name: &str) -> Option<Account> {
    accounts.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let account = Account {
            name: (*fields.first()?).to_owned(),
            uid: fields.get(2)?.parse().ok()?,
            gid: fields.get(3)?.parse().ok()?,
        };
        (account.name == name && account.uid != 0).then_some(account)
    })
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn an_account_is_found_by_its_whole_name_and_is_not_root() {
        let accounts = "postgresql:x:1:2:::\npostgres:x:101:104:a:/b:/c\nnobody:x:0:0:::\n";
        let found = find(accounts, "postgres").unwrap();
        assert_eq!((found.uid, found.gid), (101, 104));
        assert!(find(accounts, "nobody").is_none());
        assert!(find(accounts, "somebody").is_none());
    }
}
