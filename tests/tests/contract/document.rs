//! The document itself.

use crate::check::Schemas;
use crate::plane::document;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// What a path may be asked to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation<'a> {
    /// In lower case, as the document has it.
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) spec: &'a Value,
}

impl<'a> Operation<'a> {
    /// All of them.
    pub(crate) fn all(document: &'a Value) -> Vec<Self> {
        let paths = document["paths"].as_object().unwrap();
        let operations = paths.iter().flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().iter();
            methods.map(move |(method, spec)| Self { method, path, spec })
        });
        operations.collect()
    }

    /// Its parameters in the path or in the query.
    pub(crate) fn parameters(&self, place: &str) -> Vec<&'a Value> {
        let all = self.spec["parameters"].as_array().into_iter().flatten();
        all.filter(|parameter| parameter["in"] == place).collect()
    }

    /// The schema of its body.
    pub(crate) fn body(&self) -> Option<&'a Value> {
        self.spec.pointer("/requestBody/content/application~1json/schema")
    }

    /// The properties of its body.
    pub(crate) fn properties(&self) -> Option<&'a Map<String, Value>> {
        self.body()?["properties"].as_object()
    }

    /// Whether it asks for the token.
    pub(crate) fn is_secured(&self) -> bool {
        self.spec["security"].as_array().is_none_or(|security| !security.is_empty())
    }
}

#[test]
fn it_is_openapi() {
    let text = document().to_string();
    let read = oas3::from_json(&text).unwrap();
    let version = read.validate_version().unwrap();
    assert_eq!((version.major, version.minor), (3, 1));
    let operations = read.operations().count();
    assert_eq!(operations, Operation::all(document()).len(), "one was read as something else");
    assert!(operations > 30, "{operations}");
}

#[test]
fn every_schema_is_one() {
    let mut schemas = Schemas::new(document());
    let mut places = Vec::new();
    find_schemas(document(), &mut String::new(), &mut places);
    assert!(places.len() > 500, "{}", places.len());
    for place in &places {
        schemas.compiled(place);
    }
}

/// Where schemas stand, as JSON pointers.
fn find_schemas(value: &Value, place: &mut String, found: &mut Vec<String>) {
    let entries: Vec<(String, &Value)> = match value {
        Value::Object(object) => object
            .iter()
            .map(|(key, value)| (key.replace('~', "~0").replace('/', "~1"), value))
            .collect(),
        Value::Array(values) => {
            values.iter().enumerate().map(|(n, value)| (n.to_string(), value)).collect()
        }
        _ => return,
    };
    let end = place.len();
    for (key, value) in entries {
        place.push('/');
        place.push_str(&key);
        // What is within a schema belongs to it.
        if key == "schema" || place.starts_with("/components/schemas/") {
            found.push(place.clone());
        } else {
            find_schemas(value, place, found);
        }
        place.truncate(end);
    }
}

#[test]
fn paths_and_names_agree() {
    let mut names = BTreeSet::new();
    for operation in Operation::all(document()) {
        let Operation { method, path, spec } = operation;
        let declared: BTreeSet<&str> =
            operation.parameters("path").iter().map(|it| it["name"].as_str().unwrap()).collect();
        let written: BTreeSet<&str> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        assert_eq!(declared, written, "{method} {path}");
        for parameter in operation.parameters("path") {
            assert_eq!(parameter["required"], true, "{method} {path}");
        }
        let responses = spec["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path}");
        for (status, response) in responses {
            assert!(response["description"].is_string(), "{method} {path} {status}");
            assert!(response["content"].is_object(), "{method} {path} {status}");
        }
        if let Some(name) = spec["operationId"].as_str() {
            assert!(names.insert(name), "`{name}` is there twice");
        }
    }
}
