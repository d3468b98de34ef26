//! Which secret goes to which address: decided by where each of them comes from.
//!
//! A secret may only reach an address that somebody at least as trusted as the secret's own keeper
//! wrote down. The environment and the command line are the operator's own word. The home folder is
//! one source: what is in it belongs together, and a token of it is for the address that it names. A
//! `.env` file, and a home folder of another user that `--trust-home` let in, may name an address,
//! and no secret from elsewhere follows there.

use super::Settings;
use toygres_plugin_api::protocol::Source;
use toygres_plugin_api::{Error, Result};
use url::{Host, Url};

/// Where an address comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddressOrigin {
    /// An option, or a variable of the process.
    Operator,
    /// The `.env` file of the current folder.
    DotEnv,
    /// The configuration file of the home folder.
    ConfigFile,
    /// What a server of this machine left in the home folder.
    ServerFile,
    /// Nothing named it: the loopback of this machine.
    Default,
}

/// Where a secret comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecretOrigin {
    /// A variable of the process.
    Environment,
    /// The configuration file of the home folder.
    ConfigFile,
    /// What a server of this machine made for itself and left in the home folder.
    ServerFile,
}

/// What is known of an address besides its origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) origin: AddressOrigin,
    /// It is on this machine.
    pub(crate) loopback: bool,
    /// The home folder names the same address.
    pub(crate) named_by_home: bool,
    /// The home folder belongs to another user.
    pub(crate) foreign_home: bool,
}

/// Whether a secret goes to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sending {
    /// It goes there.
    Send,
    /// It is for another server: the request goes without it, and where the address asks for one,
    /// the operator is told why it got none.
    Withhold,
    /// Nothing goes there.
    Refuse,
}

/// Whether a secret of this origin goes to this address.
pub(crate) fn decide_sending(secret: SecretOrigin, address: Address) -> Sending {
    use AddressOrigin::{ConfigFile, Default, DotEnv, Operator, ServerFile};
    match (secret, address.origin) {
        (_, DotEnv) => Sending::Refuse,
        (SecretOrigin::Environment, ConfigFile | ServerFile) if address.foreign_home => {
            Sending::Refuse
        }
        (SecretOrigin::Environment, _) => Sending::Send,
        (SecretOrigin::ConfigFile, ConfigFile | ServerFile) => Sending::Send,
        (SecretOrigin::ConfigFile, Operator | Default) => {
            match address.loopback || address.named_by_home {
                true => Sending::Send,
                false => Sending::Refuse,
            }
        }
        (SecretOrigin::ServerFile, ServerFile) => Sending::Send,
        (SecretOrigin::ServerFile, Operator | Default | ConfigFile) => match address.loopback {
            true => Sending::Send,
            false => Sending::Withhold,
        },
    }
}

/// The API's token, and whether it goes where the API is.
#[derive(Debug, Clone)]
pub(crate) struct ApiToken {
    /// What is sent, if anything is.
    pub(crate) sent: Option<String>,
    /// Why one that there is is not sent.
    pub(crate) withheld: Option<Error>,
}

impl Settings {
    /// The token for the API at `base`, the address of the setting `api.url`.
    ///
    /// # Errors
    /// Where a token there is and must not go to that address; a broken configuration.
    pub(crate) fn api_token(&self, base: &Url) -> Result<ApiToken> {
        let (token, token_source) = self.get("api.token")?;
        let Some(token) = token else { return Ok(ApiToken { sent: None, withheld: None }) };
        let (_, url_source) = self.get("api.url")?;
        let secret = match token_source {
            Source::File => SecretOrigin::ConfigFile,
            Source::Default => SecretOrigin::ServerFile,
            _ => SecretOrigin::Environment,
        };
        let address = Address {
            origin: self.address_origin("api.url", url_source),
            loopback: is_loopback(base),
            named_by_home: self.home_names(base),
            foreign_home: self.is_home_foreign(),
        };
        let why = || {
            let token_place = self.describe_source("api.token", token_source);
            let url_place = self.describe_source("api.url", url_source);
            Error::usage(format!(
                "refused to send the token of {token_place} to the API that {url_place} names"
            ))
            .cause("a token goes only to an address that is trusted as much as its own source")
            .hint(match secret {
                SecretOrigin::Environment => {
                    "set `TOYGRES_API_URL` in the environment as well, if that address is right"
                }
                SecretOrigin::ConfigFile | SecretOrigin::ServerFile => {
                    "set `TOYGRES_API_TOKEN` to the token of that API"
                }
            })
        };
        match decide_sending(secret, address) {
            Sending::Send => Ok(ApiToken { sent: Some(token), withheld: None }),
            Sending::Withhold => Ok(ApiToken { sent: None, withheld: Some(why()) }),
            Sending::Refuse => Err(why()),
        }
    }

    /// The database's URL, and the password of the environment where it may go there.
    ///
    /// # Errors
    /// Where `PGPASSWORD` is set, the URL has no password of its own, and that one must not go to
    /// its address; a broken configuration.
    pub(crate) fn database(&self) -> Result<Option<DatabaseAccess>> {
        let (url, source) = self.get("database.url")?;
        let Some(url) = url else { return Ok(None) };
        let address = Address {
            origin: self.address_origin("database.url", source),
            loopback: false,
            named_by_home: false,
            foreign_home: self.is_home_foreign(),
        };
        let sending = decide_sending(SecretOrigin::Environment, address);
        let named = self.environment_of().text("PGPASSWORD")?.map(|(value, _)| value.to_owned());
        if sending == Sending::Send {
            return Ok(Some(DatabaseAccess { url, password: named, alone: false }));
        }
        if has_password(&url) {
            return Ok(Some(DatabaseAccess { url, password: None, alone: false }));
        }
        if named.is_some() {
            let place = self.describe_source("database.url", source);
            return Err(Error::usage(format!(
                "refused to send the password of `PGPASSWORD` to the database that {place} names"
            ))
            .cause("a password goes only to an address that is trusted as much as its own source")
            .hint(
                "put the password into that URL, set `DATABASE_URL` in the environment as well, or \
                 unset `PGPASSWORD`",
            ));
        }
        Ok(Some(DatabaseAccess { url, password: None, alone: true }))
    }

    /// The database's URL for whoever reads `PGPASSWORD` and `~/.pgpass` by itself: one that no
    /// password may follow says that it has none.
    ///
    /// # Errors
    /// As for [`Self::database`].
    pub(crate) fn database_url(&self) -> Result<Option<String>> {
        Ok(self.database()?.map(|database| match database.alone {
            true => without_password(&database.url),
            false => database.url,
        }))
    }

    fn address_origin(&self, key: &str, source: Source) -> AddressOrigin {
        match source {
            Source::Flag | Source::Environment => AddressOrigin::Operator,
            Source::DotEnv => AddressOrigin::DotEnv,
            Source::File => AddressOrigin::ConfigFile,
            Source::Default if self.is_default_of_server(key) => AddressOrigin::ServerFile,
            Source::Default => AddressOrigin::Default,
        }
    }

    /// Whether configuration file or server of the home folder name this address.
    fn home_names(&self, base: &Url) -> bool {
        let named = [self.file_value("api.url"), self.server_value("api.url")];
        let mut named = named.iter().flatten().filter_map(|url| Url::parse(url).ok());
        named.any(|url| url.origin() == base.origin())
    }
}

/// How the database is reached.
#[derive(Debug, Clone)]
pub(crate) struct DatabaseAccess {
    pub(crate) url: String,
    /// The password of the environment, for a URL without one.
    pub(crate) password: Option<String>,
    /// No password may be taken from anywhere else.
    alone: bool,
}

/// Whether the address is on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether a database's URL, or libpq's `key=value` form, has a password.
fn has_password(text: &str) -> bool {
    match Url::parse(text) {
        Ok(url) => {
            url.password().is_some_and(|password| !password.is_empty())
                || url.query_pairs().any(|(key, value)| key == "password" && !value.is_empty())
        }
        Err(_) => text
            .parse::<tokio_postgres::Config>()
            .is_ok_and(|config| config.get_password().is_some_and(|password| !password.is_empty())),
    }
}

/// The URL with an empty password, in whose place none is looked for.
fn without_password(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return text.to_owned() };
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(key, _)| key != "password")
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect();
    url.query_pairs_mut().clear().extend_pairs(kept).append_pair("password", "");
    url.into()
}

#[cfg(test)]
mod tests {
    use super::{
        Address, AddressOrigin, SecretOrigin, Sending, decide_sending, has_password, is_loopback,
        without_password,
    };
    use AddressOrigin::{ConfigFile, Default, DotEnv, Operator, ServerFile};
    use Sending::{Refuse, Send, Withhold};
    use url::Url;

    const ORIGINS: [AddressOrigin; 5] = [Operator, DotEnv, ConfigFile, ServerFile, Default];

    /// Columns: the address is typed or in the environment, in `.env`, in `config.toml`, in
    /// `api-url`, or the default.
    #[test]
    fn a_secret_goes_only_where_its_own_source_is_trusted() {
        let far = (false, false, false);
        let near = (true, false, false);
        let named = (false, true, false);
        let foreign = (false, false, true);
        for (secret, (loopback, named_by_home, foreign_home), expected) in [
            (SecretOrigin::Environment, far, [Send, Refuse, Send, Send, Send]),
            (SecretOrigin::Environment, near, [Send, Refuse, Send, Send, Send]),
            (SecretOrigin::Environment, named, [Send, Refuse, Send, Send, Send]),
            (SecretOrigin::Environment, foreign, [Send, Refuse, Refuse, Refuse, Send]),
            (SecretOrigin::ConfigFile, far, [Refuse, Refuse, Send, Send, Refuse]),
            (SecretOrigin::ConfigFile, near, [Send, Refuse, Send, Send, Send]),
            (SecretOrigin::ConfigFile, named, [Send, Refuse, Send, Send, Send]),
            (SecretOrigin::ConfigFile, foreign, [Refuse, Refuse, Send, Send, Refuse]),
            (SecretOrigin::ServerFile, far, [Withhold, Refuse, Withhold, Send, Withhold]),
            (SecretOrigin::ServerFile, near, [Send, Refuse, Send, Send, Send]),
            (SecretOrigin::ServerFile, named, [Withhold, Refuse, Withhold, Send, Withhold]),
            (SecretOrigin::ServerFile, foreign, [Withhold, Refuse, Withhold, Send, Withhold]),
        ] {
            let found = ORIGINS.map(|origin| {
                let address = Address { origin, loopback, named_by_home, foreign_home };
                decide_sending(secret, address)
            });
            assert_eq!(found, expected, "{secret:?} {loopback} {named_by_home} {foreign_home}");
        }
    }

    #[test]
    fn only_this_machine_is_this_machine() {
        for (url, local) in [
            ("http://localhost:8080", true),
            ("http://127.0.0.1:1", true),
            ("http://127.9.9.9", true),
            ("https://[::1]:2", true),
            ("http://localhost.evil.example", false),
            ("http://10.0.0.1", false),
            ("https://api.example.com", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), local, "{url}");
        }
    }

    #[test]
    fn a_password_of_the_url_itself_is_found_in_every_form() {
        for (url, has) in [
            ("postgres://u:p@h/d", true),
            ("postgres://u@h/d?password=p", true),
            ("host=h user=u password=p", true),
            ("postgres://u@h/d", false),
            ("postgres://u:@h/d", false),
            ("postgres://u@h/d?password=", false),
            ("host=h user=u", false),
            ("nonsense", false),
        ] {
            assert_eq!(has_password(url), has, "{url}");
        }
        assert_eq!(
            without_password("postgres://u@h/d?sslmode=require"),
            "postgres://u@h/d?sslmode=require&password="
        );
    }
}
