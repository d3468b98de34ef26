//! Which secret goes to which address: decided by where each of them comes from.
//!
//! A secret may only reach an address that somebody at least as trusted as the secret's own keeper
//! wrote down. The environment and the command line are the operator's own word. The home folder is
//! one source: what is in it belongs together, and a token of it is for the address that it names. A
//! `.env` file, and a home folder of another user that `--trust-home` let in, may name an address,
//! and no secret from elsewhere follows there.

use super::Settings;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toygres_connect::{DatabaseTarget, Surroundings, TextSource};
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

    /// The database, resolved as libpq would: nothing is connected.
    ///
    /// # Errors
    /// Where its connection string cannot be read; where `PGPASSWORD` is set, there is no other
    /// password, and that one must not go to its address; a broken configuration.
    pub(crate) fn database(&self) -> Result<Option<DatabaseTarget>> {
        let (url, source) = self.get("database.url")?;
        let Some(url) = url else { return Ok(None) };
        let address = Address {
            origin: self.address_origin("database.url", source),
            loopback: false,
            named_by_home: false,
            foreign_home: self.is_home_foreign(),
        };
        let confined = decide_sending(SecretOrigin::Environment, address) != Sending::Send;
        let around = self.surroundings(confined)?;
        let target = DatabaseTarget::resolve(&url, self.text_source(source), &around)?;
        let without_password = target.hosts.iter().all(|host| host.password().is_none());
        if confined && without_password && around.variables.contains_key("PGPASSWORD") {
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
        Ok(Some(target))
    }

    /// The database's URL with everything that was found for it, for whoever connects by itself.
    ///
    /// # Errors
    /// As for [`Self::database`].
    pub(crate) fn database_url(&self) -> Result<Option<String>> {
        Ok(self.database()?.map(|target| target.to_url()))
    }

    /// What fills the gaps of a database's connection string.
    fn surroundings(&self, confined: bool) -> Result<Surroundings> {
        let mut variables = BTreeMap::new();
        for name in toygres_connect::variables() {
            if let Some((value, _)) = self.environment_of().text(name)? {
                variables.insert(name.to_owned(), value.to_owned());
            }
        }
        let home = self.environment_of().path("HOME").map(|(home, _)| PathBuf::from(home));
        let home = home.or_else(toygres_connect::account_home);
        Ok(Surroundings { variables, home, confined, resolved: false })
    }

    /// The place of the database's connection string, as an operator would look for it.
    fn text_source(&self, source: Source) -> TextSource {
        match (source, &self.file) {
            (Source::Flag, _) => TextSource::Flag("--database-url".to_owned()),
            (Source::File, Ok(file)) => {
                TextSource::File { path: file.path.clone(), key: file.place_of("database.url") }
            }
            (Source::DotEnv, _) => {
                let path = self.environment_of().dotenv_path().map(Path::to_owned);
                let path = path.unwrap_or_else(|| PathBuf::from(".env"));
                TextSource::File { path, key: "DATABASE_URL".to_owned() }
            }
            _ => TextSource::Variable("DATABASE_URL".to_owned()),
        }
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

/// Whether the address is on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, AddressOrigin, SecretOrigin, Sending, decide_sending, is_loopback};
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
}
