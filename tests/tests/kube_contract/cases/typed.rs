//! The same by the typed client that the control plane and drift use.

use crate::Scope;
use futures_util::StreamExt as _;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Secret, Service};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watcher};
use serde_json::json;
use toygres_model::kubernetes::Desired;
use toygres_tests::wait::PATIENCE;

pub(crate) async fn objects_survive_the_round_trip(at: &Scope) {
    let desired = Desired {
        id: "5b3a4d3e-31a5-4ea2-9f4b-3d7a43a2f1c0",
        k8s_name: "mydb-0a1b2c3d",
        namespace: &at.namespace,
        version: "18",
        image: "postgres:18",
        storage_gb: 10,
        storage_class: None,
        load_balancer: false,
        dns_label: None,
    };
    let post = PostParams::default();
    let secrets: Api<Secret> = Api::namespaced(at.client.clone(), &at.namespace);
    let secret = serde_json::from_value(desired.secret("s3cret")).unwrap();
    let secret = secrets.create(&post, &secret).await.unwrap();
    assert_eq!(secret.data.unwrap()["password"].0, b"s3cret");

    let claims: Api<PersistentVolumeClaim> = Api::namespaced(at.client.clone(), &at.namespace);
    let claim = serde_json::from_value(desired.claim()).unwrap();
    let claim = claims.create(&post, &claim).await.unwrap();
    let resources = claim.spec.unwrap().resources.unwrap();
    assert_eq!(resources.requests.unwrap()["storage"].0, "10Gi");

    let services: Api<Service> = Api::namespaced(at.client.clone(), &at.namespace);
    let service = serde_json::from_value(desired.service()).unwrap();
    let service = services.create(&post, &service).await.unwrap();
    assert_eq!(service.spec.unwrap().type_.as_deref(), Some("ClusterIP"));

    let sets: Api<StatefulSet> = Api::namespaced(at.client.clone(), &at.namespace);
    let mut set: StatefulSet = serde_json::from_value(desired.stateful_set()).unwrap();
    set.spec.as_mut().unwrap().replicas = Some(0);
    let made = sets.create(&post, &set).await.unwrap();
    let change = json!({ "metadata": { "annotations": { "a": "b" } } });
    let name = "mydb-0a1b2c3d";
    let changed = sets.patch(name, &PatchParams::default(), &Patch::Merge(&change)).await.unwrap();
    assert_eq!(changed.metadata.uid, made.metadata.uid);

    let all = ListParams::default().labels("app=postgres,instance=mydb-0a1b2c3d").limit(1);
    assert_eq!(sets.list(&all).await.unwrap().items.len(), 1);
    assert_eq!(secrets.list(&all).await.unwrap().items.len(), 1);
    assert_eq!(services.list_metadata(&all).await.unwrap().items.len(), 1);
    let deleted = services.delete("mydb-0a1b2c3d-svc", &DeleteParams::default()).await;
    deleted.unwrap();
    assert!(services.get_opt("mydb-0a1b2c3d-svc").await.unwrap().is_none());
}

pub(crate) async fn errors_keep_their_code_and_reason(at: &Scope) {
    let maps: Api<ConfigMap> = Api::namespaced(at.client.clone(), &at.namespace);
    let refused = maps.get("a").await.unwrap_err();
    let kube::Error::Api(status) = refused else { panic!("{refused}") };
    assert_eq!((status.code, status.reason.as_str()), (404, "NotFound"));
    let map: ConfigMap = serde_json::from_value(json!({ "metadata": { "name": "a" } })).unwrap();
    maps.create(&PostParams::default(), &map).await.unwrap();
    let refused = maps.create(&PostParams::default(), &map).await.unwrap_err();
    let kube::Error::Api(status) = refused else { panic!("{refused}") };
    assert_eq!((status.code, status.reason.as_str()), (409, "AlreadyExists"));
}

/// The watcher of the crate `kube`, which lists in pages and goes on from there.
pub(crate) async fn a_watcher_follows(at: &Scope) {
    for name in ["a", "b", "c"] {
        at.config_map(name, json!({ "w": "1" })).await;
    }
    let maps: Api<ConfigMap> = Api::namespaced(at.client.clone(), &at.namespace);
    let config = watcher::Config::default().labels("w=1").page_size(2);
    let mut objects = watcher(maps.clone(), config).applied_objects().boxed();
    let mut next = async || {
        let next = tokio::time::timeout(PATIENCE, objects.next()).await.expect("nothing came");
        next.unwrap().unwrap().metadata.name.unwrap()
    };
    let mut first = [next().await, next().await, next().await];
    first.sort();
    assert_eq!(first, ["a", "b", "c"]);
    at.config_map("d", json!({ "w": "1" })).await;
    assert_eq!(next().await, "d");
    let change = json!({ "data": { "a": "2" } });
    maps.patch("b", &PatchParams::default(), &Patch::Merge(&change)).await.unwrap();
    assert_eq!(next().await, "b");
}
