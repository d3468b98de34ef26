//! The account that runs this process, as the system's own list has it.

use std::path::PathBuf;
use uzers::os::unix::UserExt;

/// The account's name, whatever `USER` says.
#[must_use]
pub fn account_name() -> Option<String> {
    name_of(uzers::get_effective_uid())
}

/// The name of the account with this number.
pub(crate) fn name_of(uid: u32) -> Option<String> {
    uzers::get_user_by_uid(uid)?.name().to_str().map(str::to_owned)
}

/// The account's home folder, for where `HOME` is not set.
#[must_use]
pub fn account_home() -> Option<PathBuf> {
    Some(uzers::get_user_by_uid(uzers::get_effective_uid())?.home_dir().to_owned())
}
