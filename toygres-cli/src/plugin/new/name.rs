//! The name of a new plugin, and the names that are made of it.

use crate::discover::RESERVED;
use std::fmt;
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Error, Result};

/// So that no line of the new files becomes too long.
const MOST: usize = 40;

/// A name that `plugin!` takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name(String);

impl Name {
    /// The rule of `plugin!`, and what neither toygres nor cargo could do with.
    ///
    /// # Errors
    /// `usage`, with a name that would do.
    pub(super) fn checked(text: &str) -> Result<Self> {
        if !is_name(text) {
            let rule = "a plugin's name is lower case letters and digits with single dashes \
                        between them, and begins with a letter";
            let error = Error::usage(format!("`{text}` is no name of a plugin: {rule}"));
            let better = Some(better(text)).filter(|better| is_name(better));
            return Err(match better {
                Some(better) => error.hint(ShellCommand::new("toygres plugin new").arg(better)),
                None => error.hint("toygres plugin new acme-backups"),
            });
        }
        // `toygres-plugin-api` would depend on itself.
        let taken = RESERVED.contains(&text) || ["plugin-api", "plugin-api-macros"].contains(&text);
        if taken {
            return Err(Error::usage(format!("the name `{text}` belongs to toygres itself"))
                .hint(ShellCommand::new("toygres plugin new").arg(format!("my-{text}"))));
        }
        Ok(Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// As Rust writes it in a path.
    pub(super) fn identifier(&self) -> String {
        self.0.replace('-', "_")
    }

    /// The file that cargo makes.
    pub(super) fn library(&self) -> String {
        let (before, after) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        format!("{before}toygres_{}{after}", self.identifier())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What `plugin!` takes, without what makes no good name of a crate.
fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.contains("--")
        && !text.ends_with('-')
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && text.len() <= MOST
}

/// The same words as a name.
fn better(text: &str) -> String {
    let mut better = String::new();
    for c in text.chars() {
        if c.is_ascii_uppercase() && better.ends_with(|c: char| c.is_ascii_lowercase()) {
            better.push('-');
        }
        match c.to_ascii_lowercase() {
            c if c.is_ascii_lowercase() || c.is_ascii_digit() => better.push(c),
            _ if !better.is_empty() && !better.ends_with('-') => better.push('-'),
            _ => {}
        }
    }
    let better = better.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-');
    better.trim_end_matches('-').chars().take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::Name;

    #[test]
    fn names_follow_the_rule_of_the_macro() {
        for name in ["a", "acme-backups", "x2", "match", "std", "serde"] {
            assert_eq!(Name::checked(name).map(|name| name.to_string()).as_deref(), Ok(name));
        }
        for (wrong, hint) in [
            ("Acme_Backups", "toygres plugin new acme-backups"),
            ("AcmeBackups", "toygres plugin new acme-backups"),
            ("2fast", "toygres plugin new fast"),
            ("a--b-", "toygres plugin new a-b"),
            ("", "toygres plugin new acme-backups"),
            ("../up", "toygres plugin new up"),
            ("ä", "toygres plugin new acme-backups"),
            ("server", "toygres plugin new my-server"),
            ("plugin-api", "toygres plugin new my-plugin-api"),
        ] {
            let error = Name::checked(wrong).unwrap_err();
            assert_eq!(error.hint.as_deref(), Some(hint), "{wrong}");
        }
        assert!(Name::checked(&"a".repeat(41)).is_err());
    }
}
