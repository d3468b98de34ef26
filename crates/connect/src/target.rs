//! One database, with everything that decides how it is reached.

use crate::origin::{Origin, TextSource};
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One database, resolved: nothing is left to a default.
#[derive(Debug, Clone)]
pub struct DatabaseTarget {
    /// The servers to try, in order; never empty.
    pub hosts: Vec<HostEntry>,
    /// The role.
    pub user: String,
    /// The database's name.
    pub database: String,
    /// How the connection is encrypted.
    pub tls: TlsOptions,
    /// How long one address may take; `None` where nothing says so.
    pub connect_timeout: Option<ConnectTimeout>,
    /// Which of the servers will do.
    pub session_attributes: SessionAttributes,
    /// The servers are tried in random order.
    pub load_balance: bool,
    /// Options of the session that the operator gave, for the server's own command line.
    pub options: Option<String>,
    /// The name that the server shows, where the operator gave one.
    pub application_name: Option<String>,
    /// The same, for where nothing else gives one.
    pub fallback_application_name: Option<String>,
    /// When a silent connection is looked after.
    pub keepalive: Keepalive,
    /// How SCRAM is bound to the encryption.
    pub channel_binding: ChannelBindingMode,
    /// The account that must own the server at the other end of a socket.
    pub required_peer: Option<String>,
    /// The ways of authentication that are accepted; all of them where nothing says so.
    pub required_auth: Option<RequiredAuth>,
    /// Where the connection string comes from.
    pub source: TextSource,
    /// What an operator should know.
    pub warnings: Vec<String>,
    pub(crate) origins: BTreeMap<&'static str, Origin>,
    /// The places that were searched for a password, in words.
    pub(crate) searched: Vec<String>,
    pub(crate) passfile: Option<PathBuf>,
    /// Nothing secret but what the string has may be used.
    pub(crate) confined: bool,
}

/// One server of a target.
#[derive(Debug, Clone)]
pub struct HostEntry {
    /// The name, address or folder of sockets, as it was given.
    pub host: String,
    /// The address to use in place of looking the name up.
    pub address: Option<IpAddr>,
    /// The port; 0 where the one that was given cannot be.
    pub port: u16,
    pub(crate) password: Option<Password>,
}

impl HostEntry {
    /// The folder of sockets, where the server is reached by one.
    #[must_use]
    pub fn socket_folder(&self) -> Option<&str> {
        (self.address.is_none() && self.host.starts_with(['/', '@'])).then_some(self.host.as_str())
    }

    /// The host as messages have it.
    #[must_use]
    pub fn shown_host(&self) -> String {
        match self.address {
            Some(address) if self.host.is_empty() => address.to_string(),
            _ => self.host.clone(),
        }
    }

    /// `HOST:PORT`, for messages.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}:{}", self.shown_host(), self.port)
    }

    /// The password for this server.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        self.password.as_ref().map(|password| password.0.as_str())
    }
}

/// A password, which is never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Password(pub(crate) String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(***)")
    }
}

/// How long one address may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectTimeout {
    /// As long as it takes.
    Unlimited,
    /// This long.
    Limited(Duration),
}

/// `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SslMode {
    /// Never encrypted.
    Disable,
    /// Encrypted where the server does not go without.
    Allow,
    /// Encrypted where that is possible.
    Prefer,
    /// Encrypted.
    Require,
    /// Encrypted, with a certificate that an authority signed.
    VerifyCa,
    /// The same, for this host's name.
    VerifyFull,
}

impl SslMode {
    pub(crate) const NAMES: [(&'static str, Self); 6] = [
        ("disable", Self::Disable),
        ("allow", Self::Allow),
        ("prefer", Self::Prefer),
        ("require", Self::Require),
        ("verify-ca", Self::VerifyCa),
        ("verify-full", Self::VerifyFull),
    ];

    /// Its name in connection strings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(_, mode)| *mode == self).map_or("", |(name, _)| name)
    }
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// 1.0.
    Tls10,
    /// 1.1.
    Tls11,
    /// 1.2.
    Tls12,
    /// 1.3.
    Tls13,
}

/// The authorities that a certificate is checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootCertificates {
    /// Those of a file, if it is there.
    File(PathBuf),
    /// Those of the system.
    System,
    /// There is no place to look for them.
    Absent,
}

/// How the connection is encrypted.
#[derive(Clone)]
pub struct TlsOptions {
    /// How much is asked for.
    pub mode: SslMode,
    /// TLS begins at once, without asking the server first.
    pub direct: bool,
    /// The authorities.
    pub roots: RootCertificates,
    /// The client's certificate, if there is such a file.
    pub certificate: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
    /// What becomes of the client's certificate.
    pub certificate_mode: CertificateMode,
    pub(crate) key_password: Option<String>,
    /// Certificates that were revoked.
    pub revoked: Option<PathBuf>,
    /// The same, as a folder of hashed names.
    pub revoked_folder: Option<PathBuf>,
    /// The server is told which name it was called by.
    pub server_name: bool,
    /// The lowest version of TLS.
    pub min_version: Option<TlsVersion>,
    /// The highest version of TLS.
    pub max_version: Option<TlsVersion>,
}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsOptions")
            .field("mode", &self.mode)
            .field("roots", &self.roots)
            .field("certificate", &self.certificate)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// `sslcertmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateMode {
    /// None is sent.
    Disable,
    /// One is sent where there is one.
    Allow,
    /// The server must ask for it.
    Require,
}

/// `target_session_attrs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionAttributes {
    /// Any server.
    Any,
    /// One whose sessions may write.
    ReadWrite,
    /// One whose sessions may not.
    ReadOnly,
    /// One that is not a standby.
    Primary,
    /// A standby.
    Standby,
    /// A standby if there is one, else any.
    PreferStandby,
}

impl SessionAttributes {
    pub(crate) const NAMES: [(&'static str, Self); 6] = [
        ("any", Self::Any),
        ("read-write", Self::ReadWrite),
        ("read-only", Self::ReadOnly),
        ("primary", Self::Primary),
        ("standby", Self::Standby),
        ("prefer-standby", Self::PreferStandby),
    ];

    /// Its name in connection strings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

/// `channel_binding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelBindingMode {
    /// Not used.
    Disable,
    /// Used where the server offers it.
    Prefer,
    /// Used, or there is no connection.
    Require,
}

/// `require_auth`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiredAuth {
    /// Those that are named are refused; else all others are.
    pub(crate) negated: bool,
    pub(crate) methods: Vec<AuthMethod>,
}

impl RequiredAuth {
    pub(crate) fn allows(&self, method: AuthMethod) -> bool {
        self.methods.contains(&method) != self.negated
    }
}

/// A way of authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuthMethod {
    None,
    Password,
    Md5,
    Gss,
    Sspi,
    Scram,
    OAuth,
}

impl AuthMethod {
    pub(crate) const NAMES: [(&'static str, Self); 7] = [
        ("none", Self::None),
        ("password", Self::Password),
        ("md5", Self::Md5),
        ("gss", Self::Gss),
        ("sspi", Self::Sspi),
        ("scram-sha-256", Self::Scram),
        ("oauth", Self::OAuth),
    ];
}

/// When a silent connection is looked after; what is not given is the system's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keepalive {
    pub(crate) disabled: bool,
    pub(crate) idle: Option<Duration>,
    pub(crate) interval: Option<Duration>,
    pub(crate) count: Option<u32>,
    pub(crate) user_timeout: Option<Duration>,
}

impl DatabaseTarget {
    /// Where the value of a word of connection strings comes from.
    #[must_use]
    pub fn origin(&self, word: &str) -> &Origin {
        self.origins.get(word).unwrap_or(&Origin::Default)
    }

    /// Each part with its origin, for whoever wants to know: nothing secret.
    pub fn origins(&self) -> impl Iterator<Item = (&'static str, &Origin)> {
        self.origins.iter().map(|(word, origin)| (*word, origin))
    }

    /// The hosts with their ports, for messages.
    #[must_use]
    pub fn places(&self) -> String {
        let places: Vec<String> = self.hosts.iter().map(HostEntry::place).collect();
        places.join(", ")
    }

    /// Where the server's address comes from, in words.
    #[must_use]
    pub fn address_origin(&self) -> String {
        let named = ["hostaddr", "host", "port"]
            .into_iter()
            .find_map(|word| self.origins.get(word))
            .filter(|origin| **origin != Origin::Default);
        named.map_or_else(|| self.source.to_string(), ToString::to_string)
    }

    /// The password's file, where passwords are looked up in one.
    #[must_use]
    pub fn password_file(&self) -> Option<&Path> {
        self.passfile.as_deref()
    }
}

impl RequiredAuth {
    /// The list as it stands in a connection string.
    pub(crate) fn to_text(&self) -> String {
        let sign = if self.negated { "!" } else { "" };
        let names = AuthMethod::NAMES.iter().filter(|(_, method)| self.methods.contains(method));
        names.map(|(name, _)| format!("{sign}{name}")).collect::<Vec<_>>().join(",")
    }
}
