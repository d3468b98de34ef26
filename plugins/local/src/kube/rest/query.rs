//! Queries: `?labelSelector=app%3Dpostgres&limit=500`.

use crate::kube::resource::Resource;
use crate::kube::selectors::Selection;
use crate::kube::status::{ApiError, Result};
use crate::kube::verbs::ListOptions;

/// The parameters of a request, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Query {
    parameters: Vec<(String, String)>,
}

impl Query {
    /// Reads what stands behind the question mark.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let parameters = text
            .split('&')
            .filter(|part| !part.is_empty())
            .map(|part| {
                let (name, value) = part.split_once('=').unwrap_or((part, ""));
                Some((decode(name, true)?, decode(value, true)?))
            })
            .collect::<Option<_>>()
            .ok_or_else(|| ApiError::bad_request("the query is not encoded as it should be"))?;
        Ok(Self { parameters })
    }

    /// The first value of a parameter; empty where it is missing.
    pub(super) fn text(&self, name: &str) -> &str {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// All values of a parameter.
    pub(super) fn all(&self, name: &str) -> Vec<String> {
        let found = self.parameters.iter().filter(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).collect()
    }

    /// Whether a flag is set.
    pub(super) fn flag(&self, name: &str) -> Result<bool> {
        match self.text(name) {
            "" | "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
            other => Err(wrong(name, other)),
        }
    }

    /// A whole number that is not below zero.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>> {
        match self.text(name) {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| wrong(name, text)),
        }
    }

    /// Whether only the answer is wanted, not the change.
    pub(super) fn dry_run(&self) -> Result<bool> {
        let values = self.all("dryRun");
        match values.iter().find(|value| *value != "All") {
            Some(other) if !other.is_empty() => {
                let message =
                    format!("Invalid value: \"{other}\": supported values: \"All\" for dryRun");
                Err(ApiError::unprocessable(message))
            }
            _ => Ok(values.iter().any(|value| value == "All")),
        }
    }

    /// Which objects are meant.
    pub(super) fn selection(&self, resource: &Resource) -> Result<Selection> {
        Selection::parse(resource, self.text("labelSelector"), self.text("fieldSelector"))
    }

    /// What of a list is wanted.
    pub(super) fn list_options(&self, resource: &Resource) -> Result<ListOptions> {
        let version = self.number("resourceVersion")?;
        let proceed = Some(self.text("continue")).filter(|token| !token.is_empty());
        let limit = self.number("limit")?.unwrap_or_default();
        let exact = match (self.text("resourceVersionMatch"), version) {
            ("", Some(version)) => limit > 0 && version > 0,
            ("", None) => false,
            (_, None) => {
                let why = "resourceVersionMatch is forbidden unless resourceVersion is provided";
                return Err(forbidden("resourceVersionMatch", why));
            }
            ("Exact", Some(0)) => {
                let why = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
                return Err(forbidden("resourceVersionMatch", why));
            }
            ("Exact", Some(_)) => true,
            ("NotOlderThan", Some(_)) => false,
            (other, Some(_)) => {
                let message = format!("resourceVersionMatch: Unsupported value: \"{other}\"");
                return Err(ApiError::unprocessable(message));
            }
        };
        if proceed.is_some() && version.is_some_and(|version| version > 0) {
            let message = "specifying resource version is not allowed when using continue";
            return Err(ApiError::bad_request(message));
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let selection = self.selection(resource)?;
        Ok(ListOptions { selection, limit, proceed: proceed.map(str::to_owned), version, exact })
    }
}

fn wrong(name: &str, value: &str) -> ApiError {
    ApiError::bad_request(format!("invalid value \"{value}\" of {name}"))
}

fn forbidden(field: &str, why: &str) -> ApiError {
    let message = format!("ListOptions.meta.k8s.io \"\" is invalid: {field}: Forbidden: {why}");
    ApiError::unprocessable(message)
}

/// Decodes percent signs and, in a query, plus signs; none where the result is no text.
pub(super) fn decode(text: &str, plus: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => digit(rest.next()?)? * 16 + digit(rest.next()?)?,
            b'+' if plus => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn digit(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::resource::POD;
    use proptest::prelude::*;

    #[test]
    fn parameters_are_decoded() {
        let query =
            Query::parse("labelSelector=a%3Db%2Cc+in+(d)&watch&x=%C3%A4&dryRun=All").unwrap();
        assert_eq!(query.text("labelSelector"), "a=b,c in (d)");
        assert_eq!(query.text("x"), "ä");
        assert_eq!(query.text("watch"), "");
        assert!(query.dry_run().unwrap());
        assert!(Query::parse("a=%zz").is_err());
        assert!(Query::parse("a=%ff").is_err());
        assert!(Query::parse("a=%4").is_err());
    }

    #[test]
    fn values_that_make_no_sense_are_refused() {
        for text in [
            "limit=-1",
            "limit=x",
            "resourceVersion=x",
            "resourceVersionMatch=Exact",
            "resourceVersion=0&resourceVersionMatch=Exact",
            "resourceVersion=1&continue=x",
            "resourceVersion=1&resourceVersionMatch=Newest",
            "labelSelector=%3D",
            "fieldSelector=a%3Db",
        ] {
            let query = Query::parse(text).unwrap();
            assert!(query.list_options(&POD).is_err(), "{text}");
        }
        assert!(Query::parse("watch=maybe").unwrap().flag("watch").is_err());
        assert!(Query::parse("dryRun=Some").unwrap().dry_run().is_err());
    }

    proptest! {
        #[test]
        fn any_text_survives_the_way(value in ".*") {
            let encoded: String = value.bytes().map(|byte| format!("%{byte:02x}")).collect();
            let query = Query::parse(&format!("a={encoded}")).unwrap();
            prop_assert_eq!(query.text("a"), value);
        }
    }
}
