//! Backends that go away for a while and come back.

use super::{begin, text};
use serde_json::json;
use std::fs;
use std::thread;
use std::time::Duration;
use toygres_tests::control::{Api, Deployment, Objects, Options, Way};
use toygres_tests::wait;

#[test]
fn a_database_that_drops_every_connection_delays_a_creation_only() {
    let Some(deployment) = Deployment::new() else { return };
    let way = Way::to(deployment.database.server().port()).unwrap();
    let to = format!("127.0.0.1:{}/", deployment.database.server().port());
    let url = deployment.database.url.replace(&to, &format!("127.0.0.1:{}/", way.port()));
    let server = deployment.start(Options::default().env("DATABASE_URL", &url));
    let api = server.api().unwrap();
    let names: Vec<String> = (0..4).map(|n| begin(&api, &format!("steady{n}"))).collect();
    // Twice, at whatever each of them is doing then.
    for _ in 0..2 {
        way.cut();
        thread::sleep(Duration::from_millis(700));
        way.mend();
        thread::sleep(Duration::from_millis(300));
    }
    for name in &names {
        deployment.reaches(name, "running").unwrap();
        assert_eq!(deployment.objects().of(Some(name)).unwrap(), Objects::complete(name));
    }
    way.cut();
    becomes_ready(&api, false);
    way.mend();
    becomes_ready(&api, true);
}

fn becomes_ready(api: &Api, ready: bool) {
    let status = if ready { 200 } else { 503 };
    wait::until(&format!("readiness to be answered with {status}"), || {
        Ok((api.get("/readyz")?.status == status).then_some(()))
    })
    .unwrap();
}

#[test]
fn a_cluster_that_is_away_delays_a_creation_only() {
    let Some(deployment) = Deployment::new() else { return };
    let (way, kubeconfig) = way_to_the_cluster(&deployment);
    let kubeconfig = kubeconfig.path().to_str().unwrap();
    let server = deployment.start(Options::default().env("KUBECONFIG", kubeconfig));
    let api = server.api().unwrap();
    let name = begin(&api, "patientdb");
    deployment.world.kubelet.hold(&name);
    wait::until("the pod to be waited for", || {
        let looked = deployment.count(&format!(
            "SELECT count(*) FROM toygres_duroxide.history
             WHERE instance_id = 'create-{name}' AND event_data LIKE '%wait-for-ready%'"
        ));
        Ok((looked > 1).then_some(()))
    })
    .unwrap();
    way.cut();
    let refused = api.post("/api/instances", &json!({"name": "unluckydb"})).unwrap();
    assert_eq!(refused.status, 503, "{refused:#?}");
    assert!(text(&refused.body, "message").contains("Kubernetes cannot be reached"));
    wait::until("a look to fail", || {
        let failed = deployment.count(&format!(
            "SELECT count(*) FROM toygres_duroxide.history
             WHERE instance_id = 'create-{name}' AND event_data LIKE '%ActivityFailed%'"
        ));
        Ok((failed > 0).then_some(()))
    })
    .unwrap();
    way.mend();
    deployment.world.kubelet.release(&name);
    deployment.reaches(&name, "running").unwrap();
    // What was refused is a record that says why, and nothing else.
    let refused = api.get("/api/instances/unluckydb").unwrap().body;
    assert_eq!(refused["state"], "failed");
    deployment.comes_to_rest().unwrap();
    assert_eq!(deployment.objects().of(None).unwrap(), Objects::complete(&name));
}

#[test]
fn a_creation_that_cannot_begin_says_what_stays_of_it() {
    let Some(deployment) = Deployment::new() else { return };
    let (way, kubeconfig) = way_to_the_cluster(&deployment);
    let kubeconfig = kubeconfig.path().to_str().unwrap();
    let server = deployment.start(Options::default().env("KUBECONFIG", kubeconfig));
    let api = server.api().unwrap();
    way.cut();
    let refused = api.post("/api/instances", &json!({"name": "brokendb"})).unwrap();
    assert_eq!(refused.status, 503, "{}", refused.body);
    let hint = refused.body["hint"].as_str().unwrap();
    assert!(hint.contains("its record stays") && hint.contains("`toygres delete brokendb`"));
    let shown = api.get("/api/instances/brokendb?progress=true").unwrap().body;
    assert_eq!((&shown["state"], &shown["progress"]), (&json!("failed"), &json!([])), "{shown}");
    let (said, kept) = (refused.body["message"].as_str(), shown["message"].as_str());
    assert!(kept.unwrap().contains(said.unwrap()), "the reason is kept: {shown}");
    // It goes the way that was named.
    way.mend();
    assert_eq!(api.delete("/api/instances/brokendb").unwrap().status, 202);
    deployment.reaches(shown["k8s_name"].as_str().unwrap(), "deleted").unwrap();
}

#[test]
fn an_instance_that_does_not_answer_is_unhealthy_until_it_does() {
    let Some(deployment) = Deployment::new() else { return };
    let server = deployment.start(Options::default());
    let api = server.api().unwrap();
    let name = begin(&api, "sickdb");
    deployment.reaches(&name, "running").unwrap();
    let becomes = |health: &str| {
        wait::until(&format!("it to be {health}"), || {
            let shown = api.get("/api/instances/sickdb")?.body;
            Ok((shown["health"] == health).then_some(()))
        })
        .unwrap();
    };
    becomes("healthy");
    // By its address: the server behind it is that of other tests too.
    let address = |host: &str| {
        let patch = json!({"spec": {"type": "LoadBalancer"},
            "status": {"loadBalancer": {"ingress": [{"ip": host}]}}});
        deployment
            .objects()
            .ask(async |client| {
                let services: kube::Api<k8s_openapi::api::core::v1::Service> =
                    kube::Api::namespaced(client, &deployment.namespace);
                let name = format!("{name}-svc");
                let patch = kube::api::Patch::Merge(patch);
                services.patch_status(&name, &kube::api::PatchParams::default(), &patch).await?;
                Ok(())
            })
            .unwrap();
    };
    // Nobody listens there: PostgreSQL listens on 127.0.0.1 alone.
    address("127.0.0.9");
    becomes("unhealthy");
    let error = deployment.json(
        "SELECT to_jsonb(error_message) FROM toygres_cms.instance_health_checks
         WHERE status = 'unhealthy' LIMIT 1",
    );
    assert!(error.unwrap().to_string().contains("127.0.0.9"), "it says where");
    let shown = api.get("/api/instances/sickdb").unwrap().body;
    assert!(shown["health_error"].as_str().unwrap().contains("127.0.0.9"), "{shown}");
    assert!(shown["health_checked_at"].is_string(), "{shown}");
    address("127.0.0.1");
    becomes("healthy");
    let shown = api.get("/api/instances/sickdb").unwrap().body;
    assert!(shown["health_error"].is_null() && shown["health_checked_at"].is_string(), "{shown}");
}

/// A kubeconfig that leads through a way of its own.
fn way_to_the_cluster(deployment: &Deployment) -> (Way, tempfile::NamedTempFile) {
    let api = deployment.world.api;
    let port = api.url().rsplit(':').next().unwrap().parse().unwrap();
    let way = Way::to(port).unwrap();
    let kubeconfig = fs::read_to_string(api.kubeconfig()).unwrap();
    let through = format!("https://127.0.0.1:{}", way.port());
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), kubeconfig.replace(api.url(), &through)).unwrap();
    (way, file)
}
