//! A connection string, and everything that fills its gaps, in libpq's order: the string, the
//! service, the environment, the password file, the account.

use crate::origin::{Origin, TextSource};
use crate::parse::{Pairs, parse};
use crate::passfile::{self, Wanted};
use crate::service;
use crate::target::{
    AuthMethod, CertificateMode, ChannelBindingMode, ConnectTimeout, DatabaseTarget, HostEntry,
    Keepalive, Password, RequiredAuth, RootCertificates, SessionAttributes, SslMode, TlsOptions,
    TlsVersion,
};
use crate::words::{Treatment, WORDS};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toygres_plugin_api::{Error, Result};

const DEFAULT_PORT: u16 = 5432;
/// Where distributions put sockets, and where PostgreSQL itself does.
const SOCKET_FOLDERS: [&str; 2] = ["/var/run/postgresql", "/tmp"];
/// Where service files of the whole system are.
const SYSTEM_FOLDER: &str = "/etc/postgresql-common";
/// The least that libpq waits.
const MIN_CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// What surrounds a connection string.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The environment variables of [`crate::variables`]; an empty one counts as not set.
    pub variables: BTreeMap<String, String>,
    /// The home folder, with `.pgpass`, `.pg_service.conf` and `.postgresql/`.
    pub home: Option<PathBuf>,
    /// Secrets of the environment and of the home folder must not go where this string leads:
    /// somebody less trusted wrote it.
    pub confined: bool,
    /// The string was made by [`DatabaseTarget::to_url`]: what it does not say stays unsaid.
    pub resolved: bool,
}

/// The values of a target with their origins.
struct Values {
    found: BTreeMap<&'static str, (String, Origin)>,
    source: TextSource,
}

impl Values {
    fn get(&self, word: &str) -> Option<&str> {
        self.found.get(word).map(|(value, _)| value.as_str()).filter(|value| !value.is_empty())
    }

    fn fill(&mut self, word: &'static str, value: String, origin: Origin) {
        self.found.entry(word).or_insert((value, origin));
    }

    fn invalid(&self, word: &str, expected: &str) -> Error {
        let (value, origin) = match self.found.get(word) {
            Some((value, origin)) => (value.as_str(), origin.to_string()),
            None => ("", self.source.to_string()),
        };
        Error::usage(format!("invalid value of `{word}` in the database's connection string"))
            .cause(format!("{origin} has `{value}`: expected {expected}"))
            .hint(format!("correct `{word}` in {origin}"))
    }

    fn choice<T: Copy>(&self, word: &str, names: &[(&str, T)]) -> Result<Option<T>> {
        let Some(value) = self.get(word) else { return Ok(None) };
        let found = names.iter().find(|(name, _)| *name == value).map(|(_, kind)| *kind);
        let all = || names.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        found.map(Some).ok_or_else(|| self.invalid(word, &format!("one of {}", all())))
    }

    fn number(&self, word: &str) -> Result<Option<i32>> {
        let Some(value) = self.get(word) else { return Ok(None) };
        value.trim().parse().map(Some).map_err(|_| self.invalid(word, "a whole number"))
    }

    fn path(&self, word: &str) -> Option<PathBuf> {
        // Absolute: whoever gets it may stand elsewhere.
        self.get(word).map(|value| std::path::absolute(value).unwrap_or_else(|_| value.into()))
    }
}

impl DatabaseTarget {
    /// Reads a URL or libpq's `key=value` form and fills what it leaves open.
    ///
    /// # Errors
    /// `usage` where the string, its service or a value cannot be read, or asks for what is not
    /// supported; never with a secret in it.
    pub fn resolve(text: &str, source: TextSource, around: &Surroundings) -> Result<Self> {
        let pairs = parse(text).map_err(|why| unreadable(&source, why))?;
        let mut values = Values { found: BTreeMap::new(), source: source.clone() };
        for (word, value) in pairs {
            values.found.insert(word, (value, Origin::Text(source.clone())));
        }
        fill_from_service(&mut values, around)?;
        fill_from_environment(&mut values, around);
        refuse_unsupported(&values)?;
        build(values, source, around)
    }
}

fn unreadable(source: &TextSource, why: String) -> Error {
    Error::usage("the database URL cannot be read").cause(format!("{source}: {why}")).hint(
        "give it as `postgres://USER:PASSWORD@HOST:PORT/DATABASE` or as `host=HOST user=USER …`; \
         write special characters as `%` and two hexadecimal digits",
    )
}

fn variable<'a>(around: &'a Surroundings, name: &str) -> Option<&'a str> {
    around.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

fn fill_from_service(values: &mut Values, around: &Surroundings) -> Result<()> {
    let name = values.get("service").or_else(|| variable(around, "PGSERVICE")).map(str::to_owned);
    let Some(name) = name.filter(|_| !around.resolved) else { return Ok(()) };
    let named = values.get("servicefile").or_else(|| variable(around, "PGSERVICEFILE"));
    let own = named.map(PathBuf::from);
    let home = around.home.as_ref().map(|home| home.join(".pg_service.conf"));
    let system = variable(around, "PGSYSCONFDIR").unwrap_or(SYSTEM_FOLDER);
    let mut files: Vec<PathBuf> = own.iter().cloned().collect();
    if own.is_none() {
        files.extend(home.filter(|path| path.exists()));
    }
    files.extend(Some(Path::new(system).join("pg_service.conf")).filter(|path| path.exists()));
    for path in &files {
        let found = service::read(path, &name).map_err(|why| {
            Error::usage(format!("service `{name}` cannot be read")).cause(why).hint(format!(
                "correct that file, or give the database itself in {}",
                values.source
            ))
        })?;
        let Some(found) = found else { continue };
        fill_pairs(values, found, &name, path, around);
        return Ok(());
    }
    let all: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
    let cause = match all.is_empty() {
        true => "there is no service file".to_owned(),
        false => format!("looked in {}", all.join(", ")),
    };
    Err(Error::usage(format!("service `{name}` is not defined"))
        .cause(cause)
        .hint("add it to `~/.pg_service.conf`, or name the file with `PGSERVICEFILE`"))
}

fn fill_pairs(values: &mut Values, pairs: Pairs, name: &str, path: &Path, around: &Surroundings) {
    for (word, value) in pairs {
        if around.confined && matches!(word, "password" | "passfile" | "sslkey" | "sslcert") {
            continue;
        }
        values.fill(word, value, Origin::Service(name.to_owned(), path.to_owned()));
    }
}

fn fill_from_environment(values: &mut Values, around: &Surroundings) {
    let secret = |word: &str| matches!(word, "password" | "passfile" | "sslcert" | "sslkey");
    for word in WORDS {
        let Some(name) = word.variable else { continue };
        if matches!(word.name, "service" | "servicefile") || around.confined && secret(word.name) {
            continue;
        }
        if let Some(value) = variable(around, name) {
            values.fill(word.name, value.to_owned(), Origin::Variable(name));
        }
    }
    if variable(around, "PGREQUIRESSL").is_some_and(|value| value.starts_with('1')) {
        values.fill("sslmode", "require".to_owned(), Origin::Variable("PGREQUIRESSL"));
    }
}

fn refuse_unsupported(values: &Values) -> Result<()> {
    for word in WORDS {
        let Treatment::Refused(why) = word.treatment else { continue };
        if values.get(word.name).is_some() {
            return Err(unsupported(values, word.name, why));
        }
    }
    if values.choice("gssencmode", &[("disable", false), ("prefer", false), ("require", true)])?
        == Some(true)
    {
        return Err(unsupported(values, "gssencmode", "encryption by GSSAPI is not supported"));
    }
    let off = ["false", "off", "no", "0"];
    if values.get("replication").is_some_and(|value| !off.contains(&value)) {
        let why = "a connection for replication runs no ordinary statements";
        return Err(unsupported(values, "replication", why));
    }
    Ok(())
}

fn unsupported(values: &Values, word: &str, why: &str) -> Error {
    let origin = values.found.get(word).map(|(_, origin)| origin.to_string()).unwrap_or_default();
    Error::usage(format!("unsupported connection option `{word}`"))
        .cause(why)
        .hint(format!("remove `{word}` from {origin}"))
}

fn build(mut values: Values, source: TextSource, around: &Surroundings) -> Result<DatabaseTarget> {
    if values.get("user").is_none() {
        let name = crate::account::account_name().ok_or_else(|| {
            Error::usage("no database user is given, and the account has no name")
                .hint(format!("put the user into {source}"))
        })?;
        values.found.insert("user", (name, Origin::Account));
    }
    let user = values.get("user").unwrap_or_default().to_owned();
    let database = values.get("dbname").unwrap_or(&user).to_owned();
    let mut hosts = read_hosts(&values)?;
    let tls = read_tls(&values, around)?;
    let passfile = read_passfile(&values, around);
    let mut warnings = Vec::new();
    let mut searched = vec![source.to_string()];
    if !around.confined && !around.resolved {
        searched.push("`PGPASSWORD`".to_owned());
    }
    if let Some(password) = values.get("password") {
        let password = Password(password.to_owned());
        for host in &mut hosts {
            host.password = Some(password.clone());
        }
    } else if let Some(path) = &passfile {
        searched.push(path.display().to_string());
        match passfile::read(path) {
            Ok(text) => {
                for host in &mut hosts {
                    let host_name = match host.host.as_str() {
                        "" => host.address.map(|it| it.to_string()).unwrap_or_default(),
                        name if SOCKET_FOLDERS.contains(&name) => "localhost".to_owned(),
                        name => name.to_owned(),
                    };
                    let port = host.port.to_string();
                    let wanted =
                        Wanted { host: &host_name, port: &port, database: &database, user: &user };
                    let found = text
                        .as_deref()
                        .and_then(|text| passfile::find_password(text, wanted).map(Password));
                    host.password = found;
                }
                if hosts.iter().any(|host| host.password.is_some()) {
                    let origin = Origin::PasswordFile(path.clone());
                    values.found.insert("password", (String::new(), origin));
                }
            }
            Err(why) => warnings.push(why),
        }
    }
    let attributes = values.choice("target_session_attrs", &SessionAttributes::NAMES)?;
    let channel_binding = values.choice(
        "channel_binding",
        &[
            ("disable", ChannelBindingMode::Disable),
            ("prefer", ChannelBindingMode::Prefer),
            ("require", ChannelBindingMode::Require),
        ],
    )?;
    let load_balance =
        values.choice("load_balance_hosts", &[("disable", false), ("random", true)])?;
    let text = |word: &str| values.get(word).map(str::to_owned);
    Ok(DatabaseTarget {
        user,
        database,
        tls,
        connect_timeout: read_connect_timeout(&values)?,
        session_attributes: attributes.unwrap_or(SessionAttributes::Any),
        load_balance: load_balance.unwrap_or(false),
        options: text("options"),
        application_name: text("application_name"),
        fallback_application_name: text("fallback_application_name"),
        keepalive: read_keepalive(&values)?,
        channel_binding: channel_binding.unwrap_or(ChannelBindingMode::Prefer),
        required_peer: text("requirepeer"),
        required_auth: read_required_auth(&values)?,
        hosts,
        source,
        warnings,
        searched,
        passfile,
        confined: around.confined,
        origins: values.found.into_iter().map(|(word, (_, origin))| (word, origin)).collect(),
    })
}

fn read_passfile(values: &Values, around: &Surroundings) -> Option<PathBuf> {
    if around.confined {
        return None;
    }
    let home = || Some(around.home.as_ref()?.join(".pgpass"));
    values.path("passfile").or_else(|| home().filter(|_| !around.resolved))
}

fn read_hosts(values: &Values) -> Result<Vec<HostEntry>> {
    let list = |word: &str| -> Vec<&str> {
        values.get(word).map(|value| value.split(',').collect()).unwrap_or_default()
    };
    let (names, addresses, ports) = (list("host"), list("hostaddr"), list("port"));
    if !names.is_empty() && !addresses.is_empty() && names.len() != addresses.len() {
        let expected = format!("as many as in `host`, {}", names.len());
        return Err(values.invalid("hostaddr", &expected));
    }
    let count = names.len().max(addresses.len()).max(1);
    if ports.len() > 1 && ports.len() != count {
        return Err(values.invalid("port", &format!("one, or as many as there are hosts, {count}")));
    }
    let default_folder = || {
        let there = SOCKET_FOLDERS.into_iter().find(|folder| Path::new(folder).is_dir());
        there.unwrap_or("/tmp").to_owned()
    };
    (0..count)
        .map(|at| {
            let address = match addresses.get(at).copied().filter(|text| !text.is_empty()) {
                None => None,
                Some(text) => Some(
                    text.parse().map_err(|_| values.invalid("hostaddr", "numeric addresses"))?,
                ),
            };
            let host = match names.get(at).copied().unwrap_or_default() {
                "" if address.is_none() => default_folder(),
                name => name.to_owned(),
            };
            let port = ports.get(at).or(ports.first().filter(|_| ports.len() == 1));
            let port = match port.map(|port| port.trim()).filter(|port| !port.is_empty()) {
                None => DEFAULT_PORT,
                Some(text) => {
                    let number: i32 =
                        text.parse().map_err(|_| values.invalid("port", "numbers"))?;
                    // Out of range: another host may do.
                    u16::try_from(number).unwrap_or(0)
                }
            };
            Ok(HostEntry { host, address, port, password: None })
        })
        .collect()
}

fn read_connect_timeout(values: &Values) -> Result<Option<ConnectTimeout>> {
    Ok(values.number("connect_timeout")?.map(|seconds| match u64::try_from(seconds) {
        Ok(seconds) if seconds > 0 => {
            ConnectTimeout::Limited(Duration::from_secs(seconds).max(MIN_CONNECT_TIMEOUT))
        }
        _ => ConnectTimeout::Unlimited,
    }))
}

fn read_keepalive(values: &Values) -> Result<Keepalive> {
    let positive = |word: &str| -> Result<Option<u32>> {
        Ok(values.number(word)?.and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0))
    };
    let seconds = |word: &str| -> Result<Option<Duration>> {
        Ok(positive(word)?.map(|seconds| Duration::from_secs(seconds.into())))
    };
    Ok(Keepalive {
        disabled: values.number("keepalives")? == Some(0),
        idle: seconds("keepalives_idle")?,
        interval: seconds("keepalives_interval")?,
        count: positive("keepalives_count")?,
        user_timeout: positive("tcp_user_timeout")?.map(|ms| Duration::from_millis(ms.into())),
    })
}

fn read_required_auth(values: &Values) -> Result<Option<RequiredAuth>> {
    let Some(text) = values.get("require_auth") else { return Ok(None) };
    let negated = text.starts_with('!');
    let expected = "methods such as `scram-sha-256`, all of them with a `!` before them or none";
    let methods = text.split(',').map(|name| {
        let plain = name.strip_prefix('!');
        if plain.is_some() != negated {
            return Err(values.invalid("require_auth", expected));
        }
        let plain = plain.unwrap_or(name);
        let found = AuthMethod::NAMES.iter().find(|(name, _)| *name == plain);
        found.map(|(_, method)| *method).ok_or_else(|| values.invalid("require_auth", expected))
    });
    Ok(Some(RequiredAuth { negated, methods: methods.collect::<Result<_>>()? }))
}

fn read_tls(values: &Values, around: &Surroundings) -> Result<TlsOptions> {
    let folder = around.home.as_ref().map(|home| home.join(".postgresql"));
    let in_folder = |name: &str| folder.as_ref().map(|folder| folder.join(name));
    let own = |name: &str| in_folder(name).filter(|_| !around.confined);
    let system = values.get("sslrootcert") == Some("system");
    let mode = values.choice("sslmode", &SslMode::NAMES)?;
    let mode = mode.unwrap_or(if system { SslMode::VerifyFull } else { SslMode::Prefer });
    if system && mode != SslMode::VerifyFull {
        return Err(values.invalid("sslmode", "`verify-full` together with `sslrootcert=system`"));
    }
    let roots = match values.path("sslrootcert") {
        Some(_) if system => RootCertificates::System,
        Some(path) => RootCertificates::File(path),
        None => in_folder("root.crt").map_or(RootCertificates::Absent, RootCertificates::File),
    };
    let direct =
        values.choice("sslnegotiation", &[("postgres", false), ("direct", true)])?.unwrap_or(false);
    if direct && mode < SslMode::Require {
        return Err(values.invalid("sslmode", "`require` or more with `sslnegotiation=direct`"));
    }
    let certificate_mode = values.choice(
        "sslcertmode",
        &[
            ("disable", CertificateMode::Disable),
            ("allow", CertificateMode::Allow),
            ("require", CertificateMode::Require),
        ],
    )?;
    let versions = [
        ("TLSv1", TlsVersion::Tls10),
        ("TLSv1.1", TlsVersion::Tls11),
        ("TLSv1.2", TlsVersion::Tls12),
        ("TLSv1.3", TlsVersion::Tls13),
    ];
    let version = |word: &str, default: Option<TlsVersion>| -> Result<Option<TlsVersion>> {
        let Some(value) = values.get(word) else { return Ok(default) };
        let found = versions.iter().find(|(name, _)| name.eq_ignore_ascii_case(value));
        match found {
            Some((_, version)) => Ok(Some(*version)),
            None => Err(values.invalid(word, "one of TLSv1, TLSv1.1, TLSv1.2, TLSv1.3")),
        }
    };
    let min_version = version("ssl_min_protocol_version", Some(TlsVersion::Tls12))?;
    let max_version = version("ssl_max_protocol_version", None)?;
    if max_version.is_some_and(|max| min_version.is_some_and(|min| min > max)) {
        let expected = "at least `ssl_min_protocol_version`, whose default is TLSv1.2";
        return Err(values.invalid("ssl_max_protocol_version", expected));
    }
    let (revoked, revoked_folder) = (values.path("sslcrl"), values.path("sslcrldir"));
    let default_revoked = revoked.is_none() && revoked_folder.is_none();
    if values.get("sslkey").is_some_and(|key| key.contains(':')) {
        return Err(unsupported(values, "sslkey", "keys of an OpenSSL engine are not supported"));
    }
    Ok(TlsOptions {
        mode,
        direct,
        roots,
        certificate: values.path("sslcert").or_else(|| own("postgresql.crt")),
        key: values.path("sslkey").or_else(|| own("postgresql.key")),
        certificate_mode: certificate_mode.unwrap_or(CertificateMode::Allow),
        key_password: values.get("sslpassword").map(str::to_owned),
        revoked: revoked.or_else(|| in_folder("root.crl").filter(|_| default_revoked)),
        revoked_folder,
        server_name: values.get("sslsni").is_none_or(|value| value.starts_with('1')),
        min_version,
        max_version,
    })
}

#[cfg(test)]
mod tests {
    use super::Surroundings;
    use crate::{DatabaseTarget, Origin, SslMode, TextSource};
    use std::collections::BTreeMap;
    use toygres_plugin_api::ErrorKind;

    fn around(variables: &[(&str, &str)], confined: bool) -> Surroundings {
        let variables: BTreeMap<String, String> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Surroundings { variables, confined, ..Surroundings::default() }
    }

    fn source() -> TextSource {
        TextSource::Variable("DATABASE_URL".to_owned())
    }

    #[test]
    fn the_string_goes_before_the_environment_and_each_part_knows_where_it_comes_from() {
        let around = around(
            &[("PGUSER", "them"), ("PGPORT", "7"), ("PGSSLMODE", "require"), ("PGDATABASE", "")],
            false,
        );
        let target = DatabaseTarget::resolve("postgres://me@h", source(), &around).unwrap();
        assert_eq!((target.user.as_str(), target.database.as_str()), ("me", "me"));
        assert_eq!((target.hosts[0].port, target.tls.mode), (7, SslMode::Require));
        assert_eq!(target.origin("user"), &Origin::Text(source()));
        assert_eq!(target.origin("port"), &Origin::Variable("PGPORT"));
        assert_eq!(target.origin("dbname"), &Origin::Default);
        let target = DatabaseTarget::resolve("postgres://h", source(), &around).unwrap();
        assert_eq!(target.user, "them");
    }

    #[test]
    fn secrets_of_the_environment_stay_out_of_a_confined_target() {
        let around = around(&[("PGPASSWORD", "canary"), ("PGPASSFILE", "/nosuch")], true);
        let target = DatabaseTarget::resolve("postgres://me@h?passfile=/x", source(), &around);
        let target = target.unwrap();
        assert_eq!((target.hosts[0].password(), target.password_file()), (None, None));
        let own = DatabaseTarget::resolve("postgres://me:own@h", source(), &around).unwrap();
        assert_eq!(own.hosts[0].password(), Some("own"));
    }

    #[test]
    fn errors_name_the_word_and_its_source_and_no_secret() {
        for (text, word) in [
            ("postgres://me:canary@h?sslmode=maybe", "sslmode"),
            ("postgres://me:canary@h:x", "port"),
            ("postgres://me:canary@h?connect_timeout=x", "connect_timeout"),
            ("host=a,b,c port=1,2 password=canary", "port"),
            ("host=h hostaddr=name password=canary", "hostaddr"),
            ("host=h scram_client_key=canary", "scram_client_key"),
            ("host=h require_auth=md5,!password password=canary", "require_auth"),
            ("host=h sslmode=prefer sslnegotiation=direct password=canary", "sslmode"),
        ] {
            let error =
                DatabaseTarget::resolve(text, source(), &Surroundings::default()).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Usage);
            let said = format!("{error:?}");
            assert!(said.contains(&format!("`{word}`")) && !said.contains("canary"), "{said}");
            assert!(said.contains("`DATABASE_URL`"), "{said}");
        }
    }
}
