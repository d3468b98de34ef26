//! `plugins.lock`: which libraries are in use, by digest. Bare data, read and written as TOML;
//! docs/plugin-manager.md describes it for packagers.

use crate::discover::opening;
use crate::fault::Fault;
use crate::trusted::{self, TrustedOwners};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// The version of the format that this host writes, and the newest that it reads.
const FORMAT: i64 = 1;

const HEAD: &str = "# Which plugins toygres uses, and the digests of their files. Written by\n\
                    # `toygres plugin`; see docs/plugin-manager.md.\n\n";

/// Far above any real one, which has some 500 bytes a version.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// What the lock file says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// The format's version.
    version: i64,
    /// Names of plugins that are not used, wherever they lie.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub disabled: BTreeSet<String>,
    /// The plugins, by name.
    #[serde(default, rename = "plugin", skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<Locked>,
}

/// One plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locked {
    /// The name that its manifest has too.
    pub name: String,
    /// The version in use.
    #[serde(flatten)]
    pub current: Kept,
    /// The versions before it that are still there, the latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous: Vec<Kept>,
}

/// One library file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The plugin's version.
    pub version: String,
    /// The file, relative to the folder `plugins` beside the lock file.
    pub file: PathBuf,
    /// The digest of the file, 64 hexadecimal digits.
    pub sha256: String,
    /// The size of the file in bytes.
    pub size: u64,
    /// Where it was installed from: a path or a URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The minisign key that signed it, where one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// That key was pinned for the source when it was installed, and not only asked for once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
    /// The target it was built for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// When it was installed, RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed_at: Option<String>,
}

impl Lock {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self { version: FORMAT, ..Self::default() }
    }

    /// What the file says; one that does not exist says nothing.
    ///
    /// # Errors
    /// When others may write it, it cannot be read, or a newer toygres wrote it.
    pub fn read(path: &Path, owners: &TrustedOwners) -> Result<Self, Fault> {
        let opened = match trusted::open_file(path, owners) {
            Ok(opened) => opened,
            // What lies below a folder that is not trusted need not be there.
            Err(_) if is_missing(path) => return Ok(Self::new()),
            Err(distrust) => return Err(Fault::distrusted_lock(path, &distrust, owners)),
        };
        let bytes = opening::read_bytes(&opened.file, MAX_BYTES);
        let bytes = bytes.map_err(|error| Fault::lock(path, error))?;
        let text = String::from_utf8(bytes).map_err(|error| Fault::lock(path, error))?;
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, Fault> {
        #[derive(Deserialize)]
        struct Version {
            version: i64,
        }
        let broken = |error: toml::de::Error| Fault::lock(path, error.message());
        let version = toml::from_str::<Version>(text).map_err(broken)?.version;
        if version > FORMAT {
            return Err(Fault::newer_lock(path, version, FORMAT));
        }
        let lock: Self = toml::from_str(text).map_err(broken)?;
        lock.check().map_err(|what| Fault::lock(path, what))?;
        Ok(lock)
    }

    /// The text of the file.
    ///
    /// # Errors
    /// None that the types allow.
    pub fn text(&self) -> Result<String, toml::ser::Error> {
        Ok(format!("{HEAD}{}", toml::to_string(self)?))
    }

    /// A plugin of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Locked> {
        self.plugins.iter().find(|locked| locked.name == name)
    }

    /// Puts a plugin in, instead of the one that had its name.
    pub fn put(&mut self, locked: Locked) {
        self.take(&locked.name);
        self.plugins.push(locked);
        self.plugins.sort_by(|a, b| a.name.cmp(&b.name));
    }

    /// Takes a plugin out.
    pub fn take(&mut self, name: &str) -> Option<Locked> {
        let at = self.plugins.iter().position(|locked| locked.name == name)?;
        Some(self.plugins.remove(at))
    }

    /// Every file that is named, relative to the folder.
    #[must_use]
    pub fn files(&self) -> Vec<&Path> {
        let kept = self.plugins.iter().flat_map(Locked::versions);
        kept.map(|kept| kept.file.as_path()).collect()
    }

    /// Names become paths, and paths stay in their folder, whoever wrote the file.
    fn check(&self) -> Result<(), String> {
        let mut names = BTreeSet::new();
        for locked in &self.plugins {
            if !is_name(&locked.name) {
                return Err(format!("`{}` is no name of a plugin", locked.name));
            }
            if !names.insert(&locked.name) {
                return Err(format!("the plugin `{}` is there twice", locked.name));
            }
            for kept in locked.versions() {
                let normal = |part: Component<'_>| matches!(part, Component::Normal(_));
                if kept.file.as_os_str().is_empty() || !kept.file.components().all(normal) {
                    return Err(format!("`{}` leads out of the folder", kept.file.display()));
                }
                if !is_digest(&kept.sha256) {
                    return Err(format!("`{}` is no SHA-256 digest", kept.sha256));
                }
            }
        }
        Ok(())
    }
}

impl Locked {
    /// The version in use and those before it.
    pub fn versions(&self) -> impl Iterator<Item = &Kept> {
        [&self.current].into_iter().chain(&self.previous)
    }
}

/// A link that leads nowhere is there, and meant to say something.
fn is_missing(path: &Path) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    path.symlink_metadata().is_err_and(|error| matches!(error.kind(), NotFound | NotADirectory))
}

/// `[a-z][a-z0-9-]*`: the name of a plugin.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.starts_with(|first: char| first.is_ascii_lowercase()) && text.bytes().all(rest)
}

/// 64 hexadecimal digits in lower case.
#[must_use]
pub fn is_digest(text: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == 64 && text.bytes().all(digit)
}

#[cfg(test)]
mod tests {
    use super::{Kept, Lock, Locked};
    use std::path::{Path, PathBuf};

    fn kept(version: &str) -> Kept {
        Kept {
            version: version.to_owned(),
            file: PathBuf::from(".versions/acme/x.so"),
            sha256: "0a".repeat(32),
            size: 7,
            source: Some("/tmp/acme.so".to_owned()),
            signer: None,
            pinned: false,
            target: None,
            installed_at: Some("2026-01-02T03:04:05Z".to_owned()),
        }
    }

    fn lock() -> Lock {
        let mut lock = Lock::new();
        lock.disabled.insert("drift".to_owned());
        for name in ["b", "a"] {
            let previous = vec![kept("1.1.0"), kept("1.0.0")];
            lock.put(Locked { name: name.to_owned(), current: kept("1.2.0"), previous });
        }
        lock
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = lock().text().unwrap();
        assert_eq!(Lock::parse(Path::new("l"), &text).unwrap(), lock(), "{text}");
        assert!(text.contains("[[plugin]]\nname = \"a\"\nversion = \"1.2.0\"\n"), "{text}");
    }

    #[test]
    fn keys_of_a_newer_minor_format_are_passed_over_and_a_newer_format_is_refused() {
        let text = lock().text().unwrap();
        let more = text.replace("name = \"a\"", "name = \"a\"\ncolour = 1");
        assert_eq!(Lock::parse(Path::new("l"), &more).unwrap(), lock());
        let newer = text.replace("version = 1\n", "version = 2\n");
        assert_eq!(Lock::parse(Path::new("l"), &newer).unwrap_err().code, "lock");
    }

    #[test]
    fn nothing_leads_out_of_the_folder() {
        let text = lock().text().unwrap();
        let digest = "0a".repeat(32);
        for (old, new) in [
            (".versions/acme/x.so", "../x.so"),
            (".versions/acme/x.so", "/etc/x.so"),
            (".versions/acme/x.so", ""),
            ("name = \"a\"", "name = \"../a\""),
            ("name = \"a\"", "name = \"b\""),
            (digest.as_str(), "0A"),
        ] {
            let fault = Lock::parse(Path::new("l"), &text.replace(old, new)).unwrap_err();
            assert_eq!(fault.code, "lock", "{new}");
        }
    }
}
