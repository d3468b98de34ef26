//! Why there is no connection, in words that say what to do.

use crate::origin::Origin;
use crate::target::{AuthMethod, DatabaseTarget, SessionAttributes};
use crate::tls::certificate_remedy;
use openssl::x509::X509VerifyResult;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio_postgres::error::{DbError, SqlState};
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Error, ErrorKind};

/// Characters of one message of the server that are repeated.
const MAX_REPEATED_CHARS: usize = 4000;

/// Why one try at one address failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nobody is there, or the name cannot be looked up.
    Unreachable(io::Error),
    Timeout(Duration),
    /// The connection ended before a session began.
    Broken(io::Error),
    NoTls,
    NotPostgres,
    /// The handshake failed; what may help.
    Tls(String, Option<&'static str>),
    Certificate(String, X509VerifyResult),
    /// The names that the certificate is for.
    CertificateName(Vec<String>),
    /// There is no name that a certificate could be for.
    NoHostName,
    /// There is no place to look for authorities.
    NoRoots,
    File {
        what: &'static str,
        path: PathBuf,
        why: String,
        word: &'static str,
    },
    /// A private key that others may read.
    OpenKey(PathBuf),
    Server(Box<DbError>),
    PasswordMissing,
    /// `require_auth` does not accept what the server asks for.
    Method(AuthMethod),
    Attributes(SessionAttributes),
    /// A port that cannot be.
    Port,
    /// Who runs the server at the other end of a socket.
    Peer(String),
    /// What the driver says of a server that does not speak as it should.
    Driver(String),
}

impl Failure {
    /// Whether another address or host may do, as libpq decides it.
    pub(crate) fn lets_others_try(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Timeout(_) | Self::Attributes(_) | Self::Port => true,
            Self::Server(error) => *error.code() == SqlState::CANNOT_CONNECT_NOW,
            _ => false,
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::File { .. }
            | Self::OpenKey(_)
            | Self::NoRoots
            | Self::NoHostName
            | Self::Port => ErrorKind::Usage,
            _ => ErrorKind::Unavailable,
        }
    }

    /// Whether the same may succeed a moment later.
    fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Timeout(_) | Self::Broken(_) | Self::Attributes(_) => true,
            Self::Server(error) => is_busy(error),
            _ => false,
        }
    }

    /// What happened, as a cause.
    fn words(&self, target: &DatabaseTarget) -> String {
        match self {
            Self::Unreachable(error) | Self::Broken(error) => words_of_io(error),
            Self::Timeout(after) => format!("no answer within {} s", after.as_secs_f32()),
            Self::NoTls => {
                format!("the server offers no TLS, and {} asks for it", mode_words(target))
            }
            Self::NotPostgres => "what answers there is not a PostgreSQL server".to_owned(),
            Self::Tls(words, _) => format!("TLS handshake: {words}"),
            Self::Certificate(words, _) => format!("the server's certificate is refused: {words}"),
            Self::CertificateName(names) => match names.is_empty() {
                true => "the server's certificate names no host".to_owned(),
                false => format!("the server's certificate is for {}", names.join(", ")),
            },
            Self::NoHostName => {
                "`sslmode=verify-full` needs a host name beside `hostaddr`".to_owned()
            }
            Self::NoRoots => "there is no home folder with `.postgresql/root.crt`".to_owned(),
            Self::File { what, path, why, .. } => {
                format!("{what} {} cannot be used: {why}", path.display())
            }
            Self::OpenKey(path) => format!(
                "private key {} cannot be used: others may read it, and it must have mode 0600, \
                 or 0640 where root owns it",
                path.display()
            ),
            Self::Server(error) => words_of_server(error),
            Self::PasswordMissing => format!("looked in {}", target.searched.join(", ")),
            Self::Method(method) => {
                let name = AuthMethod::NAMES.iter().find(|(_, kind)| kind == method);
                let name = name.map_or("", |(name, _)| name);
                let origin = target.origin("require_auth");
                format!(
                    "the server asks for the authentication `{name}`, which `require_auth` of \
                     {origin} does not accept"
                )
            }
            Self::Attributes(wanted) => {
                format!("the server is not `{}`", wanted.as_str())
            }
            Self::Port => "the port is not between 1 and 65535".to_owned(),
            Self::Peer(name) => format!("the server runs as `{name}`"),
            Self::Driver(words) => words.clone(),
        }
    }

    fn message(&self, target: &DatabaseTarget, place: &str) -> String {
        match self {
            Self::Timeout(after) => {
                format!("the database at {place} did not answer within {} s", after.as_secs_f32())
            }
            Self::Server(_) => format!(
                "the database at {place} refuses user `{}` for database `{}`",
                target.user, target.database
            ),
            Self::PasswordMissing => format!("no password for user `{}` at {place}", target.user),
            Self::NoTls
            | Self::Tls(..)
            | Self::Certificate(..)
            | Self::CertificateName(_)
            | Self::NoHostName
            | Self::NoRoots
            | Self::OpenKey(_)
            | Self::File { .. } => format!("no encrypted connection to the database at {place}"),
            Self::Attributes(_) => format!("the database at {place} cannot be used"),
            Self::Peer(_) => format!("the server at {place} belongs to another account"),
            _ => format!("the database at {place} cannot be reached"),
        }
    }

    fn hint(&self, target: &DatabaseTarget) -> String {
        match self {
            Self::Unreachable(_)
            | Self::Timeout(_)
            | Self::Broken(_)
            | Self::NotPostgres
            | Self::Driver(_)
            | Self::Port => format!(
                "see whether the server runs and can be reached: its address comes from {}; \
                 another database: `--database-url`",
                target.address_origin()
            ),
            Self::NoTls => format!(
                "turn TLS on at the server, or change `sslmode` in {}: `prefer` goes on without",
                word_place(target, "sslmode")
            ),
            Self::Tls(_, Some(remedy)) => (*remedy).to_owned(),
            Self::Tls(_, None) => format!(
                "see what the server's log says of it; `sslmode=disable` in {} goes without TLS",
                word_place(target, "sslmode")
            ),
            Self::Certificate(_, verdict) => certificate_remedy(*verdict).to_owned(),
            Self::CertificateName(_) => format!(
                "call the server by a name of its certificate in {}, with `hostaddr` for its \
                 address; `sslmode=verify-ca` checks no name",
                target.address_origin()
            ),
            Self::NoHostName => format!("add `host` in {}", target.source),
            Self::NoRoots => format!(
                "give the file with `sslrootcert` in {}, or `sslrootcert=system`",
                target.source
            ),
            Self::File { word, .. } => match *word {
                "sslrootcert" => format!(
                    "give the file with `sslrootcert` in {}, or change `sslmode`: `require` \
                     without one encrypts and checks nothing",
                    word_place(target, word)
                ),
                word => format!("correct `{word}` in {}", word_place(target, word)),
            },
            Self::OpenKey(path) => {
                format!("run: {}", ShellCommand::new("chmod 600").arg(path))
            }
            Self::Server(error) => server_hint(target, error),
            Self::PasswordMissing if target.confined => format!(
                "put the password into {}: secrets from elsewhere do not go where it leads",
                target.source
            ),
            Self::PasswordMissing => {
                let file = target.passfile.as_ref().map(|path| path.display().to_string());
                format!(
                    "set `PGPASSWORD`, or add the line `HOST:PORT:DATABASE:USER:PASSWORD` to {} \
                     (mode 0600)",
                    file.as_deref().unwrap_or("~/.pgpass")
                )
            }
            Self::Method(_) => {
                format!("change `require_auth` in {}", word_place(target, "require_auth"))
            }
            Self::Attributes(_) => format!(
                "change `target_session_attrs` in {}, or name a server that is one",
                word_place(target, "target_session_attrs")
            ),
            Self::Peer(_) => {
                format!("change `requirepeer` in {}", word_place(target, "requirepeer"))
            }
        }
    }
}

/// The place where a word is set, or would be.
fn word_place(target: &DatabaseTarget, word: &str) -> String {
    match target.origin(word) {
        Origin::Default | Origin::Account => target.source.to_string(),
        origin => origin.to_string(),
    }
}

fn mode_words(target: &DatabaseTarget) -> String {
    let mode = target.tls.mode.as_str();
    format!("`sslmode={mode}` of {}", word_place(target, "sslmode"))
}

fn is_busy(error: &DbError) -> bool {
    matches!(*error.code(), SqlState::TOO_MANY_CONNECTIONS | SqlState::CANNOT_CONNECT_NOW)
}

fn server_hint(target: &DatabaseTarget, error: &DbError) -> String {
    match *error.code() {
        SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            let (user, password) = (target.origin("user"), target.origin("password"));
            match (user, password) {
                (Origin::Text(_), Origin::Text(_)) => {
                    format!("check user and password of {user}")
                }
                (user, Origin::Default) => format!("check the user: it comes from {user}"),
                (user, password) => {
                    format!("check the user, from {user}, and the password, from {password}")
                }
            }
        }
        SqlState::INVALID_CATALOG_NAME => match target.origin("dbname") {
            Origin::Default => {
                format!("put the database's name into {}: now it is the user's", target.source)
            }
            origin => format!("check the database's name in {origin}"),
        },
        SqlState::TOO_MANY_CONNECTIONS => {
            "end some connections: `SELECT * FROM pg_stat_activity`".to_owned()
        }
        _ => format!("check {}", target.source),
    }
}

/// What the server says, cut: it may put whole values into its words.
fn words_of_server(error: &DbError) -> String {
    let message = error.message();
    let code = error.code().code();
    match message.char_indices().nth(MAX_REPEATED_CHARS) {
        None => format!("{message} (SQLSTATE {code})"),
        Some((end, _)) => format!("{}… (SQLSTATE {code})", &message[..end]),
    }
}

/// What the system says; the driver's own words of an end tell nothing.
fn words_of_io(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the server closed the connection".to_owned(),
        _ => error.to_string(),
    }
}

/// One try.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) place: String,
    /// What was tried was encrypted; unknown before there was a connection.
    pub(crate) encrypted: Option<bool>,
    pub(crate) failure: Failure,
}

/// Why no server of a target could be used: every try, in order.
#[derive(Debug)]
pub struct ConnectFailure {
    pub(crate) attempts: Vec<Attempt>,
}

impl ConnectFailure {
    /// The failure for an operator.
    #[must_use]
    pub fn to_error(&self, target: &DatabaseTarget) -> Error {
        let Some(last) = self.attempts.last() else {
            return Error::unavailable("the database cannot be reached");
        };
        let several = self.attempts.iter().any(|attempt| attempt.place != last.place);
        let message = match several {
            true => "no server of the database can be used".to_owned(),
            false => last.failure.message(target, &last.place),
        };
        let mut error = Error::new(last.failure.kind(), message);
        let both = self.attempts.iter().any(|attempt| attempt.encrypted != last.encrypted);
        for attempt in &self.attempts {
            if !several && matches!(attempt.failure, Failure::Timeout(_)) {
                continue;
            }
            let mut words = attempt.failure.words(target);
            if both && let Some(encrypted) = attempt.encrypted {
                words = format!("{}: {words}", if encrypted { "with TLS" } else { "without TLS" });
            }
            if several {
                words = format!("{}: {words}", attempt.place);
            }
            if !error.causes.contains(&words) {
                error.causes.push(words);
            }
        }
        error.causes.extend(target.warnings.iter().cloned());
        let passing = self.attempts.iter().any(|attempt| attempt.failure.is_passing());
        error.retryable(passing).hint(last.failure.hint(target))
    }

    /// The code that a server would send with such a failure: `57P03` where trying again may help.
    #[must_use]
    pub fn sql_state(&self) -> &str {
        let passing = self.attempts.iter().any(|attempt| attempt.failure.is_passing());
        match self.attempts.last().map(|attempt| &attempt.failure) {
            Some(Failure::Server(error)) => error.code().code(),
            _ if passing => "57P03",
            _ => "08004",
        }
    }
}
