//! `fieldSelector`: `metadata.name=a,status.phase!=Running`.

use crate::kube::resource::{self, Resource};
use crate::kube::status::{ApiError, Result};
use serde_json::Value;

/// What fields have to be. All requirements have to hold; none means everything.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct FieldSelector {
    requirements: Vec<Requirement>,
}

#[derive(Debug, Clone, PartialEq)]
struct Requirement {
    /// Where the value is, as a JSON pointer.
    pointer: String,
    value: String,
    equal: bool,
}

impl FieldSelector {
    /// Reads a selector; a field that the resource cannot be selected by is refused.
    pub(crate) fn parse(resource: &Resource, text: &str) -> Result<Self> {
        let parts = split(text);
        let requirements = parts
            .iter()
            .filter(|part| !part.is_empty())
            .map(|part| Requirement::parse(resource, part))
            .collect::<Result<_>>()?;
        Ok(Self { requirements })
    }

    /// Whether the object's fields are as they have to be.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.requirements.iter().all(|requirement| {
            let value = shown(object.pointer(&requirement.pointer));
            (value == requirement.value) == requirement.equal
        })
    }
}

/// A field as selectors see it: a missing one is empty.
fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

impl Requirement {
    fn parse(resource: &Resource, part: &str) -> Result<Self> {
        let (field, value, equal) = take_apart(part).ok_or_else(|| {
            ApiError::bad_request(format!("invalid selector: '{part}'; can't understand '{part}'"))
        })?;
        let field = field.trim();
        if !known(resource).contains(&field) {
            let message = format!("field label not supported: {field}");
            return Err(ApiError::bad_request(message));
        }
        let pointer = format!("/{}", field.replace('.', "/"));
        let value = unescape(value)?;
        Ok(Self { pointer, value, equal })
    }
}

/// Field, value, and whether they have to be equal.
fn take_apart(part: &str) -> Option<(&str, &str, bool)> {
    let at = part.find(['=', '!'])?;
    let (field, rest) = part.split_at(at);
    if let Some(value) = rest.strip_prefix("!=") {
        return Some((field, value, false));
    }
    let value = rest.strip_prefix("==").or_else(|| rest.strip_prefix('='))?;
    Some((field, value, true))
}

/// Splits at commas that no backslash stands before.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut escaped = false;
    for letter in text.chars() {
        if letter == ',' && !escaped {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(letter);
        }
        escaped = letter == '\\' && !escaped;
    }
    parts
}

/// Takes the backslashes away that stand before `,`, `=` and backslashes.
fn unescape(value: &str) -> Result<String> {
    let mut text = String::new();
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some(next @ (',' | '=' | '\\')) => text.push(next),
                _ => return Err(invalid(value)),
            },
            '=' | ',' => return Err(invalid(value)),
            other => text.push(other),
        }
    }
    Ok(text)
}

fn invalid(value: &str) -> ApiError {
    ApiError::bad_request(format!("invalid field selector: value `{value}` is not escaped"))
}

/// The fields that a resource can be selected by.
fn known(resource: &Resource) -> &'static [&'static str] {
    if *resource == resource::POD {
        return &[
            "metadata.name",
            "metadata.namespace",
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ];
    }
    if *resource == resource::EVENT {
        return &[
            "metadata.name",
            "metadata.namespace",
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ];
    }
    if *resource == resource::SECRET {
        return &["metadata.name", "metadata.namespace", "type"];
    }
    if *resource == resource::NAMESPACE {
        return &["metadata.name", "status.phase"];
    }
    if *resource == resource::NODE {
        return &["metadata.name", "spec.unschedulable"];
    }
    if *resource == resource::SERVICE {
        return &["metadata.name", "metadata.namespace", "spec.clusterIP", "spec.type"];
    }
    if resource.namespaced { &["metadata.name", "metadata.namespace"] } else { &["metadata.name"] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn matches(selector: &str) -> bool {
        let pod = json!({
            "metadata": {"name": "db-0", "namespace": "toygres"},
            "spec": {"nodeName": "local"},
            "status": {"phase": "Running"},
        });
        FieldSelector::parse(&resource::POD, selector).unwrap().matches(&pod)
    }

    #[test]
    fn each_form_means_what_it_says() {
        for yes in [
            "",
            "metadata.name=db-0",
            "metadata.name==db-0",
            "metadata.namespace!=default",
            "status.phase=Running,spec.nodeName=local",
            "status.podIP=",
            "status.podIP!=1.2.3.4",
        ] {
            assert!(matches(yes), "{yes}");
        }
        for no in ["metadata.name=db", "status.phase!=Running", "spec.nodeName="] {
            assert!(!matches(no), "{no}");
        }
    }

    #[test]
    fn what_cannot_be_selected_by_is_refused() {
        for bad in ["spec.image=x", "metadata.name", "metadata.name=a=b", "metadata.name=a\\b", "!"]
        {
            let error = FieldSelector::parse(&resource::POD, bad).expect_err(bad);
            assert_eq!(error.code, 400, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_value_can_be_escaped(value in "[a-z,=\\\\ ]{0,12}") {
            let mut escaped = String::new();
            for letter in value.chars() {
                if ",=\\".contains(letter) {
                    escaped.push('\\');
                }
                escaped.push(letter);
            }
            let selector = format!("metadata.name={escaped},status.phase!=x");
            let selector = FieldSelector::parse(&resource::POD, &selector).unwrap();
            prop_assert_eq!(selector.requirements.len(), 2);
            prop_assert_eq!(&selector.requirements[0].value, &value);
        }

        #[test]
        fn no_text_breaks_the_parser(text in "[ -~]{0,40}") {
            let _ = FieldSelector::parse(&resource::POD, &text);
        }
    }
}
