//! Many instances at once, on both sides and without a control plane: objects in an API server, and
//! the records that fit them.

use crate::kube::{ApiServer, client};
use crate::postgres::Binaries;
use crate::secrets::Secrets;
use crate::{Result, cms, generations};
use futures_util::StreamExt;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Service};
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::core::NamespaceResourceScope;
use kube::{Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;
use toygres_model::kubernetes::Desired;

/// How many connections fill the API server.
const CONNECTIONS: usize = 8;

/// Makes so many instances, four objects each: every StatefulSet ready, every claim bound, and a
/// record and a live health monitor for each. Services are inside the cluster, because there are
/// not enough node ports for so many load balancers.
///
/// # Errors
/// What either server refuses.
pub fn populate(api: &ApiServer, url: &str, namespace: &str, instances: u32) -> Result {
    records(url, namespace, instances)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let lanes = (0..CONNECTIONS as u32).map(|lane| async move {
            // A client is one connection: HTTP/2 would carry all lanes on one otherwise.
            let client = client(api.kubeconfig()).await?;
            let mut number = lane + 1;
            while number <= instances {
                objects(&client, namespace, number).await?;
                number += CONNECTIONS as u32;
            }
            Ok(())
        });
        let mut lanes = futures_util::stream::iter(lanes).buffer_unordered(CONNECTIONS);
        while let Some(lane) = lanes.next().await {
            let lane: Result = lane;
            lane?;
        }
        Ok(())
    })
}

fn k8s_name(number: u32) -> String {
    format!("db{number}-{number:08x}")
}

fn id(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

/// The records of the CMS, and the monitors in the workflows' records.
fn records(url: &str, namespace: &str, instances: u32) -> Result {
    cms::create(url, &Secrets::canaries())?;
    generations::many_orchestrations(url, 0)?;
    Binaries::find()?.psql(
        url,
        &format!(
            "TRUNCATE toygres_cms.instances CASCADE;
             CREATE TEMP TABLE wanted AS SELECT g, 'db' || g || '-' || lpad(to_hex(g), 8, '0') AS name
             FROM generate_series(1, {instances}) g;
             INSERT INTO toygres_cms.instances (id, user_name, k8s_name, namespace,
                 use_load_balancer, dns_connection_string, state, health_status,
                 create_orchestration_id, instance_actor_orchestration_id, created_at, updated_at)
             SELECT ('00000000-0000-4000-8000-' || lpad(to_hex(g), 12, '0'))::uuid, 'db' || g, name,
                 '{namespace}', false,
                 'postgresql://postgres@' || name || '-svc.{namespace}.svc.cluster.local:5432/postgres',
                 'running', 'healthy', 'create-' || name, 'health-' || name,
                 now() - interval '1 day', now() - interval '1 day' FROM wanted;
             INSERT INTO toygres_duroxide.instances (instance_id, orchestration_name,
                 orchestration_version, current_execution_id, created_at, updated_at)
             SELECT 'health-' || name, 'health-monitor', '1.0.0', 1, now(), now() FROM wanted;
             INSERT INTO toygres_duroxide.executions (instance_id, execution_id, status, started_at)
             SELECT 'health-' || name, 1, 'Running', now() FROM wanted;
             ANALYZE toygres_cms.instances; ANALYZE toygres_duroxide.instances;
             ANALYZE toygres_duroxide.executions"
        ),
    )?;
    Ok(())
}

/// The objects of one instance, with the statuses that a cluster would have given them.
async fn objects(client: &Client, namespace: &str, number: u32) -> Result {
    let (k8s_name, id) = (k8s_name(number), id(number));
    let desired = Desired {
        id: &id,
        k8s_name: &k8s_name,
        namespace,
        version: "18",
        image: "postgres:18",
        storage_gb: 10,
        storage_class: None,
        load_balancer: false,
        dns_label: None,
    };
    let set = desired.stateful_set();
    let pod = pod(&set, &k8s_name);
    let bound = json!({"phase": "Bound", "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "10Gi"}});
    make::<PersistentVolumeClaim>(client, desired.claim(), Some(bound)).await?;
    make::<Service>(client, desired.service(), None).await?;
    let ready = json!({"observedGeneration": 1, "replicas": 1, "readyReplicas": 1,
        "currentReplicas": 1, "updatedReplicas": 1});
    make::<StatefulSet>(client, set, Some(ready)).await?;
    make::<Pod>(client, pod, Some(running())).await
}

/// The pod that a StatefulSet makes.
fn pod(set: &Value, k8s_name: &str) -> Value {
    let template = &set["spec"]["template"];
    let mut metadata = template["metadata"].clone();
    metadata["name"] = json!(format!("{k8s_name}-0"));
    metadata["namespace"] = set["metadata"]["namespace"].clone();
    let mut spec = template["spec"].clone();
    spec["nodeName"] = json!("node");
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
}

fn running() -> Value {
    let condition = |kind: &str| json!({"type": kind, "status": "True"});
    let kinds = ["Initialized", "Ready", "ContainersReady", "PodScheduled"];
    json!({
        "phase": "Running", "podIP": "10.0.0.1", "hostIP": "10.0.0.2",
        "conditions": kinds.map(condition),
        "containerStatuses": [{"name": "postgres", "image": "postgres:18", "imageID": "x",
            "ready": true, "started": true, "restartCount": 0,
            "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}],
    })
}

async fn make<K>(client: &Client, object: Value, status: Option<Value>) -> Result
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    K: Clone + Debug + Serialize + DeserializeOwned,
{
    let object: K = serde_json::from_value(object)?;
    let namespace = object.meta().namespace.clone().unwrap_or_default();
    let name = object.meta().name.clone().unwrap_or_default();
    let api: Api<K> = Api::namespaced(client.clone(), &namespace);
    api.create(&PostParams::default(), &object).await?;
    if let Some(status) = status {
        let patch = Patch::Merge(json!({"status": status}));
        api.patch_status(&name, &PatchParams::default(), &patch).await?;
    }
    Ok(())
}
