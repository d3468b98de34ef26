//! A container's environment variables, out of its own fields, Secrets and ConfigMaps.

use crate::kube::object::{items, name, namespace, text};
use crate::kube::resource::{CONFIG_MAP, Resource, SECRET};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Variables by name.
pub(super) type Variables = BTreeMap<String, String>;

/// Looks an object up in the pod's namespace.
pub(super) type Look<'a> = &'a dyn Fn(&'static Resource, &str) -> Option<Arc<Value>>;

/// The variables of one container; an error says what is missing, in the words of `kubectl`'s
/// readers.
pub(super) fn read(pod: &Value, container: &Value, look: Look<'_>) -> Result<Variables, String> {
    let mut variables = Variables::new();
    for source in items(container, "/envFrom") {
        let prefix = text(source, "/prefix");
        for (field, resource) in [("secretRef", &SECRET), ("configMapRef", &CONFIG_MAP)] {
            let Some(reference) = source.get(field) else { continue };
            let Some(object) = find(reference, resource, look)? else { continue };
            for key in object.get("data").and_then(Value::as_object).into_iter().flatten() {
                if let Some(value) = value_of(&object, resource, key.0) {
                    variables.insert(format!("{prefix}{}", key.0), value);
                }
            }
        }
    }
    for variable in items(container, "/env") {
        let value = match variable.get("valueFrom") {
            None => Some(text(variable, "/value").to_owned()),
            Some(from) => referred(pod, from, look)?,
        };
        if let Some(value) = value {
            variables.insert(text(variable, "/name").to_owned(), value);
        }
    }
    Ok(variables)
}

fn referred(pod: &Value, from: &Value, look: Look<'_>) -> Result<Option<String>, String> {
    for (field, resource) in [("secretKeyRef", &SECRET), ("configMapKeyRef", &CONFIG_MAP)] {
        let Some(reference) = from.get(field) else { continue };
        let Some(object) = find(reference, resource, look)? else { return Ok(None) };
        let key = text(reference, "/key");
        return match value_of(&object, resource, key) {
            None if !is_optional(reference) => Err(format!(
                "couldn't find key {key} in {} {}/{}",
                resource.kind,
                namespace(&object),
                name(&object)
            )),
            found => Ok(found),
        };
    }
    let field = text(from, "/fieldRef/fieldPath");
    if !field.is_empty() {
        return Ok(Some(text(pod, &format!("/{}", field.replace('.', "/"))).to_owned()));
    }
    Err("only values, keys of Secrets and ConfigMaps, and fields can be read here".to_owned())
}

/// The object of a reference; none where it is missing and may be.
fn find(
    reference: &Value,
    resource: &'static Resource,
    look: Look<'_>,
) -> Result<Option<Arc<Value>>, String> {
    let wanted = text(reference, "/name");
    match look(resource, wanted) {
        None if !is_optional(reference) => {
            Err(format!("{} \"{wanted}\" not found", resource.singular))
        }
        found => Ok(found),
    }
}

fn is_optional(reference: &Value) -> bool {
    reference.get("optional").and_then(Value::as_bool).unwrap_or(false)
}

fn value_of(object: &Value, resource: &'static Resource, key: &str) -> Option<String> {
    let stored = object.get("data")?.get(key)?.as_str()?;
    if *resource == CONFIG_MAP {
        return Some(stored.to_owned());
    }
    // What is no text cannot be a variable.
    String::from_utf8(STANDARD.decode(stored).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::kube::resource::{Resource, SECRET};
    use serde_json::{Value, json};
    use std::sync::Arc;

    fn look(resource: &'static Resource, name: &str) -> Option<Arc<Value>> {
        let secret = json!({
            "metadata": { "name": "mydb", "namespace": "toygres" },
            "data": { "password": "czNjcmV0" },
        });
        (*resource == SECRET && name == "mydb").then(|| Arc::new(secret))
    }

    fn password(reference: Value) -> Result<Option<String>, String> {
        let container =
            json!({ "env": [{ "name": "P", "valueFrom": { "secretKeyRef": reference } }] });
        read(&json!({}), &container, &look).map(|mut variables| variables.remove("P"))
    }

    #[test]
    fn a_password_comes_out_of_its_secret() {
        let found = password(json!({ "name": "mydb", "key": "password" }));
        assert_eq!(found.unwrap().as_deref(), Some("s3cret"));
    }

    #[test]
    fn what_is_missing_is_named_unless_it_may_be() {
        let error = password(json!({ "name": "other", "key": "password" })).unwrap_err();
        assert_eq!(error, "secret \"other\" not found");
        let error = password(json!({ "name": "mydb", "key": "x" })).unwrap_err();
        assert_eq!(error, "couldn't find key x in Secret toygres/mydb");
        let optional = json!({ "name": "mydb", "key": "x", "optional": true });
        assert_eq!(password(optional).unwrap(), None);
    }

    #[test]
    fn all_of_a_secret_and_fields_of_the_pod_are_read() {
        let pod = json!({ "metadata": { "name": "mydb-0" } });
        let container = json!({
            "envFrom": [{ "prefix": "X_", "secretRef": { "name": "mydb" } }],
            "env": [
                { "name": "NAME", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } },
                { "name": "PLAIN", "value": "1" },
            ],
        });
        let variables = read(&pod, &container, &look).unwrap();
        let expected = [("NAME", "mydb-0"), ("PLAIN", "1"), ("X_password", "s3cret")];
        let found: Vec<_> = variables.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(found, expected);
    }
}
