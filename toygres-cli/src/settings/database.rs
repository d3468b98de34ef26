//! What `config` shows of the database beside its connection string: the parts that stand elsewhere,
//! in a service, the environment, a password file, or that the account says.

use super::Settings;
use serde_json::Value;
use toygres_connect::{DatabaseTarget, HostEntry, Origin};
use toygres_plugin_api::protocol::{Setting, Source};

impl Settings {
    /// The parts that the string does not say itself; none where there is no database or its string
    /// cannot be read.
    pub(super) fn database_parts(&self) -> Vec<Setting> {
        let Ok(Some(target)) = self.database() else { return Vec::new() };
        let has_password = target.hosts.iter().any(|host| host.password().is_some());
        let address = ["hostaddr", "host", "port"]
            .into_iter()
            .find(|word| *target.origin(word) != Origin::Default)
            .unwrap_or("host");
        let servers: Vec<String> = target.hosts.iter().map(HostEntry::place).collect();
        let parts = [
            ("server", "Server", address, Some(servers.join(", "))),
            ("name", "Name", "dbname", Some(target.database.clone())),
            ("user", "User", "user", Some(target.user.clone())),
            ("password", "Password", "password", has_password.then(|| "set".to_owned())),
            ("tls", "TLS", "sslmode", Some(target.tls.mode.as_str().to_owned())),
        ];
        let shown = parts.map(|(key, label, word, value)| part(&target, key, label, word, value));
        shown.into_iter().flatten().collect()
    }
}

fn part(
    target: &DatabaseTarget,
    key: &str,
    label: &str,
    word: &str,
    value: Option<String>,
) -> Option<Setting> {
    let (source, env, place) = match target.origin(word) {
        Origin::Text(_) | Origin::Default => return None,
        Origin::Variable(name) => (Source::Environment, Some((*name).to_owned()), None),
        origin @ (Origin::Service(..) | Origin::PasswordFile(_)) => {
            (Source::File, None, Some(origin.to_string()))
        }
        Origin::Account => (Source::Default, None, Some(Origin::Account.to_string())),
    };
    Some(Setting {
        key: format!("database.{key}"),
        label: label.to_owned(),
        place,
        value: value.map_or(Value::Null, Value::from),
        source,
        env,
        secret: false,
    })
}
