//! Requests made from the document: what it allows, and what it does not.

use crate::check::{Schemas, header};
use crate::document::Operation;
use crate::plane::{document, request, sensible};
use crate::values::{as_text, bad, encoded, good};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use toygres_tests::server::http::{Answer, Request};

/// Requests at a time: as many as a busy machine can bear.
const AT_ONCE: usize = 4;

/// Mixed requests to each operation.
const MIXED: usize = 6;

/// What a request carries, before it is written.
#[derive(Debug, Clone, Default)]
struct Sent {
    path: BTreeMap<String, Value>,
    query: BTreeMap<String, Value>,
    body: Option<Map<String, Value>>,
}

impl Sent {
    /// As little as the operation asks for, with values that make sense.
    fn least(operation: &Operation<'_>) -> Self {
        let value = |name: &str, schema: &Value| {
            sensible(operation, name).unwrap_or_else(|| good(schema).remove(0))
        };
        let named = |place: &str| -> BTreeMap<String, Value> {
            let needed = operation.parameters(place).into_iter();
            let needed = needed.filter(|parameter| parameter["required"] == true);
            let pair = |parameter: &Value| {
                let name = parameter["name"].as_str().unwrap();
                (name.to_owned(), value(name, &parameter["schema"]))
            };
            needed.map(pair).collect()
        };
        let body = operation.body().map(|schema| {
            let needed = schema["required"].as_array().into_iter().flatten();
            let pair = |name: &Value| {
                let name = name.as_str().unwrap();
                (name.to_owned(), value(name, &schema["properties"][name]))
            };
            let needed = needed.map(pair);
            // What a command asks for may be given by position, which the document calls optional.
            let sensible = schema["properties"].as_object().into_iter().flatten();
            let sensible = sensible
                .filter_map(|(name, _)| Some((name.clone(), sensible_body(operation, name)?)));
            needed.chain(sensible).collect()
        });
        let mut sent = Self { path: named("path"), query: named("query"), body };
        for parameter in operation.parameters("query") {
            let name = parameter["name"].as_str().unwrap();
            if let Some(value) = sensible_body(operation, name) {
                sent.query.insert(name.to_owned(), value);
            }
        }
        sent
    }

    /// With a value in its place.
    fn with(&self, place: &Place<'_>, value: Value) -> Self {
        let mut sent = self.clone();
        let name = place.name.to_owned();
        match place.at {
            "path" => drop(sent.path.insert(name, value)),
            "query" => drop(sent.query.insert(name, value)),
            _ => drop(sent.body.get_or_insert_default().insert(name, value)),
        }
        sent
    }

    /// As a request, where that can be written.
    fn request(&self, operation: &Operation<'_>) -> Option<Request> {
        let mut target = operation.path.to_owned();
        for (name, value) in &self.path {
            let text = as_text(value)?.pop()?;
            // A path without its segment is another path.
            if text.is_empty() {
                return None;
            }
            target = target.replace(&format!("{{{name}}}"), &encoded(&text));
        }
        let mut sign = '?';
        for (name, value) in &self.query {
            for text in as_text(value)? {
                target.push_str(&format!("{sign}{}={}", encoded(name), encoded(&text)));
                sign = '&';
            }
        }
        let request = request(operation.method, &target);
        Some(match &self.body {
            Some(body) => request.json(Value::from(body.clone()).to_string()),
            None => request,
        })
    }

    /// What is waited for would never come: it is not waited for long.
    fn without_patience(mut self, operation: &Operation<'_>) -> Self {
        let places = places(operation);
        let Some(timeout) = places.iter().find(|place| place.name == "timeout") else {
            return self;
        };
        if self.waits() {
            self = self.with(timeout, json!("1s"));
        }
        self
    }

    fn waits(&self) -> bool {
        let yes = |value: Option<&Value>| value.is_some_and(|value| *value == json!(true));
        yes(self.query.get("wait")) || yes(self.body.as_ref().and_then(|body| body.get("wait")))
    }
}

/// A statement has to be given by one of two arguments, so that the document requires neither.
fn sensible_body(operation: &Operation<'_>, name: &str) -> Option<Value> {
    (name == "sql").then(|| sensible(operation, name)).flatten()
}

/// Somewhere a value may stand.
struct Place<'a> {
    at: &'static str,
    name: &'a str,
    schema: &'a Value,
}

fn places<'a>(operation: &Operation<'a>) -> Vec<Place<'a>> {
    let mut places = Vec::new();
    for at in ["path", "query"] {
        for parameter in operation.parameters(at) {
            let name = parameter["name"].as_str().unwrap();
            places.push(Place { at, name, schema: &parameter["schema"] });
        }
    }
    for (name, schema) in operation.properties().into_iter().flatten() {
        places.push(Place { at: "body", name, schema });
    }
    places
}

/// What an answer has to be besides documented.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Expected {
    /// Anything that is documented, and nothing that says that the server broke.
    Documented,
    /// It is not taken.
    Refused,
    /// This status.
    Status(u16),
}

/// Sends requests, several at a time, and says of each what is wrong with its answer.
fn ask(all: Vec<(Operation<'_>, Request, Expected, bool)>) {
    let sent = all.len();
    let queue = Mutex::new(all);
    let faults = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let mut schemas = Schemas::new(document());
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
                    let Some((operation, request, expected, waits)) = next else { return };
                    let answer = request.send();
                    let wrong = schemas.wrong(&operation, &answer);
                    if let Some(wrong) = wrong.or_else(|| unexpected(&answer, expected, waits)) {
                        let Operation { method, path, .. } = operation;
                        let fault = format!("{method} {path}: {wrong}\n{request:?}\n{answer:?}");
                        faults.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(faults.is_empty(), "{} of {sent}:\n{}", faults.len(), faults.join("\n\n"));
}

fn unexpected(answer: &Answer, expected: Expected, waits: bool) -> Option<String> {
    let status = answer.status;
    // Whoever asks to wait is told where that was not long enough.
    if status >= 500 && !(waits && status == 504) {
        return Some(format!("the server broke: {status}"));
    }
    match expected {
        Expected::Refused if status < 400 => Some(format!("it was taken: {status}")),
        Expected::Status(wanted) if status != wanted => {
            Some(format!("expected {wanted}, got {status}"))
        }
        _ => None,
    }
}

type Case<'a> = (Operation<'a>, Request, Expected, bool);

fn case<'a>(operation: Operation<'a>, sent: &Sent, expected: Expected) -> Option<Case<'a>> {
    Some((operation, sent.request(&operation)?, expected, sent.waits()))
}

#[test]
fn what_the_document_allows_is_answered_as_documented() {
    let mut cases = Vec::new();
    for operation in Operation::all(document()) {
        let least = Sent::least(&operation);
        cases.extend(case(operation, &least, Expected::Documented));
        for place in places(&operation) {
            for value in good(place.schema) {
                let sent = least.with(&place, value).without_patience(&operation);
                cases.extend(case(operation, &sent, Expected::Documented));
            }
        }
    }
    assert!(cases.len() > 300, "{}", cases.len());
    ask(cases);
}

#[test]
fn the_least_that_is_asked_for_does() {
    let mut cases = Vec::new();
    for operation in Operation::all(document()) {
        let wanted = match (operation.method, operation.path) {
            ("delete", "/api/instances/{name}") => 404,
            // The instance is there already.
            ("post", "/api/instances") => 409,
            ("post", "/api/instances/{name}/monitor") => 202,
            _ => 200,
        };
        cases.extend(case(operation, &Sent::least(&operation), Expected::Status(wanted)));
    }
    ask(cases);
}

#[test]
fn what_it_does_not_allow_is_refused() {
    let mut cases = Vec::new();
    for operation in Operation::all(document()) {
        let least = Sent::least(&operation);
        for place in places(&operation) {
            // A number in a query is a text too.
            let bad = bad(place.schema).into_iter();
            let plain = |value: &Value| place.at == "body" || is_bad_as_text(place.schema, value);
            for value in bad.filter(plain) {
                cases.extend(case(operation, &least.with(&place, value), Expected::Refused));
            }
        }
        let unknown = |at| Place { at, name: "nosuch", schema: &Value::Null };
        if !operation.parameters("query").is_empty() {
            let sent = least.with(&unknown("query"), json!("1"));
            cases.extend(case(operation, &sent, Expected::Status(400)));
        }
        if operation.properties().is_some() {
            let sent = least.with(&unknown("body"), json!(1));
            cases.extend(case(operation, &sent, Expected::Status(400)));
        }
        let needed = operation.body().and_then(|body| body["required"].as_array());
        for name in needed.into_iter().flatten() {
            let mut sent = least.clone();
            sent.body.get_or_insert_default().remove(name.as_str().unwrap());
            cases.extend(case(operation, &sent, Expected::Status(400)));
        }
        for parameter in operation.parameters("query") {
            if parameter["required"] == true {
                let mut sent = least.clone();
                sent.query.remove(parameter["name"].as_str().unwrap());
                cases.extend(case(operation, &sent, Expected::Status(400)));
            }
        }
    }
    assert!(cases.len() > 200, "{}", cases.len());
    ask(cases);
}

fn is_bad_as_text(schema: &Value, value: &Value) -> bool {
    let schema = if schema["type"] == "array" { &schema["items"] } else { schema };
    let free = schema["type"] == "string" && schema["enum"].is_null();
    let value = value.get(0).unwrap_or(value);
    // `?flag=` means that it is set.
    let set = schema["type"] == "boolean" && *value == json!("");
    !set && (!free || value.is_string())
}

/// Any of it together, from a fixed seed.
#[test]
fn mixtures_are_answered_as_documented() {
    let mut runner = TestRunner::deterministic();
    let mut draw = |most: usize| {
        let drawn = (0..most.max(1)).new_tree(&mut runner).unwrap();
        drawn.current()
    };
    let mut texts = TestRunner::deterministic();
    let mut odd = || {
        let drawn = any::<String>().new_tree(&mut texts).unwrap();
        drawn.current()
    };
    let mut cases = Vec::new();
    for operation in Operation::all(document()) {
        let least = Sent::least(&operation);
        let places = places(&operation);
        for _ in 0..if places.is_empty() { 0 } else { MIXED } {
            let mut sent = least.clone();
            for place in &places {
                let values = match draw(8) {
                    0..4 => continue,
                    4..7 => good(place.schema),
                    7 if place.schema["type"] == "string" => vec![json!(odd())],
                    _ => bad(place.schema),
                };
                if let Some(value) = values.get(draw(values.len())) {
                    // An instance that is made costs seconds.
                    if (operation.path, place.name) != ("/api/instances", "name") {
                        sent = sent.with(place, value.clone());
                    }
                }
            }
            let sent = sent.without_patience(&operation);
            cases.extend(case(operation, &sent, Expected::Documented));
        }
    }
    assert!(cases.len() > 200, "{}", cases.len());
    ask(cases);
}

#[test]
fn a_body_that_is_none_is_refused() {
    let mut cases = Vec::new();
    for operation in Operation::all(document()) {
        if operation.body().is_none() {
            continue;
        }
        let mut sent = Sent::least(&operation);
        sent.body = None;
        let plain = sent.request(&operation).unwrap();
        for body in ["{", "[]", "null", "7", "\"a\"", "\u{feff}{}", "{} {}", "\0", "{\"a\": 01}"] {
            cases.push((operation, plain.clone().json(body), Expected::Status(400), false));
        }
        let deep = "[".repeat(100_000);
        cases.push((operation, plain.clone().json(deep), Expected::Refused, false));
        let bytes = plain.clone().json(b"{\"a\": \"\xff\xfe\"}");
        cases.push((operation, bytes, Expected::Status(400), false));
        for kind in ["text/plain", "application/xml", "application/jsonx", "", "application"] {
            let other = plain.clone().json("{}").header("Content-Type", kind);
            cases.push((operation, other, Expected::Status(415), false));
        }
        let silent = plain.clone().json("{}").without("Content-Type");
        cases.push((operation, silent, Expected::Status(415), false));
        let large = plain.clone().json("{}").header("Content-Length", "1000000000");
        cases.push((operation, large, Expected::Status(413), false));
    }
    ask(cases);
}

#[test]
fn nobody_without_the_token_is_answered() {
    let mut cases = Vec::new();
    for operation in Operation::all(document()) {
        let plain = Sent::least(&operation).request(&operation).unwrap();
        let wanted = match operation.is_secured() {
            true => Expected::Status(401),
            false => Expected::Status(200),
        };
        let token = |token: &str| plain.clone().header("Authorization", token);
        cases.push((operation, plain.clone().without("Authorization"), wanted, false));
        for other in ["Bearer", "Bearer nosuch", "Basic YTpi", "", "Bearer é"] {
            cases.push((operation, token(other), wanted, false));
        }
        let strange = plain.header("Host", "elsewhere.example");
        let elsewhere = if operation.is_secured() { 421 } else { 200 };
        cases.push((operation, strange, Expected::Status(elsewhere), false));
    }
    ask(cases);
}

#[test]
fn another_method_is_told_which_there_are() {
    let paths = document()["paths"].as_object().unwrap();
    let mut schemas = Schemas::new(document());
    for (path, methods) in paths {
        let methods = methods.as_object().unwrap();
        let (method, spec) = methods.iter().next().unwrap();
        let operation = Operation { method, path, spec };
        let sent = Sent::least(&operation);
        for other in ["get", "post", "put", "patch", "delete", "options", "trace", "brew"] {
            if methods.contains_key(other) {
                continue;
            }
            let asked = Operation { method: other, ..operation };
            let answer = Sent { body: None, ..sent.clone() }.request(&asked).unwrap().send();
            assert_eq!(schemas.wrong(&operation, &answer), None, "{other} {path}: {answer:?}");
            assert_eq!(answer.status, 405, "{other} {path}: {answer:?}");
            let allow = header(&answer, "allow").unwrap().to_ascii_lowercase();
            for method in methods.keys() {
                assert!(allow.split(',').any(|one| one.trim() == method), "{path}: {allow}");
            }
        }
    }
}
