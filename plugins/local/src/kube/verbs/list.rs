//! `list`: selected, in pages, as of a version.

use crate::kube::object;
use crate::kube::resource::Resource;
use crate::kube::selectors::Selection;
use crate::kube::status::{ApiError, Result};
use crate::kube::storage::{Expired, State};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// What of a list is wanted.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListOptions {
    /// Which objects.
    pub(crate) selection: Selection,
    /// How many at most; 0 for all.
    pub(crate) limit: usize,
    /// Where the last page ended.
    pub(crate) proceed: Option<String>,
    /// A version that the list must not be older than; 0 for any.
    pub(crate) version: Option<u64>,
    /// Whether the list has to be of just that version.
    pub(crate) exact: bool,
}

/// A part of a list.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    /// The objects, by namespace and name.
    pub(crate) items: Vec<Arc<Value>>,
    /// Version of the whole list.
    pub(crate) version: u64,
    /// Where the next page starts; none after the last one.
    pub(crate) proceed: Option<String>,
    /// How many follow, where that is known.
    pub(crate) remaining: Option<usize>,
}

/// Where a page starts. Clients do not look inside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Token {
    /// Version of the list; 0 for whatever is there now.
    version: u64,
    /// Namespace and name of the last object of the page before.
    after: (String, String),
}

impl Token {
    fn to_text(&self) -> Result<String> {
        let text = serde_json::to_vec(self).map_err(ApiError::internal)?;
        Ok(BASE64_URL_SAFE_NO_PAD.encode(text))
    }

    fn parse(text: &str) -> Result<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text.trim_end_matches('='));
        let token = bytes.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        token.ok_or_else(|| ApiError::bad_request("continue key is not valid"))
    }
}

/// One page of the objects of a resource.
pub(crate) fn page(
    state: &State,
    resource: &'static Resource,
    namespace: Option<&str>,
    options: &ListOptions,
) -> Result<Page> {
    let token = options.proceed.as_deref().map(Token::parse).transpose()?;
    let current = state.version();
    let version = match (&token, options.version) {
        (Some(token), _) if token.version > 0 => token.version,
        (None, Some(wanted)) if wanted > current => {
            return Err(ApiError::too_new(wanted, current));
        }
        (None, Some(wanted)) if options.exact && wanted > 0 => wanted,
        _ => current,
    };
    let then = then(state, resource, namespace, version)
        .map_err(|expired| too_old(expired, token.as_ref()))?;
    let after = token.map(|token| token.after);
    let rest = then
        .into_iter()
        .filter(|object| after.as_ref().is_none_or(|after| place(object) > (&after.0, &after.1)));
    let mut selected = rest.filter(|object| options.selection.matches(object));
    if options.limit == 0 {
        return Ok(Page { items: selected.collect(), version, proceed: None, remaining: None });
    }
    let items: Vec<_> = selected.by_ref().take(options.limit).collect();
    let remaining = selected.count();
    let last = items.last().filter(|_| remaining > 0);
    let proceed = last
        .map(|object| {
            let (namespace, name) = place(object);
            Token { version, after: (namespace.to_owned(), name.to_owned()) }.to_text()
        })
        .transpose()?;
    // With a selector, only counting tells how many follow, and nobody may rely on it.
    let remaining = Some(remaining).filter(|count| *count > 0 && options.selection.is_everything());
    Ok(Page { items, version, proceed, remaining })
}

fn then(
    state: &State,
    resource: &'static Resource,
    namespace: Option<&str>,
    version: u64,
) -> Result<Vec<Arc<Value>>, Expired> {
    let changed = state.changes_after(version)?.any(|change| change.resource == resource);
    if changed {
        return state.list_at(resource, namespace, version);
    }
    Ok(state.list(resource, namespace).cloned().collect())
}

fn place(object: &Value) -> (&str, &str) {
    (object::namespace(object), object::name(object))
}

/// The refusal of a list that lies too far back; with it, a list that was being paged can go on
/// among what is there now.
fn too_old(expired: Expired, token: Option<&Token>) -> ApiError {
    let Some(token) = token else {
        return ApiError::expired(format!(
            "The resourceVersion for the provided list is too old: {} ({})",
            expired.wanted, expired.oldest
        ));
    };
    let mut error = ApiError::expired(
        "The provided continue parameter is too old to display a consistent list result. You can \
         start a new list without the continue parameter, or use the continue token in this \
         response to retrieve the remainder of the results. Continuing with the provided token \
         results in an inconsistent list - objects that were created, modified, or deleted between \
         the time the first chunk was returned and now may show up in the list.",
    );
    error.proceed = Token { version: 0, after: token.after.clone() }.to_text().ok();
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_token_survives_the_way(version: u64, namespace in ".*", name in ".*") {
            let token = Token { version, after: (namespace, name) };
            let text = token.to_text().unwrap();
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
            prop_assert_eq!(Token::parse(&text).unwrap(), token);
        }

        #[test]
        fn no_text_breaks_the_parser(text in ".{0,60}") {
            if let Err(error) = Token::parse(&text) {
                prop_assert_eq!(error.code, 400);
            }
        }
    }
}
