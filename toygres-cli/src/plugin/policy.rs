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
//! asks for is so.

use crate::discover::ownership;
use crate::settings::{CONFIG_FILE, Home};
use serde::Deserialize;
use std::io::ErrorKind as Io;
use std::path::Path;
use toygres_plugin_api::{Error, Result};

/// The machine's configuration file.
pub const MACHINE: &str = "/etc/toygres/config.toml";

/// What is allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// What says that nothing is opened but what is locked, if anything does.
    pub strict: Option<String>,
    /// The keys that are pinned.
    pub keys: Vec<Pinned>,
    /// What is wrong with the files.
    pub broken: Vec<String>,
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
}

impl Policy {
    /// Reads both files; `variable` is what `TOYGRES_PLUGINS_STRICT` says, `flag` is `--strict`.
    #[must_use]
    pub fn read(machine: &Path, home: Option<&Home>, variable: Option<&str>, flag: bool) -> Self {
        let mut policy = Self::default();
        policy.add_machine(machine);
        if let Some(home) = home {
            policy.add_home(home);
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
        let file = match std::fs::read_to_string(path) {
            Err(error) if matches!(error.kind(), Io::NotFound | Io::NotADirectory) => return,
            Err(error) => Err(error.to_string()),
            Ok(text) => toml::from_str::<File>(&text).map_err(|error| error.message().to_owned()),
        };
        let shown = path.display();
        match file {
            Err(error) => {
                self.broken.push(format!("{shown} cannot be read: {error}"));
                self.tighten(&format!("{shown} cannot be read"));
            }
            Ok(file) => {
                if file.plugins.strict {
                    self.tighten(&format!("plugins.strict in {shown}"));
                }
                // Somebody who may write it may ask for more care, but lends nobody trust.
                match ownership::check(path) {
                    Ok(_) => self.keys.extend(file.plugins.keys),
                    Err(fault) => self.broken.push(fault.message),
                }
            }
        }
    }

    /// A file that is no TOML is an error elsewhere, for whatever needs its settings. One that says
    /// something of plugins that cannot be read may have asked for the most; so may one that is not
    /// trusted, whose keys do not count.
    fn add_home(&mut self, home: &Home) {
        let path = home.path().join(CONFIG_FILE);
        let text = match home.read_file(CONFIG_FILE) {
            Ok(None) => return,
            Ok(Some(text)) => text,
            Err(error) => {
                let why = error.causes.first().unwrap_or(&error.message);
                self.broken.push(format!("{} cannot be read: {why}", path.display()));
                self.tighten(&format!("{} cannot be read", path.display()));
                return;
            }
        };
        match toml::from_str::<File>(&text) {
            Ok(file) => {
                if file.plugins.strict {
                    self.tighten(&format!("plugins.strict in {}", path.display()));
                }
                self.keys.extend(file.plugins.keys);
            }
            Err(error) => {
                self.broken.push(format!("{} cannot be read: {}", path.display(), error.message()));
                if text.parse::<toml::Table>().is_ok() {
                    self.tighten(&format!("`plugins` in {} cannot be read", path.display()));
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

    /// The first reason is the one that is named.
    fn tighten(&mut self, why: &str) {
        self.strict.get_or_insert_with(|| why.to_owned());
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
        Ok(self.keys.iter().filter(|pinned| covers(&pinned.source, source)).collect())
    }
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
