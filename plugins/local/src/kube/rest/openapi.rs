//! A description of what is served (OpenAPI 2.0), as JSON and as the protobuf that kubectl wants.
//!
//! It tells which kinds can be changed and with which parameters, and not what their fields are: a
//! kind that is not described is left to the server to check, which knows better. kubectl wants some
//! description before it applies anything, and an older one looks here whether dry runs are possible.

use crate::kube::resource::{ALL, Resource};
use crate::kube::seed::VERSION;
use serde_json::{Map, Value, json};

/// The parameters of a change that kubectl looks for.
const PARAMETERS: [&str; 3] = ["dryRun", "fieldManager", "fieldValidation"];

/// Tells to which kind a path belongs.
const KIND: &str = "x-kubernetes-group-version-kind";

/// The description as JSON.
pub(super) fn json() -> Value {
    let parameter = |name: &&str| json!({"name": name, "in": "query", "type": "string"});
    let parameters: Vec<_> = PARAMETERS.iter().map(parameter).collect();
    let path = |resource: &&Resource| {
        let Resource { group, version, kind, .. } = **resource;
        let patch = json!({
            "parameters": parameters,
            "responses": {"200": {"description": "OK"}},
            KIND: {"group": group, "version": version, "kind": kind},
        });
        (path_of(resource), json!({"patch": patch}))
    };
    let paths: Map<String, Value> = changeable().iter().map(path).collect();
    json!({
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": VERSION},
        "paths": paths,
        "definitions": {},
    })
}

/// The same as protobuf: a `Document` of gnostic's OpenAPI version 2.
pub(super) fn protobuf() -> Vec<u8> {
    let parameters: Vec<u8> = PARAMETERS.iter().flat_map(|name| parameter(name)).collect();
    let paths: Vec<u8> = changeable()
        .iter()
        .flat_map(|resource| {
            let operation = [parameters.clone(), extension(resource)].concat();
            let item = field(8, &operation);
            let named = [field(1, path_of(resource).as_bytes()), field(2, &item)].concat();
            field(2, &named)
        })
        .collect();
    let info = [field(1, b"Kubernetes"), field(2, VERSION.as_bytes())].concat();
    [field(1, b"2.0"), field(2, &info), field(8, &paths)].concat()
}

fn changeable() -> Vec<&'static Resource> {
    ALL.iter().filter(|resource| !resource.question).copied().collect()
}

fn path_of(resource: &Resource) -> String {
    let Resource { group, version, plural, .. } = *resource;
    let root = if group.is_empty() {
        format!("/api/{version}")
    } else {
        format!("/apis/{group}/{version}")
    };
    let space = if resource.namespaced { "/namespaces/{namespace}" } else { "" };
    format!("{root}{space}/{plural}/{{name}}")
}

/// A parameter in the query, as one entry of an operation's parameters.
fn parameter(name: &str) -> Vec<u8> {
    let query = [field(2, b"query"), field(4, name.as_bytes()), field(6, b"string")].concat();
    field(8, &field(1, &field(2, &field(3, &query))))
}

/// The kind of an operation, as its extension.
fn extension(resource: &Resource) -> Vec<u8> {
    let Resource { group, version, kind, .. } = *resource;
    let yaml = format!("group: \"{group}\"\nkind: {kind}\nversion: {version}\n");
    let value = field(2, yaml.as_bytes());
    field(13, &[field(1, KIND.as_bytes()), field(2, &value)].concat())
}

/// A field that holds bytes, a text or a message.
fn field(number: usize, bytes: &[u8]) -> Vec<u8> {
    let mut written = varint(number << 3 | 2);
    written.extend(varint(bytes.len()));
    written.extend(bytes);
    written
}

/// A number, seven bits a byte.
fn varint(mut number: usize) -> Vec<u8> {
    let mut written = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            written.push(low);
            return written;
        }
        written.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::{protobuf, varint};

    #[test]
    fn numbers_are_written_low_bits_first() {
        assert_eq!(varint(0), [0]);
        assert_eq!(varint(127), [127]);
        assert_eq!(varint(300), [0xac, 0x02]);
    }

    #[test]
    fn it_begins_with_its_version() {
        assert!(protobuf().starts_with(b"\x0a\x032.0"));
    }
}
