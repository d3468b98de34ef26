//! What the owner of the machine and the operator allow: whether only locked plugins are opened,
//! and whose signatures are wanted.
//!
//! ```toml
//! # /etc/toygres/config.toml (the machine's) or config.toml in the home folder (the operator's)
//! [plugins]
//! strict = true
//!
//! [[plugins.keys]]
//! source = "https://plugins.acme.example/"
//! key = "RWQ…"
//! ```
//!
//! Each of them can only tighten: what any of the two files, `TOYGRES_PLUGINS_STRICT` or `--strict`
//! asks for is so. The machine's alone can trust further owners of packages:
//!
//! ```toml
//! [plugins]
//! trusted_owners = ["linuxbrew"]
//! ```

use crate::discover::opening::{self, FileError};
use crate::settings::{CONFIG_FILE, Home};
use crate::trusted::{self, DistrustReason, TrustedOwners};
use crate::users;
use serde::Deserialize;
use std::io;
use std::path::{Path, PathBuf};
use toygres_plugin_api::{Error, Result};

/// The machine's configuration file.
pub const MACHINE: &str = "/etc/toygres/config.toml";

/// Far above any real one.
const MAX_BYTES: u64 = 1024 * 1024;

/// What is allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// What says that nothing is opened but what is locked, if anything does.
    pub strict: Option<String>,
    /// The file that cannot be read, where that alone is why nothing else is opened.
    pub to_mend: Option<PathBuf>,
    /// The keys that are pinned.
    pub keys: Vec<Pinned>,
    /// Whose files are trusted besides the operator's and root's.
    pub owners: TrustedOwners,
    /// What is wrong with the files, so that it is not known which keys are pinned.
    pub broken: Vec<String>,
    /// What else the files say that has no effect.
    pub ineffective: Vec<String>,
}

/// A key whose signature everything from a source must have.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Pinned {
    /// The beginning of a URL or of an absolute path.
    pub source: String,
    /// The minisign public key, `RW…`.
    pub key: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct File {
    plugins: Section,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Section {
    strict: bool,
    keys: Vec<Pinned>,
    trusted_owners: Vec<Owner>,
}

/// A user, by number or by name.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Owner {
    Uid(u32),
    Name(String),
}

impl Policy {
    /// Reads both files; `variable` is what `TOYGRES_PLUGINS_STRICT` says, `flag` is `--strict`.
    #[must_use]
    pub fn read(machine: &Path, home: Option<&Home>, variable: Option<&str>, flag: bool) -> Self {
        let mut policy = Self::default();
        policy.add_machine(machine);
        if let Some(home) = home {
            policy.add_home(home);
            // Whoever was let in with the home folder is trusted with its plugins as well.
            policy.owners = std::mem::take(&mut policy.owners).with(home.owners());
        }
        policy.check_sources();
        if variable.is_some_and(|said| !matches!(said, "0" | "false" | "no" | "off")) {
            policy.tighten("TOYGRES_PLUGINS_STRICT");
        }
        if flag {
            policy.tighten("--strict");
        }
        policy
    }

    /// What cannot be read may have asked for the most.
    fn add_machine(&mut self, path: &Path) {
        let shown = path.display();
        let (text, distrust) = match read(path) {
            Text::Missing => return,
            Text::Denied => return self.not_read(path, "permission denied"),
            Text::Unreadable(cause) => return self.not_read(path, &cause),
            Text::Read(text, distrust) => (text, distrust),
        };
        match toml::from_str::<File>(&text) {
            Err(error) => self.not_read(path, error.message()),
            Ok(file) => {
                if file.plugins.strict {
                    self.tighten(&format!("plugins.strict in {shown}"));
                }
                // Somebody who may write it may ask for more care, but lends nobody trust.
                match distrust {
                    None => {
                        self.keys.extend(file.plugins.keys);
                        self.trust_owners(path, file.plugins.trusted_owners);
                    }
                    Some(fault) => self.broken.push(fault),
                }
            }
        }
    }

    fn not_read(&mut self, path: &Path, cause: &str) {
        self.broken.push(format!("{} cannot be read: {cause}", path.display()));
        self.tighten_for_fault(&format!("{} cannot be read", path.display()), path);
    }

    fn trust_owners(&mut self, path: &Path, owners: Vec<Owner>) {
        for owner in owners {
            let uid = match &owner {
                Owner::Uid(uid) => Some(*uid),
                Owner::Name(name) => users::find_uid(name).or_else(|| name.parse().ok()),
            };
            match (uid, owner) {
                (Some(uid), _) => self.owners = std::mem::take(&mut self.owners).and(uid),
                (None, Owner::Name(name)) => self.ineffective.push(format!(
                    "plugins.trusted_owners in {}: unknown user `{name}`; give the number of a \
                     user whom /etc/passwd does not name",
                    path.display()
                )),
                (None, Owner::Uid(_)) => {}
            }
        }
    }

    /// A file that is no TOML is an error elsewhere, for whatever needs its settings. One that says
    /// something of plugins that cannot be read may have asked for the most; so may one that is not
    /// trusted, whose keys do not count.
    fn add_home(&mut self, home: &Home) {
        let path = home.path().join(CONFIG_FILE);
        let shown = path.display();
        let text = match home.read_file(CONFIG_FILE) {
            Ok(None) => return,
            Ok(Some(text)) => text,
            Err(error) => {
                return self.not_read(&path, error.causes.first().unwrap_or(&error.message));
            }
        };
        match toml::from_str::<File>(&text) {
            Ok(file) => {
                if file.plugins.strict {
                    self.tighten(&format!("plugins.strict in {shown}"));
                }
                if !file.plugins.trusted_owners.is_empty() {
                    self.ineffective.push(format!(
                        "plugins.trusted_owners in {shown} has no effect: only {MACHINE} can trust \
                         further owners"
                    ));
                }
                self.keys.extend(file.plugins.keys);
            }
            Err(error) => {
                self.broken.push(format!("{shown} cannot be read: {}", error.message()));
                if text.parse::<toml::Table>().is_ok() {
                    let why = format!("`plugins` in {shown} cannot be read");
                    self.tighten_for_fault(&why, &path);
                }
            }
        }
    }

    /// A key of a source that nothing comes from would never be asked for.
    fn check_sources(&mut self) {
        let senseless = |source: &str| !source.starts_with('/') && !source.contains("://");
        let wrong: Vec<String> = self
            .keys
            .iter()
            .filter(|pinned| senseless(&pinned.source))
            .map(|pinned| {
                format!("plugins.keys: `{}` is neither a URL nor an absolute path", pinned.source)
            })
            .collect();
        self.broken.extend(wrong);
    }

    /// Everything that is wrong with the files.
    pub fn warnings(&self) -> impl Iterator<Item = &String> {
        self.broken.iter().chain(&self.ineffective)
    }

    /// The first reason is the one that is named.
    fn tighten(&mut self, why: &str) {
        self.strict.get_or_insert_with(|| why.to_owned());
    }

    /// The same for a file that may have asked for it and cannot be read.
    fn tighten_for_fault(&mut self, why: &str, file: &Path) {
        if self.strict.is_none() {
            self.to_mend = Some(file.to_owned());
        }
        self.tighten(why);
    }

    /// The keys that are pinned for a source, a URL or an absolute path.
    ///
    /// # Errors
    /// When the files that would pin them cannot be read: nothing is installed past them.
    pub fn keys_for(&self, source: &str) -> Result<Vec<&Pinned>> {
        if let Some(broken) = self.broken.first() {
            return Err(Error::usage("which keys are pinned is not known")
                .cause(broken)
                .hint("put the file right first"));
        }
        Ok(self.keys.iter().filter(|pinned| pinned.covers(source)).collect())
    }
}

impl Pinned {
    /// Whether a source is below this one, as it is written or as it is: a URL in lower case, a path
    /// without links.
    fn covers(&self, source: &str) -> bool {
        let real = match url::Url::parse(&self.source) {
            Ok(url) => Some(url.to_string()),
            Err(_) => Path::new(&self.source).canonicalize().ok().map(|path| {
                let folder = if self.source.ends_with('/') { "/" } else { "" };
                format!("{}{folder}", path.display())
            }),
        };
        covers(&self.source, source) || real.is_some_and(|real| covers(&real, source))
    }
}

/// What a configuration file holds.
enum Text {
    Missing,
    /// The operator may not read it.
    Denied,
    /// And why.
    Unreadable(String),
    /// And why nobody is trusted for it, where others may have written it.
    Read(String, Option<String>),
}

fn read(path: &Path) -> Text {
    let (file, distrust) = match trusted::open_file(path, &TrustedOwners::default()) {
        Ok(opened) => (Ok(opened.file), None),
        Err(distrust) if distrust.is_missing() => return Text::Missing,
        // What lies below a folder that is not trusted need not be there.
        Err(distrust) if distrust.is_permission() => match opening::open_any_file(path) {
            Err(FileError::Io(error)) if is_missing(&error) => return Text::Missing,
            file => (file, Some(distrust.to_string())),
        },
        Err(distrust) => match distrust.reason {
            DistrustReason::Io(error) => (Err(error.into()), None),
            _ => return Text::Unreadable(distrust.to_string()),
        },
    };
    let bytes = match file.and_then(|file| opening::read_bytes(&file, MAX_BYTES)) {
        Ok(bytes) => bytes,
        Err(FileError::Io(error)) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Text::Denied;
        }
        Err(error) => return Text::Unreadable(error.to_string()),
    };
    match String::from_utf8(bytes) {
        Ok(text) => Text::Read(text, distrust),
        Err(error) => Text::Unreadable(error.to_string()),
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// `https://a.example/x` covers what is below it, not `https://a.example/xy`.
fn covers(pinned: &str, source: &str) -> bool {
    source.strip_prefix(pinned).is_some_and(|rest| {
        rest.is_empty() || pinned.ends_with('/') || rest.starts_with('/') || rest.starts_with('?')
    })
}

#[cfg(test)]
mod tests {
    use super::{Policy, covers};
    use crate::settings::Home;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    fn home(folder: &Path) -> Home {
        Home::at(folder, "TOYGRES_HOME", false)
    }

    fn machine(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let path = folder.path().join("machine.toml");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        (folder, path)
    }

    #[test]
    fn nobody_loosens_what_the_machine_asks_for() {
        let (folder, strict) = machine("[plugins]\nstrict = true\n");
        fs::write(folder.path().join("config.toml"), "[plugins]\nstrict = false\n").unwrap();
        let policy = Policy::read(&strict, Some(&home(folder.path())), Some("0"), false);
        assert!(policy.strict.unwrap().contains("machine.toml"));
        for broken in ["[plugins", "[plugins]\nstrict = \"no\"\n", "plugins = 1"] {
            let (_folder, broken) = machine(broken);
            let policy = Policy::read(&broken, None, None, false);
            assert!(policy.strict.is_some() && policy.keys_for("/x").is_err());
        }
    }

    /// What is said of plugins and cannot be read may have asked for the most.
    #[test]
    fn a_wrong_type_does_not_loosen() {
        let folder = tempfile::tempdir().unwrap();
        let read = |text: &str| {
            fs::write(folder.path().join("config.toml"), text).unwrap();
            Policy::read(Path::new("/nowhere"), Some(&home(folder.path())), None, false)
        };
        for wrong in ["[plugins]\nstrict = \"true\"", "[plugins]\nstrict = 1", "plugins = 3"] {
            let policy = read(wrong);
            assert!(policy.strict.is_some() && policy.keys_for("/x").is_err(), "{wrong}");
        }
        assert_eq!(read("[plugins]\nstrict = false").strict, None);
        // No TOML: whatever needs a setting says so.
        assert_eq!(read("[plugins").strict, None);
    }

    #[test]
    fn a_source_that_nothing_comes_from_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let pinned = "[[plugins.keys]]\nsource = \"~/x/\"\nkey = \"RWx\"\n";
        fs::write(folder.path().join("config.toml"), pinned).unwrap();
        let policy = Policy::read(Path::new("/nowhere"), Some(&home(folder.path())), None, false);
        assert!(policy.broken[0].contains("`~/x/`") && policy.keys_for("/home/x/y.so").is_err());
    }

    #[test]
    fn each_can_tighten_and_none_has_to() {
        let nowhere = Path::new("/nowhere/config.toml");
        assert_eq!(Policy::read(nowhere, None, None, false), Policy::default());
        assert_eq!(Policy::read(nowhere, None, Some("0"), false).strict, None);
        for policy in
            [Policy::read(nowhere, None, Some("1"), false), Policy::read(nowhere, None, None, true)]
        {
            assert!(policy.strict.is_some());
        }
    }

    #[test]
    fn keys_count_only_where_nobody_else_may_write_the_file() {
        let pinned = "[[plugins.keys]]\nsource = \"https://a.example/\"\nkey = \"RWx\"\n";
        let (_folder, path) = machine(pinned);
        let policy = Policy::read(&path, None, None, false);
        assert_eq!(policy.keys_for("https://a.example/b.so").unwrap().len(), 1);
        assert_eq!(policy.keys_for("https://b.example/b.so").unwrap().len(), 0);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        let policy = Policy::read(&path, None, None, false);
        assert!(policy.keys.is_empty() && policy.keys_for("https://b.example/").is_err());
    }

    #[test]
    fn a_source_covers_what_is_below_it() {
        assert!(covers("https://a.example/", "https://a.example/x.so"));
        assert!(covers("/srv/plugins", "/srv/plugins/x.so"));
        assert!(!covers("/srv/plugins", "/srv/plugins-of-others/x.so"));
        assert!(!covers("https://a.example", "https://a.example.evil.example/x.so"));
    }
}
