//! A healthy system at work: while instances are made and unmade, there is no drift.

use crate::plane::Plane;
use serde_json::{Value, json};
use toygres_tests::control::Options;

/// How many instances the system has while it is looked at.
const INSTANCES: usize = 200;
/// How often it is looked at.
const LOOKS: usize = 25;

fn wanted(name: &str) -> Value {
    json!({"name": name, "password": "test123"})
}

#[test]
fn two_hundred_instances_at_work_have_no_drift() {
    let options = Options::default()
        .env("TOYGRES_WORKERS", "8")
        // Two hundred monitors are enough work at this pace.
        .env("TOYGRES_MONITOR_INTERVAL_MS", "20000");
    let Some(plane) = Plane::with(options) else { return };
    let wants: Vec<Value> = (0..INSTANCES).map(|n| wanted(&format!("steady-{n}"))).collect();
    let names = plane.instances(&wants);
    let api = plane.server.as_ref().unwrap().api().unwrap();
    let mut in_flight = 0;
    for (look, name) in names.iter().take(LOOKS).enumerate() {
        api.create(&wanted(&format!("coming-{look}")));
        api.delete(&format!("/api/instances/{name}")).unwrap();
        let ran = plane.run(&["drift", "-o", "json"]);
        let drift = ran.json();
        assert_eq!(drift["drifts"], json!([]), "look {look}: {drift:#}");
        let ran = ran.code(0);
        assert_eq!(ran.stderr, "", "{ran:#?}");
        assert!(drift["checked_instances"].as_u64().unwrap() >= 190, "{drift:#}");
        in_flight += drift["in_flight"].as_array().unwrap().len();
    }
    assert!(in_flight >= LOOKS, "it was hardly at work while it was looked at: {in_flight}");
    plane.deployment.comes_to_rest().unwrap();
    assert_eq!(plane.drift()["in_flight"], json!([]));
}
