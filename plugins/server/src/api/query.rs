//! What stands behind the `?`: known names, each once.

use super::fault::Fault;
use super::shown;
use std::collections::BTreeMap;
use std::str::FromStr;
use toygres_plugin_api::Error;

/// The parameters of a request.
#[derive(Debug)]
pub(super) struct Query(BTreeMap<String, String>);

impl Query {
    /// Reads them; only `known` ones may be there.
    pub(super) fn read(query: Option<&str>, known: &[&str]) -> Result<Self, Fault> {
        let mut parameters = BTreeMap::new();
        let hint = || match known {
            [] => "this path takes none".to_owned(),
            known => format!("known parameters: {}", known.join(", ")),
        };
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if !known.contains(&name.as_ref()) {
                let message = format!("unknown parameter `{}`", shown(&name));
                return Err(Fault::bad(Error::usage(message).hint(hint())));
            }
            if parameters.insert(name.to_string(), value.to_string()).is_some() {
                let message = format!("the parameter `{}` is given twice", shown(&name));
                return Err(Fault::bad(Error::usage(message).hint("give it once")));
            }
        }
        Ok(Self(parameters))
    }

    /// A parameter as it is.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A parameter that is one of some words.
    pub(super) fn word<T: FromStr<Err = String>>(&self, name: &str) -> Result<Option<T>, Fault> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        value.parse().map(Some).map_err(|error: String| {
            let message = format!("the parameter `{name}` cannot be taken");
            Fault::bad(Error::usage(message).cause(shown(&error)))
        })
    }

    /// A parameter that is `true` or `false`, which it is where it is left out.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Fault> {
        match self.0.get(name).map(String::as_str) {
            None | Some("false" | "0") => Ok(false),
            Some("" | "true" | "1") => Ok(true),
            Some(other) => Err(Fault::bad(
                Error::usage(format!("the parameter `{name}` cannot be `{}`", shown(other)))
                    .hint("give `true` or `false`"),
            )),
        }
    }
}
