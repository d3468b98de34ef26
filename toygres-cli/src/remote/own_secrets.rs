//! The server's own secrets: the database's password, the API's token and whatever else its settings
//! and environment hold. They stay masked in what it says to somebody else who asked for unmasked
//! data, since that question is about the data and not about the server.

use crate::redact::KnownValues;
use crate::settings::Settings;
use serde_json::Value;
use toygres_plugin_api::protocol::Line;
use toygres_plugin_api::{Error, Result};

/// Masks the server's own secrets, and nothing else.
#[derive(Debug, Clone)]
pub(crate) struct OwnSecrets(KnownValues);

impl OwnSecrets {
    /// The secrets of these settings.
    ///
    /// # Errors
    /// When the configuration file is broken.
    pub(crate) fn of(settings: &Settings) -> Result<Self> {
        let (mut secrets, foreign) = settings.secrets();
        secrets.extend(foreign);
        // A password may be too short to be told from an ordinary word; the URL around it is not.
        let (database, _) = settings.get("database.url")?;
        secrets.extend(database.filter(|url| {
            url::Url::parse(url).is_ok_and(|url| url.password().is_some_and(|it| !it.is_empty()))
        }));
        Ok(Self::new(&secrets))
    }

    fn new(secrets: &[String]) -> Self {
        Self(KnownValues::new(secrets))
    }

    /// The line without them.
    pub(crate) fn mask(&self, line: Line) -> Line {
        let masked = serde_json::to_value(&line).and_then(|mut value| {
            mask_texts(&self.0, &mut value);
            serde_json::from_value(value)
        });
        // What cannot be masked is not said.
        masked.unwrap_or_else(|error| {
            Line::Error(Error::plugin("a line cannot be masked").cause(error))
        })
    }
}

fn mask_texts(known: &KnownValues, value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(masked) = known.mask(text) {
                *text = masked;
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| mask_texts(known, value)),
        Value::Object(fields) => fields.values_mut().for_each(|value| mask_texts(known, value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::OwnSecrets;
    use serde_json::json;
    use toygres_plugin_api::Report;
    use toygres_plugin_api::protocol::Line;

    #[test]
    fn only_the_servers_own_secrets_are_masked() {
        let secrets = OwnSecrets::new(&["own-secret-17".to_owned(), "report".to_owned()]);
        let data = json!({"password": "theirs", "url": "postgres://u:own-secret-17@h/d", "n": 5});
        let Line::Report(report) = secrets.mask(Line::Report(Report::data(data).unwrap())) else {
            panic!("a report stays one");
        };
        let expected = json!({"password": "theirs", "url": "postgres://u:***@h/d", "n": 5});
        assert_eq!(report.data, expected);
        let rows = Line::Rows(vec![vec![Some("b3duLXNlY3JldC0xNw==".to_owned()), None]]);
        let masked = Line::Rows(vec![vec![Some("***".to_owned()), None]]);
        assert_eq!(secrets.mask(rows), masked);
    }
}
