//! Whether an answer is one that the document has.

use crate::document::Operation;
use boon::{Compiler, Draft, SchemaIndex};
use serde_json::Value;
use std::collections::HashMap;
use toygres_tests::server::http::Answer;

/// Where the document lies, for the references in it; nothing is fetched.
const PLACE: &str = "http://toygres.invalid/openapi.json";

/// The document's schemas, each compiled where it is first needed.
pub(crate) struct Schemas {
    compiler: Compiler,
    compiled: boon::Schemas,
    known: HashMap<String, SchemaIndex>,
}

impl Schemas {
    pub(crate) fn new(document: &Value) -> Self {
        let mut compiler = Compiler::new();
        compiler.set_default_draft(Draft::V2020_12);
        compiler.add_resource(PLACE, document.clone()).unwrap();
        Self { compiler, compiled: boon::Schemas::new(), known: HashMap::new() }
    }

    /// The schema at a JSON pointer.
    #[track_caller]
    pub(crate) fn compiled(&mut self, pointer: &str) -> SchemaIndex {
        if let Some(index) = self.known.get(pointer) {
            return *index;
        }
        let place = format!("{PLACE}#{}", escaped(pointer));
        let index = self.compiler.compile(&place, &mut self.compiled);
        let index = index.unwrap_or_else(|error| panic!("{pointer} is no schema: {error:#}"));
        self.known.insert(pointer.to_owned(), index);
        index
    }

    /// Why the value is not as the schema says.
    fn fault(&mut self, pointer: &str, value: &Value) -> Option<String> {
        let index = self.compiled(pointer);
        self.compiled.validate(value, index).err().map(|error| format!("{error:#}"))
    }

    /// What is wrong with an answer to an operation; nothing where it is as documented.
    pub(crate) fn wrong(&mut self, operation: &Operation<'_>, answer: &Answer) -> Option<String> {
        let status = answer.status.to_string();
        let Some(response) = operation.spec["responses"].get(&status) else {
            return Some(format!("the status {status} is not documented"));
        };
        let kind = header(answer, "content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if response["content"].get(kind).is_none() {
            return Some(format!("the content type `{kind}` is not documented for {status}"));
        }
        for name in response["headers"].as_object().into_iter().flat_map(|all| all.keys()) {
            // Those of a good answer are there where there is something to say.
            if answer.status >= 400 && header(answer, name).is_none() {
                return Some(format!("{status} comes without `{name}`"));
            }
        }
        match kind {
            "application/json" => {
                let pointer = format!(
                    "/paths/{}/{}/responses/{status}/content/application~1json/schema",
                    operation.path.replace('~', "~0").replace('/', "~1"),
                    operation.method
                );
                match serde_json::from_str(&answer.body) {
                    Ok(value) => self.fault(&pointer, &value),
                    Err(error) => Some(format!("the body is no JSON: {error}")),
                }
            }
            "application/x-ndjson" => {
                let broken =
                    answer.body.lines().find(|line| serde_json::from_str::<Value>(line).is_err());
                broken.map(|line| format!("a line is no JSON: {line}"))
            }
            _ => None,
        }
    }
}

/// A pointer as it stands in a URL.
fn escaped(pointer: &str) -> String {
    pointer.replace('{', "%7B").replace('}', "%7D")
}

/// A header of an answer.
pub(crate) fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    let lines = answer.head.lines().skip(1);
    let mut named = lines.filter_map(|line| line.split_once(':'));
    named.find(|(other, _)| *other == name).map(|(_, value)| value.trim())
}

/// A check that finds nothing wrong with anything would pass for ever.
#[test]
fn what_is_not_documented_is_found() {
    use crate::plane::{document, request};
    let path = "/api/instances";
    let answer = request("GET", path).send();
    let wrong = |change: &dyn Fn(&mut Value), answer: &Answer| {
        let mut document = document().clone();
        change(&mut document["paths"][path]["get"]["responses"]);
        let spec = document["paths"][path]["get"].clone();
        let operation = Operation { method: "get", path, spec: &spec };
        Schemas::new(&document).wrong(&operation, answer)
    };
    assert_eq!(wrong(&|_| {}, &answer), None);
    type Change<'a> = &'a dyn Fn(&mut Value);
    let changes: [(&str, Change<'_>); 4] = [
        ("status 200", &|responses| {
            responses.as_object_mut().unwrap().remove("200");
        }),
        ("content type", &|responses| {
            responses["200"]["content"] = serde_json::json!({"text/csv": {}});
        }),
        ("type", &|responses| {
            let schema = &mut responses["200"]["content"]["application/json"]["schema"];
            schema["type"] = "object".into();
        }),
        ("nosuch", &|responses| {
            let schema = &mut responses["200"]["content"]["application/json"]["schema"];
            schema["items"] = serde_json::json!({"type": "object", "required": ["nosuch"]});
        }),
    ];
    for (says, change) in changes {
        let found = wrong(change, &answer).unwrap_or_else(|| panic!("{says} was not found"));
        assert!(found.contains(says), "{says}: {found}");
    }
    let refused = request("PUT", path).send();
    assert_eq!(wrong(&|_| {}, &refused), None);
    let silent = Answer { head: refused.head.replace("allow:", "disallow:"), ..refused };
    assert!(wrong(&|_| {}, &silent).unwrap().contains("allow"));
}
