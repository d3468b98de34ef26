//! The manifests: a real API server takes them, and nothing in them is lost on it.

use crate::text;
use kube::api::{Api, DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use kube::discovery::{Scope, pinned_kind};
use kube::{Client, ResourceExt};
use serde_json::Value;
use toygres_tests::kube::{ApiServer, client};

/// The files that are applied, in the order in which one needs the other.
pub(crate) fn files() -> Vec<String> {
    let kustomization: Value =
        serde_saphyr::from_str(&text(&in_folder("kustomization.yaml"))).unwrap();
    let listed = kustomization["resources"].as_array().unwrap().iter();
    let mut files: Vec<String> = listed.map(|file| file.as_str().unwrap().to_owned()).collect();
    files.insert(1, "secret.example.yaml".to_owned());
    files
}

fn in_folder(file: &str) -> String {
    format!("deploy/kubernetes/{file}")
}

/// The documents of one file.
#[track_caller]
pub(crate) fn documents(file: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&text(&in_folder(file)))
        .unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Every document.
pub(crate) fn all() -> Vec<Value> {
    files().iter().flat_map(|file| documents(file)).collect()
}

/// The one document of this kind and name.
#[track_caller]
pub(crate) fn named(kind: &str, name: &str) -> Value {
    let mut found = all()
        .into_iter()
        .filter(|document| document["kind"] == kind && document["metadata"]["name"] == name);
    found.next().unwrap_or_else(|| panic!("there is no {kind} {name}"))
}

#[test]
fn every_file_is_listed() {
    let folder = crate::root().join("deploy/kubernetes");
    let mut there: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".yaml") && name != "kustomization.yaml")
        // What an operator filled in.
        .filter(|name| name != "secret.yaml")
        .collect();
    let mut listed = files();
    there.sort();
    listed.sort();
    assert_eq!(there, listed);
}

#[tokio::test]
async fn a_real_api_server_takes_every_manifest_whole() {
    let Some(server) = ApiServer::shared() else { return };
    let client = client(server.kubeconfig()).await.unwrap();
    let manifests = all();
    assert!(manifests.len() >= 15, "{}", manifests.len());
    for manifest in manifests {
        let made = create(&client, &manifest).await;
        // What the server does not know it leaves out, without a word.
        assert_within(&manifest, &serde_json::to_value(made).unwrap(), &label(&manifest));
    }
}

fn label(manifest: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    format!("{} {}", text(&manifest["kind"]), text(&manifest["metadata"]["name"]))
}

/// Makes the object, or says what the server has against it.
async fn create(client: &Client, manifest: &Value) -> DynamicObject {
    let api_version = manifest["apiVersion"].as_str().unwrap();
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let kind = manifest["kind"].as_str().unwrap();
    let wanted = GroupVersionKind::gvk(group, version, kind);
    // Before 1.21 the same budget was `policy/v1beta1`.
    let older = GroupVersionKind::gvk(group, "v1beta1", kind);
    let (resource, capabilities) = match pinned_kind(client, &wanted).await {
        Ok(found) => found,
        Err(_) if kind == "PodDisruptionBudget" => pinned_kind(client, &older).await.unwrap(),
        Err(error) => panic!("{}: {error}", label(manifest)),
    };
    let mut object: DynamicObject = serde_json::from_value(manifest.clone()).unwrap();
    if let Some(types) = &mut object.types {
        types.api_version.clone_from(&resource.api_version);
    }
    let api: Api<DynamicObject> = match (capabilities.scope, object.namespace()) {
        (Scope::Cluster, None) => Api::all_with(client.clone(), &resource),
        (Scope::Namespaced, Some(namespace)) => {
            Api::namespaced_with(client.clone(), &namespace, &resource)
        }
        (scope, namespace) => panic!("{}: {scope:?}, but {namespace:?}", label(manifest)),
    };
    let made = api.create(&PostParams::default(), &object).await;
    made.unwrap_or_else(|error| panic!("{}: {error}", label(manifest)))
}

/// Everything of `wanted` is in `there`.
#[track_caller]
fn assert_within(wanted: &Value, there: &Value, place: &str) {
    match (wanted, there) {
        (Value::Object(wanted), Value::Object(there)) => {
            for (key, value) in wanted {
                // The server keeps a Secret's text in base64, and answers in its own version.
                if !matches!(key.as_str(), "stringData" | "apiVersion") {
                    let found = there.get(key).unwrap_or(&Value::Null);
                    assert_within(value, found, &format!("{place}.{key}"));
                }
            }
        }
        (Value::Array(wanted), Value::Array(there)) if wanted.len() == there.len() => {
            for (n, (wanted, there)) in wanted.iter().zip(there).enumerate() {
                assert_within(wanted, there, &format!("{place}[{n}]"));
            }
        }
        // An empty selector, which selects everything.
        (Value::Object(wanted), Value::Null) if wanted.is_empty() => {}
        _ => assert_eq!(wanted, there, "{place}"),
    }
}

#[test]
fn the_pods_of_api_and_workers_may_do_nothing_that_they_need_not() {
    for name in ["toygres-api", "toygres-worker"] {
        let pod = &named("Deployment", name)["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{name}");
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{name}");
        let security = &container["securityContext"];
        assert_eq!(security["allowPrivilegeEscalation"], false, "{name}");
        assert_eq!(security["readOnlyRootFilesystem"], true, "{name}");
        assert_eq!(security["capabilities"]["drop"][0], "ALL", "{name}");
        assert!(container["resources"]["limits"]["memory"].is_string(), "{name}");
        assert!(container["readinessProbe"].is_object(), "{name}");
        // The process ends by itself before it is killed.
        let grace = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
        let drain = &named("ConfigMap", "toygres")["data"]["TOYGRES_DRAIN_MS"];
        let drain: u64 = drain.as_str().unwrap().parse().unwrap();
        assert!(grace * 1000 > drain, "{name}: {grace} s, drain {drain} ms");
    }
    let api = named("Deployment", "toygres-api");
    let workers = named("Deployment", "toygres-worker");
    assert_eq!((&api["spec"]["replicas"], &workers["spec"]["replicas"]), (&2.into(), &3.into()));
}

#[test]
fn the_api_answers_to_the_names_of_its_service() {
    let service = named("Service", "toygres-api");
    assert_eq!(service["spec"]["type"], "ClusterIP");
    let (name, namespace) = (
        service["metadata"]["name"].as_str().unwrap(),
        service["metadata"]["namespace"].as_str().unwrap(),
    );
    let api = named("Deployment", "toygres-api");
    let env = api["spec"]["template"]["spec"]["containers"][0]["env"].clone();
    let hosts = env.as_array().unwrap().iter().find(|variable| variable["name"] == "TOYGRES_HOSTS");
    let hosts: Vec<&str> = hosts.unwrap()["value"].as_str().unwrap().split(',').collect();
    let full = format!("{name}.{namespace}.svc.cluster.local");
    let short =
        [name.to_owned(), format!("{name}.{namespace}"), format!("{name}.{namespace}.svc"), full];
    assert_eq!(hosts, short);
    let labels = &api["spec"]["template"]["metadata"]["labels"];
    for (key, value) in service["spec"]["selector"].as_object().unwrap() {
        assert_eq!(&labels[key], value);
    }
}

#[test]
fn every_variable_is_a_setting() {
    let known = text("toygres-cli/src/settings/known.rs");
    let mut names = Vec::new();
    for document in all() {
        for key in ["data", "stringData"] {
            let fields = document[key].as_object().into_iter().flatten();
            names.extend(fields.map(|(name, _)| name.clone()));
        }
        let containers = document["spec"]["template"]["spec"]["containers"].as_array();
        for variable in containers
            .into_iter()
            .flatten()
            .flat_map(|container| container["env"].as_array().cloned().unwrap_or_default())
        {
            names.push(variable["name"].as_str().unwrap().to_owned());
        }
    }
    assert!(names.len() >= 8, "{names:?}");
    for name in names {
        assert!(known.contains(&format!("\"{name}\"")), "no setting has the variable {name}");
    }
}
