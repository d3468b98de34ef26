//! Where each part of a target comes from.

use std::fmt;
use std::path::PathBuf;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The connection string itself.
    Text(TextSource),
    /// The service of this name, in this file.
    Service(String, PathBuf),
    /// An environment variable.
    Variable(&'static str),
    /// A password file.
    PasswordFile(PathBuf),
    /// The account that runs this process.
    Account,
    /// Nothing says it.
    Default,
}

/// Where the connection string comes from, as an operator knows the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextSource {
    /// An option of the command line, such as `--database-url`.
    Flag(String),
    /// An environment variable, such as `DATABASE_URL`.
    Variable(String),
    /// A key of a file.
    File {
        /// The file.
        path: PathBuf,
        /// The key in it, such as `contexts.local.database.url`.
        key: String,
    },
    /// What another part of the program hands over.
    Program,
}

impl fmt::Display for TextSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Variable(name) => write!(f, "`{name}`"),
            Self::File { path, key } => write!(f, "`{key}` in {}", path.display()),
            Self::Program => f.write_str("the connection string"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(source) => source.fmt(f),
            Self::Service(name, path) => write!(f, "service `{name}` in {}", path.display()),
            Self::Variable(name) => write!(f, "`{name}`"),
            Self::PasswordFile(path) => path.display().fmt(f),
            Self::Account => f.write_str("the account's name"),
            Self::Default => f.write_str("the default"),
        }
    }
}
