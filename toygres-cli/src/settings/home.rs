//! The home folder: where it is, and whether anything in it may be used.
//!
//! Plugins, configuration and tokens of the home folder decide what runs and where credentials go.
//! So the folder, every folder above it and each file that is read must belong to the operator or
//! to root, and nobody else may write them ([`crate::trusted`]). Root with the home folder of
//! another user, as `sudo -E` leaves it, uses nothing of it unless `--trust-home` says so.
//!
//! There is one folder that others may write and that is no reason to refuse to run: one that root
//! made for us, such as an `emptyDir` of Kubernetes, whose mode nobody can choose. It can be written
//! to (a log, a process's number), and nothing is read from it.

use super::{CONFIG_FILE, Environment};
use crate::trusted::{self, Distrust, DistrustReason, TrustedFile, TrustedOwners};
use std::io::{ErrorKind as Io, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Error, Result, text_file};

/// Everybody may make files of their own in such a folder.
const STICKY_BIT: u32 = 0o1000;

/// A home folder.
#[derive(Debug, Clone)]
pub struct Home {
    path: PathBuf,
    variable: &'static str,
    owners: TrustedOwners,
    /// Another user owns it, and `--trust-home` was given.
    foreign: bool,
    access: HomeAccess,
}

/// What may be done with a home folder.
#[derive(Debug, Clone)]
enum HomeAccess {
    /// Nobody else can write it, or it does not exist yet.
    Trusted,
    /// Root made it, and others may write it: nothing is read from it.
    WriteOnly,
    /// Nothing.
    Refused(Error),
}

impl Home {
    /// The folder of `TOYGRES_HOME`, else `~/.toygres`; `None` where neither variable is set.
    /// With `trust` one more owner is accepted, whoever owns it.
    pub(super) fn find(environment: &Environment, trust: bool) -> Option<Self> {
        let (path, variable) = match environment.path("TOYGRES_HOME") {
            Some((home, _)) => (PathBuf::from(home), "TOYGRES_HOME"),
            None => (Path::new(environment.path("HOME")?.0).join(".toygres"), "HOME"),
        };
        Some(Self::at(&path, variable, trust))
    }

    /// The folder of this path, which `variable` names.
    pub(crate) fn at(path: &Path, variable: &'static str, trust: bool) -> Self {
        let owners = TrustedOwners::default();
        let mut home = Self {
            path: path.to_owned(),
            variable,
            owners,
            foreign: false,
            access: HomeAccess::Trusted,
        };
        match std::path::absolute(path) {
            Ok(absolute) => home.path = absolute,
            Err(error) => {
                let error =
                    Error::usage(format!("the home folder {} cannot be found", path.display()))
                        .cause(error)
                        .hint(format!("set `{variable}` to an absolute path"));
                home.access = HomeAccess::Refused(error);
                return home;
            }
        }
        let mut opened = trusted::open_folder(&home.path, &home.owners);
        if let (true, Err(Distrust { reason: DistrustReason::ForeignOwner(uid), .. })) =
            (trust, &opened)
        {
            home.owners = TrustedOwners::default().and(*uid);
            home.foreign = true;
            opened = trusted::open_folder(&home.path, &home.owners);
        }
        home.access = match opened {
            Ok(_) => HomeAccess::Trusted,
            // There is nothing in it to be trusted; whoever has to make it cannot.
            Err(distrust)
                if distrust.is_missing()
                    || matches!(distrust.reason, DistrustReason::NotAFolder) =>
            {
                HomeAccess::Trusted
            }
            Err(distrust) if is_made_by_root(&distrust) => HomeAccess::WriteOnly,
            Err(distrust) => HomeAccess::Refused(home.refuse(&distrust, trust)),
        };
        home.check_config();
        home
    }

    /// Somebody else's configuration would decide about everything in it, plugins included.
    fn check_config(&mut self) {
        if self.refusal().is_some() {
            return;
        }
        let path = self.path.join(CONFIG_FILE);
        match self.open_file(&path) {
            // Whatever needs its settings says that it cannot be read.
            Ok(_) | Err(Distrust { reason: DistrustReason::Io(_), .. }) => {}
            Err(distrust) => {
                self.access = HomeAccess::Refused(distrusted_file(&path, &distrust));
            }
        }
    }

    /// Where it is: absolute.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The variable that names it: `TOYGRES_HOME` or `HOME`.
    #[must_use]
    pub fn variable(&self) -> &'static str {
        self.variable
    }

    /// Whose files in it are trusted.
    #[must_use]
    pub fn owners(&self) -> &TrustedOwners {
        &self.owners
    }

    /// Why nothing of it may be used, where that is so.
    #[must_use]
    pub fn refusal(&self) -> Option<&Error> {
        match &self.access {
            HomeAccess::Refused(error) => Some(error),
            HomeAccess::Trusted | HomeAccess::WriteOnly => None,
        }
    }

    /// Whether things may be taken from it.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        matches!(self.access, HomeAccess::Trusted)
    }

    /// Whether nothing is read from it, though it can be written.
    #[must_use]
    pub fn is_write_only(&self) -> bool {
        matches!(self.access, HomeAccess::WriteOnly)
    }

    /// Whether it belongs to another user and `--trust-home` was given.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        self.foreign
    }

    /// The text of a file in it; `None` where there is no such file.
    ///
    /// # Errors
    /// When the home folder or the file is not trusted, or cannot be read.
    pub(crate) fn read_file(&self, name: &str) -> Result<Option<String>> {
        if let HomeAccess::Refused(error) = &self.access {
            return Err(error.clone());
        }
        let path = self.path.join(name);
        let opened = self.open_file(&path).map_err(|distrust| distrusted_file(&path, &distrust))?;
        let Some(mut opened) = opened else { return Ok(None) };
        let unreadable = |cause: &dyn std::fmt::Display| {
            Error::usage(format!("{} cannot be read", path.display()))
                .cause(cause)
                .hint(format!("check it with: {}", ShellCommand::new("ls -l").arg(&path)))
        };
        let mut bytes = Vec::new();
        opened.file.read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
        text_file::decode(bytes).map(Some).map_err(|invalid| unreadable(&invalid))
    }

    /// A file in it, open; `None` where there is no such file.
    fn open_file(&self, path: &Path) -> std::result::Result<Option<TrustedFile>, Distrust> {
        if self.is_write_only() && path.symlink_metadata().is_err_and(|e| e.kind() == Io::NotFound)
        {
            return Ok(None);
        }
        match trusted::open_file(path, &self.owners) {
            Ok(opened) => Ok(Some(opened)),
            Err(distrust) if distrust.is_missing() => Ok(None),
            Err(distrust) => Err(distrust),
        }
    }

    /// The first line of a file in it, without blanks around it; `None` where that is empty.
    ///
    /// # Errors
    /// As for [`Self::read_file`].
    pub(crate) fn first_line(&self, name: &str) -> Result<Option<String>> {
        let Some(text) = self.read_file(name)? else { return Ok(None) };
        let line = text.lines().next().unwrap_or_default().trim();
        Ok((!line.is_empty()).then(|| line.to_owned()))
    }

    fn refuse(&self, distrust: &Distrust, trust: bool) -> Error {
        let error = Error::usage(format!(
            "refused to use the home folder {} (from `{}`)",
            self.path.display(),
            self.variable
        ))
        .cause(distrust);
        let DistrustReason::ForeignOwner(_) = distrust.reason else {
            return error.hint(remedy(distrust, "set `TOYGRES_HOME` to another folder"));
        };
        if trust {
            let hint = "`--trust-home` accepts one owner besides you and root; ";
            return error.hint(format!("{hint}set `TOYGRES_HOME` to a folder of yours"));
        }
        let error = error.cause(
            "its plugins, configuration and tokens would decide what runs as you, and where your \
             credentials go",
        );
        error.hint(match rustix::process::geteuid().is_root() {
            true => {
                "use root's own home with `sudo -H toygres …`, or set `TOYGRES_HOME` to a folder of \
                 root's; if you trust its owner with root, give `--trust-home`"
            }
            false => {
                "set `TOYGRES_HOME` to a folder of yours; if you trust its owner, give \
                 `--trust-home`"
            }
        })
    }
}

/// Others may write the place, but root made it so, and we are not root.
fn is_made_by_root(distrust: &Distrust) -> bool {
    matches!(distrust.reason, DistrustReason::Writable(_))
        && !rustix::process::geteuid().is_root()
        && distrust.place.symlink_metadata().is_ok_and(|found| found.uid() == 0)
}

/// A file of the home folder that somebody else could have written.
fn distrusted_file(path: &Path, distrust: &Distrust) -> Error {
    let error = Error::usage(format!("refused to read {}", path.display())).cause(distrust);
    error.hint(remedy(distrust, "move it away"))
}

/// What makes the place trusted, or what else can be done.
pub(super) fn remedy(distrust: &Distrust, otherwise: &str) -> String {
    let command = |program| ShellCommand::new(program).arg(&distrust.place);
    match &distrust.reason {
        // Such a folder is meant to be everybody's.
        DistrustReason::Writable(mode) if mode & STICKY_BIT != 0 => otherwise.to_owned(),
        DistrustReason::Writable(_) => {
            format!("run: {}; or {otherwise}", command("chmod go-w"))
        }
        DistrustReason::ForeignOwner(_) => {
            let chown = command("sudo chown \"$(id -u)\"");
            format!("if it is yours, run: {chown}; or {otherwise}")
        }
        DistrustReason::Io(_)
        | DistrustReason::NotAFile
        | DistrustReason::NotAFolder
        | DistrustReason::TooManyLinks => {
            format!("check it with: {}; or {otherwise}", command("ls -ld"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Home;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn chmod(path: &std::path::Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_others_may_write_is_refused_with_what_mends_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("home");
        let home = || Home::at(&path, "TOYGRES_HOME", false);
        assert!(home().is_readable() && home().read_file("config.toml").unwrap().is_none());
        fs::create_dir(&path).unwrap();
        fs::write(path.join("api-url"), "\u{feff} http://localhost:1 \nmore").unwrap();
        assert_eq!(home().first_line("api-url").unwrap().as_deref(), Some("http://localhost:1"));
        chmod(&path.join("api-url"), 0o666);
        let error = home().first_line("api-url").unwrap_err();
        assert!(error.hint.as_ref().unwrap().contains("chmod go-w"), "{error:?}");
        assert!(error.causes[0].contains("0666"), "{error:?}");
        chmod(&path, 0o777);
        let home = home();
        let error = home.refusal().unwrap();
        assert_eq!(error.kind.exit_code(), 2);
        assert!(error.message.contains("TOYGRES_HOME"), "{error:?}");
        assert!(home.read_file("api-url").is_err());
    }

    #[test]
    fn a_relative_folder_is_made_absolute_once() {
        let home = Home::at("some/home".as_ref(), "TOYGRES_HOME", false);
        assert_eq!(home.path(), std::env::current_dir().unwrap().join("some/home"));
    }
}
