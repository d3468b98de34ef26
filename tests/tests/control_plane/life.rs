//! A life from its creation to its end, once as it should be and once with every step done twice.

use super::{begin, text};
use serde_json::{Value, json};
use toygres_tests::control::{Deployment, Objects, Options};
use toygres_tests::wait;

#[test]
fn an_instance_lives_and_goes() {
    let Some(deployment) = Deployment::new() else { return };
    let server = deployment.start(Options::default());
    live(&deployment, &server.api().unwrap());
}

#[test]
fn every_activity_done_twice_gives_the_same_end() {
    let Some(deployment) = Deployment::new() else { return };
    let server = deployment.start(Options::fault("*:twice"));
    live(&deployment, &server.api().unwrap());
    assert_eq!(
        deployment.count("SELECT count(*) FROM toygres_cms.instance_health_checks GROUP BY checked_at ORDER BY 1 DESC LIMIT 1"),
        1,
        "a check was written twice"
    );
}

fn live(deployment: &Deployment, api: &toygres_tests::control::Api) {
    let wanted = json!({"name": "proddb", "password": "p@ss/w:rd?", "version": "17.2",
        "storage_gb": 20, "tags": {"team": "data"}});
    let begun = api.create(&wanted);
    assert_eq!(begun["state"], "creating");
    assert_eq!(begun.get("password"), None, "{begun:#}");
    let name = text(&begun, "k8s_name").to_owned();
    deployment.reaches(&name, "running").unwrap();
    assert_eq!(deployment.objects().of(None).unwrap(), Objects::complete(&name));
    runs(deployment, api, &name);
    let again = api.post("/api/instances", &json!({"name": "proddb"})).unwrap();
    assert_eq!(again.status, 409);
    assert!(text(&again.body, "message").contains(&name), "{again:#?}");
    is_watched(deployment, api);
    goes(deployment, api, &name);
}

/// What is told of a running instance.
fn runs(deployment: &Deployment, api: &toygres_tests::control::Api, name: &str) {
    let port = deployment.world.pods.port();
    let shown = api.get("/api/instances/proddb?progress=true").unwrap().body;
    assert_eq!(shown["state"], "running");
    assert_eq!(shown["external_ip"], "127.0.0.1");
    assert_eq!(shown["port"], port);
    let masked = format!("postgresql://postgres:***@127.0.0.1:{port}/postgres");
    assert_eq!(shown["connection_string"], masked);
    assert_eq!(shown["tags"], json!({"team": "data"}));
    let steps: Vec<&str> =
        shown["progress"].as_array().unwrap().iter().map(|step| text(step, "step")).collect();
    assert_eq!(steps[..2], ["cms-create-instance-record", "deploy-postgres"]);
    let revealed = api.get(&format!("/api/instances/{name}?show_password=true")).unwrap().body;
    let url = format!("postgresql://postgres:p%40ss%2Fw%3Ard%3F@127.0.0.1:{port}/postgres");
    assert_eq!(revealed["connection_string"], url);
    let version = deployment.database.server().binaries().psql(&url, "SHOW server_version");
    assert!(version.unwrap().starts_with(char::is_numeric));
}

fn is_watched(deployment: &Deployment, api: &toygres_tests::control::Api) {
    wait::until("three health checks", || {
        let checks =
            "SELECT count(*) FROM toygres_cms.instance_health_checks WHERE status = 'healthy'";
        Ok((deployment.count(checks) >= 3).then_some(()))
    })
    .unwrap();
    let shown = api.get("/api/instances/proddb").unwrap().body;
    assert_eq!(shown["health"], "healthy");
    assert!(text(&shown, "health_orchestration_id").starts_with("health-proddb-"));
    let monitors =
        "SELECT count(*) FROM toygres_duroxide.instances WHERE instance_id LIKE 'health-%'";
    assert_eq!(deployment.count(monitors), 1);
}

fn goes(deployment: &Deployment, api: &toygres_tests::control::Api, name: &str) {
    let going = api.delete("/api/instances/proddb").unwrap();
    assert_eq!((going.status, &going.body["state"]), (202, &json!("deleting")));
    let again = api.delete(&format!("/api/instances/{name}")).unwrap();
    assert_eq!(again.status, 202);
    assert_eq!(again.body["delete_orchestration_id"], format!("delete-{name}"));
    deployment.reaches(name, "deleted").unwrap();
    assert_eq!(deployment.objects().of(None).unwrap(), Vec::<String>::new());
    deployment.comes_to_rest().unwrap();
    assert_eq!(api.get("/api/instances").unwrap().body, json!([]));
    assert_eq!(api.get("/api/instances?all=true").unwrap().body[0]["state"], "deleted");
    assert_eq!(api.get("/api/instances/proddb").unwrap().status, 404);
    let events = deployment
        .json("SELECT jsonb_agg(new_state ORDER BY created_at) FROM toygres_cms.instance_events");
    let expected: Value = json!(["creating", "running", "deleting", "deleted"]);
    assert_eq!(events.unwrap(), expected);
    // The name is free again.
    let second = begin(api, "proddb");
    assert_ne!(second, name);
    deployment.reaches(&second, "running").unwrap();
}
