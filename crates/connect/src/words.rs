//! Every word that a connection string of libpq may hold, and what becomes of it here.

/// A word of a connection string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) name: &'static str,
    /// The environment variable that stands in for it.
    pub(crate) variable: Option<&'static str>,
    pub(crate) treatment: Treatment,
}

/// What becomes of a word's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// It has the meaning that libpq gives it.
    Used,
    /// It changes nothing here.
    Ignored,
    /// A connection without it would be another one than was asked for.
    Refused(&'static str),
}

use Treatment::{Ignored, Refused, Used};

const fn word(name: &'static str, variable: Option<&'static str>, treatment: Treatment) -> Word {
    Word { name, variable, treatment }
}

const OAUTH: &str = "signing in with OAuth is not supported";
const SCRAM_KEYS: &str = "keys in place of a password are not supported";

/// All words of libpq 18. What is ignored: the encoding is always UTF-8, TLS compression does not
/// exist any more, Kerberos is not spoken, and the protocol's version is 3.0.
pub(crate) const WORDS: &[Word] = &[
    word("service", Some("PGSERVICE"), Used),
    word("servicefile", Some("PGSERVICEFILE"), Used),
    word("user", Some("PGUSER"), Used),
    word("password", Some("PGPASSWORD"), Used),
    word("passfile", Some("PGPASSFILE"), Used),
    word("channel_binding", Some("PGCHANNELBINDING"), Used),
    word("connect_timeout", Some("PGCONNECT_TIMEOUT"), Used),
    word("dbname", Some("PGDATABASE"), Used),
    word("host", Some("PGHOST"), Used),
    word("hostaddr", Some("PGHOSTADDR"), Used),
    word("port", Some("PGPORT"), Used),
    word("client_encoding", Some("PGCLIENTENCODING"), Ignored),
    word("options", Some("PGOPTIONS"), Used),
    word("application_name", Some("PGAPPNAME"), Used),
    word("fallback_application_name", None, Used),
    word("keepalives", None, Used),
    word("keepalives_idle", None, Used),
    word("keepalives_interval", None, Used),
    word("keepalives_count", None, Used),
    word("tcp_user_timeout", None, Used),
    word("sslmode", Some("PGSSLMODE"), Used),
    word("sslnegotiation", Some("PGSSLNEGOTIATION"), Used),
    word("sslcompression", Some("PGSSLCOMPRESSION"), Ignored),
    word("sslcert", Some("PGSSLCERT"), Used),
    word("sslkey", Some("PGSSLKEY"), Used),
    word("sslcertmode", Some("PGSSLCERTMODE"), Used),
    word("sslpassword", None, Used),
    word("sslrootcert", Some("PGSSLROOTCERT"), Used),
    word("sslcrl", Some("PGSSLCRL"), Used),
    word("sslcrldir", Some("PGSSLCRLDIR"), Used),
    word("sslsni", Some("PGSSLSNI"), Used),
    word("ssl_min_protocol_version", Some("PGSSLMINPROTOCOLVERSION"), Used),
    word("ssl_max_protocol_version", Some("PGSSLMAXPROTOCOLVERSION"), Used),
    word("sslkeylogfile", None, Refused("the secrets of a connection are not written to files")),
    word("requirepeer", Some("PGREQUIREPEER"), Used),
    word("require_auth", Some("PGREQUIREAUTH"), Used),
    word("gssencmode", Some("PGGSSENCMODE"), Used),
    word("krbsrvname", Some("PGKRBSRVNAME"), Ignored),
    word("gsslib", Some("PGGSSLIB"), Ignored),
    word("gssdelegation", Some("PGGSSDELEGATION"), Ignored),
    word("replication", None, Used),
    word("target_session_attrs", Some("PGTARGETSESSIONATTRS"), Used),
    word("load_balance_hosts", Some("PGLOADBALANCEHOSTS"), Used),
    word("min_protocol_version", Some("PGMINPROTOCOLVERSION"), Ignored),
    word("max_protocol_version", Some("PGMAXPROTOCOLVERSION"), Ignored),
    word("scram_client_key", None, Refused(SCRAM_KEYS)),
    word("scram_server_key", None, Refused(SCRAM_KEYS)),
    word("oauth_issuer", None, Refused(OAUTH)),
    word("oauth_client_id", None, Refused(OAUTH)),
    word("oauth_client_secret", None, Refused(OAUTH)),
    word("oauth_scope", None, Refused(OAUTH)),
];

pub(crate) fn find_word(name: &str) -> Option<&'static Word> {
    WORDS.iter().find(|word| word.name == name)
}

/// The environment variables that take part in a connection, those without a word of their own
/// too.
pub fn variables() -> impl Iterator<Item = &'static str> {
    let others = ["PGSYSCONFDIR", "PGREQUIRESSL"];
    WORDS.iter().filter_map(|word| word.variable).chain(others)
}
