//! The schemas: made by several processes at once, taken over as old deployments left them, and
//! refused where a newer release has been.

use serde_json::json;
use toygres_tests::cms;
use toygres_tests::control::{Deployment, Mode, Options, Server};
use toygres_tests::secrets::Secrets;

#[test]
fn several_processes_that_start_at_once_make_the_schemas_once() {
    let Some(deployment) = Deployment::new() else { return };
    let mut servers: Vec<Server> =
        (0..4).map(|_| Server::spawn(&deployment, Options::mode(Mode::Api)).unwrap()).collect();
    for server in &mut servers {
        server.becomes_ready().unwrap();
    }
    is_migrated(&deployment);
    let names = "SELECT count(*) FROM pg_indexes WHERE indexname = 'instances_live_name'";
    assert_eq!(deployment.count(names), 1);
}

#[test]
fn an_old_deployment_is_taken_over_as_it_is() {
    let Some(deployment) = Deployment::new() else { return };
    let secrets = Secrets::canaries();
    cms::create(&deployment.database.url, &secrets).unwrap();
    let before =
        deployment.database.psql("SELECT to_jsonb(i) FROM toygres_cms.instances i ORDER BY id");
    let server = deployment.start(Options::mode(Mode::Api));
    let api = server.api().unwrap();
    let listed = api.get("/api/instances?all=true").unwrap();
    assert_eq!(listed.body.as_array().map(Vec::len), Some(5), "{listed:#?}");
    assert_eq!(secrets.found_in(&listed.body.to_string()), Vec::<&str>::new());
    let running = api.get("/api/instances?state=running").unwrap().body;
    let url = running[0]["connection_string"].as_str().unwrap();
    assert!(url.starts_with("postgresql://postgres:***@"), "{url}");
    let k8s = running[0]["k8s_name"].as_str().unwrap();
    let revealed = api.get(&format!("/api/instances/{k8s}?show_password=true")).unwrap().body;
    assert!(revealed.to_string().contains(&secrets.dns_connection_string), "{revealed:#}");
    let after =
        deployment.database.psql("SELECT to_jsonb(i) FROM toygres_cms.instances i ORDER BY id");
    assert_eq!(before, after);
    is_migrated(&deployment);
}

/// Each version once, from the first to the newest.
#[track_caller]
fn is_migrated(deployment: &Deployment) {
    let applied = deployment
        .json("SELECT jsonb_agg(version ORDER BY version) FROM toygres_cms.schema_migrations")
        .unwrap();
    let applied: Vec<usize> = serde_json::from_value(applied).unwrap();
    assert!(applied.len() >= 3, "{applied:?}");
    assert_eq!(applied, (1..=applied.len()).collect::<Vec<_>>());
}

#[test]
fn names_that_an_old_deployment_has_twice_are_told_and_stop_nothing() {
    let Some(deployment) = Deployment::new() else { return };
    cms::create(&deployment.database.url, &Secrets::canaries()).unwrap();
    deployment.database.psql(
        "INSERT INTO toygres_cms.instances (user_name, k8s_name, state)
         VALUES ('twin', 'twin-00000001', 'running'), ('twin', 'twin-00000002', 'running')",
    );
    let server = deployment.start(Options::mode(Mode::Api));
    let said = server.said();
    assert!(said.contains("several live instances have the same name (twin)"), "{said}");
    let taken = server.api().unwrap().post("/api/instances", &json!({"name": "twin"})).unwrap();
    assert_eq!(taken.status, 409, "{taken:#?}");
    drop(server);
    deployment.database.psql(
        "UPDATE toygres_cms.instances SET state = 'deleted' WHERE k8s_name = 'twin-00000002'",
    );
    let mended = deployment.start(Options::mode(Mode::Api));
    assert!(!mended.said().contains("same name"), "{}", mended.said());
    let names = "SELECT count(*) FROM pg_indexes WHERE indexname = 'instances_live_name'";
    assert_eq!(deployment.count(names), 1);
}

#[test]
fn a_schema_of_a_newer_release_is_left_alone() {
    let Some(deployment) = Deployment::new() else { return };
    drop(deployment.start(Options::mode(Mode::Api)));
    deployment
        .database
        .psql("INSERT INTO toygres_cms.schema_migrations (version, name) VALUES (99, 'later')");
    let mut server = Server::spawn(&deployment, Options::mode(Mode::Api)).unwrap();
    let status = server.ends().unwrap();
    assert_eq!(status.code(), Some(9), "{}", server.said());
    let said = server.said();
    assert!(said.contains("the schema `toygres_cms` is at version 99"), "{said}");
    assert!(said.contains("a newer release has been here"), "{said}");
}

#[test]
fn a_table_that_lacks_columns_is_named() {
    let Some(deployment) = Deployment::new() else { return };
    deployment.database.psql(
        "CREATE SCHEMA toygres_cms; CREATE TABLE toygres_cms.instances (id uuid PRIMARY KEY,
             user_name text, k8s_name text, created_at timestamptz, updated_at timestamptz,
             state text)",
    );
    let mut server = Server::spawn(&deployment, Options::mode(Mode::Api)).unwrap();
    server.ends().unwrap();
    let said = server.said();
    assert!(said.contains("cannot be"), "{said}");
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'toygres_cms'";
    assert_eq!(deployment.count(tables), 1, "nothing was made in it");
}
