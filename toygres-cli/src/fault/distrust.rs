//! Faults of places that somebody else could have changed, with everything that mends them in one
//! hint.

use super::{Fault, lock_file, typed, unnamed};
use crate::plugin::policy::MACHINE;
use crate::trusted::{self, Distrust, DistrustReason, TrustedOwners};
use crate::users;
use std::io;
use std::path::{Path, PathBuf};
use toygres_plugin_api::shell::ShellCommand;

/// What the path is that was asked for.
#[derive(Clone, Copy)]
enum Subject {
    Library,
    LockFile,
    /// The folder that `plugin install` fills.
    Store,
}

/// Every place on the way that is at fault, by what is wrong with it.
struct Places {
    writable: Vec<PathBuf>,
    foreign: Vec<PathBuf>,
    owners: Vec<u32>,
}

impl Fault {
    /// A library that is not trusted or cannot be opened.
    pub(crate) fn distrusted(path: &Path, distrust: &Distrust, owners: &TrustedOwners) -> Self {
        refused(Subject::Library, path, distrust, owners)
    }

    /// The same of a lock file.
    pub(crate) fn distrusted_lock(
        path: &Path,
        distrust: &Distrust,
        owners: &TrustedOwners,
    ) -> Self {
        refused(Subject::LockFile, path, distrust, owners)
    }

    /// The same of the folder that `plugin install` fills.
    pub(crate) fn distrusted_store(
        path: &Path,
        distrust: &Distrust,
        owners: &TrustedOwners,
    ) -> Self {
        refused(Subject::Store, path, distrust, owners)
    }
}

fn refused(subject: Subject, path: &Path, distrust: &Distrust, owners: &TrustedOwners) -> Fault {
    let named = match subject {
        Subject::Library => unnamed(path),
        Subject::LockFile => lock_file(path),
        Subject::Store => format!("the folder of plugins ({})", path.display()),
    };
    let (what, place) = (distrust.kind.name(), distrust.place.display());
    let refusal = match &distrust.reason {
        DistrustReason::Writable(mode) => format!(
            "{named} is refused: others may write its {what} {place}, whose mode is {mode:04o}; \
             expected is {:04o}",
            mode & !0o022
        ),
        DistrustReason::ForeignOwner(owner) => format!(
            "{named} is refused: its {what} {place} belongs to user {owner}, neither you nor root"
        ),
        DistrustReason::NotAFile if matches!(subject, Subject::Library) => {
            return Fault::no_file(path);
        }
        other => return unreadable(subject, path, distrust, &cause(distrust, other)),
    };
    let code = if matches!(subject, Subject::LockFile) { "lock" } else { "permissions" };
    Fault::new(code, path, refusal, hint(subject, path, distrust, owners))
}

fn unreadable(subject: Subject, path: &Path, distrust: &Distrust, cause: &str) -> Fault {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let cause = match distrust.place == absolute {
        true => cause.to_owned(),
        false => format!("{}: {cause}", distrust.place.display()),
    };
    match subject {
        Subject::LockFile => Fault::lock(path, cause),
        Subject::Library => Fault::unreadable(path, &io::Error::other(cause)),
        Subject::Store => {
            let message =
                format!("the folder of plugins ({}) cannot be used: {cause}", path.display());
            let hint = "set TOYGRES_HOME to a folder of your own".to_owned();
            Fault::new("unreadable", path, message, hint)
        }
    }
}

fn cause(distrust: &Distrust, reason: &DistrustReason) -> String {
    match reason {
        DistrustReason::Io(error) => error.to_string(),
        DistrustReason::NotAFile => "not a regular file".to_owned(),
        DistrustReason::NotAFolder => "not a folder".to_owned(),
        DistrustReason::TooManyLinks => "too many levels of links".to_owned(),
        DistrustReason::Writable(_) | DistrustReason::ForeignOwner(_) => distrust.to_string(),
    }
}

impl Places {
    /// The one that refused it, and what else is wrong on the way.
    fn find(path: &Path, distrust: &Distrust, owners: &TrustedOwners) -> Self {
        let mut places = Self { writable: Vec::new(), foreign: Vec::new(), owners: Vec::new() };
        let more = trusted::find_distrusted(path, owners);
        for found in std::iter::once(distrust).chain(&more) {
            match found.reason {
                DistrustReason::Writable(_) => add(&mut places.writable, found.place.clone()),
                DistrustReason::ForeignOwner(uid) => {
                    add(&mut places.foreign, found.place.clone());
                    add(&mut places.owners, uid);
                }
                _ => {}
            }
        }
        places
    }
}

fn add<T: PartialEq>(list: &mut Vec<T>, new: T) {
    if !list.contains(&new) {
        list.push(new);
    }
}

fn hint(subject: Subject, path: &Path, distrust: &Distrust, owners: &TrustedOwners) -> String {
    if distrust.is_sticky_folder() {
        return "anybody makes files in such a folder: use one that only you or root may write"
            .to_owned();
    }
    let places = Places::find(path, distrust, owners);
    let chmod = ShellCommand::new("chmod go-w").args(&places.writable);
    if places.foreign.is_empty() {
        return format!("if you trust it, run: {chmod}");
    }
    let trust = format!(
        "have root trust the owner of {}: `trusted_owners = [{}]` below `[plugins]` in {MACHINE}",
        all(&places.foreign),
        names(&places.owners)
    );
    let folder = path.parent().unwrap_or(path);
    let near = |place: &PathBuf| place == path || place == folder;
    let first = match subject {
        Subject::Library => {
            let install = ShellCommand::new("toygres plugin install").arg(path);
            let install = install.option("--sha256", "DIGEST");
            Some(format!("if you trust it, install a copy of your own: {install}"))
        }
        // A folder further up is somebody's for a reason.
        Subject::LockFile if places.foreign.iter().all(near) => {
            let chown = ShellCommand::new("chown root").args(&places.foreign);
            Some(format!("if you trust it, run: {chown}"))
        }
        Subject::LockFile => None,
        Subject::Store => Some("set TOYGRES_HOME to a folder of your own".to_owned()),
    };
    let chmod = (!places.writable.is_empty()).then(|| format!("and run: {chmod}"));
    let trust = [Some(trust), chmod].into_iter().flatten().collect::<Vec<_>>().join(", ");
    [first, Some(trust)].into_iter().flatten().collect::<Vec<_>>().join("; or ")
}

fn all(places: &[PathBuf]) -> String {
    places.iter().map(|place| typed(place)).collect::<Vec<_>>().join(" ")
}

/// As they stand in the list of owners.
fn names(owners: &[u32]) -> String {
    let name =
        |uid: &u32| users::find_name(*uid).map_or(uid.to_string(), |name| format!("{name:?}"));
    owners.iter().map(name).collect::<Vec<_>>().join(", ")
}
