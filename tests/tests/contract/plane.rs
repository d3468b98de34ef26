//! The control plane that is asked, with something in it.

use crate::document::Operation;
use crate::support::plane::Plane;
use serde_json::{Value, json};
use std::sync::OnceLock;
use toygres_tests::server::http::{Answer, Request};

/// The name of the instance that is there.
pub(crate) const INSTANCE: &str = "contractdb";

/// What is known of the plane's contents.
struct Known {
    plane: &'static Plane,
    orchestration: String,
}

fn known() -> &'static Known {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let plane = Plane::shared();
        plane.toygres().args(["create", INSTANCE, "--wait"]).run().code(0);
        let one = plane.toygres().args(["get", INSTANCE, "-o", "json"]).run().code(0).json();
        let orchestration = one["create_orchestration_id"].as_str().unwrap().to_owned();
        Known { plane, orchestration }
    })
}

/// A request with the token.
pub(crate) fn request(method: &str, target: &str) -> Request {
    let plane = known().plane;
    let address = plane.text("api-url").trim_start_matches("http://").to_owned();
    let token = format!("Bearer {}", plane.text("api-token"));
    Request::new(&method.to_uppercase(), target, &address).header("Authorization", &token)
}

/// A value that makes sense for a parameter that has to be given; none where any will do.
pub(crate) fn sensible(operation: &Operation<'_>, name: &str) -> Option<Value> {
    Some(match (operation.method, operation.path, name) {
        // The instance is needed by the others.
        ("delete", _, "name") => json!("nosuchdb"),
        (
            _,
            "/api/instances" | "/api/instances/{name}" | "/api/instances/{name}/monitor",
            "name",
        ) => {
            json!(INSTANCE)
        }
        (_, "/api/server/run", "command") => json!("db-status"),
        (_, "/api/complete", "command") => json!("orchestration"),
        (_, "/api/complete", "arg") => json!("id"),
        (_, _, "id") => json!(known().orchestration),
        (_, _, "sql") => json!("SELECT 1 AS n"),
        _ => return None,
    })
}

/// The API's document.
pub(crate) fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let answer: Answer = request("GET", "/api/openapi.json").send();
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    })
}
