//! The objects in Kubernetes, as the settings want them.

use super::{begin, text};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::Api;
use serde_json::{Value, json};
use toygres_tests::control::{Deployment, Options};

#[test]
fn objects_are_what_the_settings_say() {
    let Some(deployment) = Deployment::new() else { return };
    let options = Options::default()
        .env("TOYGRES_IMAGE", "registry.example/pg:{version}-slim")
        .env("TOYGRES_STORAGE_CLASS", "fast")
        .env("TOYGRES_DNS_SUFFIX", "westus3.cloudapp.azure.com")
        .env("TOYGRES_NETWORK_POLICY", "true");
    let server = deployment.start(options);
    let api = server.api().unwrap();
    let wanted =
        json!({"name": "shopdb", "version": "16.4", "storage_gb": 33, "dns_label": "shop"});
    let name = text(&api.create(&wanted), "k8s_name").to_owned();
    deployment.reaches(&name, "running").unwrap();
    let [set, service, claim, policy] = objects(&deployment, &name);
    let container = &set["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], "registry.example/pg:16.4-slim");
    assert_eq!(claim["spec"]["storageClassName"], "fast");
    assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "33Gi");
    let label = "service.beta.kubernetes.io/azure-dns-label-name";
    assert_eq!(service["metadata"]["annotations"][label], "shop");
    assert_eq!(policy["spec"]["podSelector"]["matchLabels"]["instance"], name);
    let port = deployment.world.pods.port();
    let url = format!("postgresql://postgres:***@shop.westus3.cloudapp.azure.com:{port}/postgres");
    let shown = api.get("/api/instances/shopdb").unwrap().body;
    assert_eq!(shown["connection_string"], url);
    api.delete("/api/instances/shopdb").unwrap();
    deployment.reaches(&name, "deleted").unwrap();
    deployment.objects().vanish(None).unwrap();
    let policies = deployment.objects().ask(async |client| {
        let policies: Api<NetworkPolicy> = Api::namespaced(client, &deployment.namespace);
        Ok(policies.list(&kube::api::ListParams::default()).await?.items.len())
    });
    assert_eq!(policies.unwrap(), 0);
}

#[test]
fn an_instance_without_a_load_balancer_is_not_called_tested_from_outside() {
    let Some(deployment) = Deployment::new() else { return };
    let server = deployment.start(Options::default());
    let api = server.api().unwrap();
    let begun = api.create(&json!({"name": "insidedb", "load_balancer": false}));
    let name = text(&begun, "k8s_name").to_owned();
    deployment.reaches(&name, "running").unwrap();
    let shown = api.get("/api/instances/insidedb").unwrap().body;
    let host = format!("{name}-svc.{}.svc.cluster.local", deployment.namespace);
    assert!(text(&shown, "connection_string").contains(&host), "{shown:#}");
    assert_eq!((&shown["external_ip"], &shown["health"]), (&Value::Null, &json!("unknown")));
    let told = deployment.json(&format!(
        "SELECT event_data::jsonb FROM toygres_duroxide.history WHERE instance_id = 'create-{name}'
         AND event_data LIKE '%outside the cluster%'"
    ));
    assert!(told.unwrap().to_string().contains("tested"), "its history says so");
}

#[test]
fn attempts_say_what_they_wait_for() {
    let Some(deployment) = Deployment::new() else { return };
    let server = deployment.start(Options::default());
    let api = server.api().unwrap();
    let name = begin(&api, "slowdb");
    deployment.world.kubelet.hold(&name);
    let step = toygres_tests::wait::until("the wait to be told", || {
        let shown = api.get("/api/instances/slowdb?progress=true")?.body;
        let steps = shown["progress"].as_array().cloned().unwrap_or_default();
        let last = steps.last().cloned().unwrap_or_default();
        let told = last["message"].as_str().is_some_and(|why| why.contains("ContainerCreating"));
        Ok(told.then_some(last))
    });
    let step = step.unwrap();
    assert_eq!((text(&step, "step"), text(&step, "state")), ("wait-for-ready", "waiting"));
    deployment.world.kubelet.release(&name);
    deployment.reaches(&name, "running").unwrap();
}

fn objects(deployment: &Deployment, name: &str) -> [Value; 4] {
    let namespace = &deployment.namespace;
    let read = deployment.objects().ask(async |client| {
        let sets: Api<StatefulSet> = Api::namespaced(client.clone(), namespace);
        let services: Api<Service> = Api::namespaced(client.clone(), namespace);
        let claims: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), namespace);
        let policies: Api<NetworkPolicy> = Api::namespaced(client, namespace);
        Ok([
            serde_json::to_value(sets.get(name).await?)?,
            serde_json::to_value(services.get(&format!("{name}-svc")).await?)?,
            serde_json::to_value(claims.get(&format!("{name}-pvc")).await?)?,
            serde_json::to_value(policies.get(&format!("{name}-access")).await?)?,
        ])
    });
    read.unwrap()
}
