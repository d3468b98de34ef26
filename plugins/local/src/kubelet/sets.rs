//! StatefulSets: their pods are made, replaced and removed, one after the other.

use super::Shared;
use crate::kube::object::{
    as_map, is_terminating, items, map, name, namespace, number, or, text, uid,
};
use crate::kube::resource::{CLAIM, POD, STATEFUL_SET};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use toygres_plugin_api::Result;

/// The label that says which version of its template a pod is of.
const REVISION: &str = "controller-revision-hash";

/// Brings the pods of one StatefulSet a step closer to what it asks for. Every change of a pod
/// leads to the next step.
pub(super) async fn reconcile(shared: &Shared, space: &str, set: &str) -> Result<()> {
    let Some(set) = shared.objects.get(&STATEFUL_SET, space, set) else { return Ok(()) };
    let pods = pods(shared, &set);
    let revision = revision(&set);
    if !is_terminating(&set) {
        step(shared, &set, &pods, &revision).await?;
    }
    let status = status(&set, &pods, &revision);
    let changed = shared.objects.change_status(&STATEFUL_SET, space, name(&set), |stored| {
        let differs = uid(stored) == uid(&set) && stored.get("status") != Some(&status);
        if differs {
            stored["status"].clone_from(&status);
        }
        differs
    });
    changed.await.map(|_| ())
}

/// The set's pods by ordinal; no two have the same.
fn pods(shared: &Shared, set: &Value) -> Vec<(u32, Arc<Value>)> {
    let prefix = format!("{}-", name(set));
    let owned = shared.objects.list(&POD).into_iter().filter(|pod| {
        namespace(pod) == namespace(set)
            && items(pod, "/metadata/ownerReferences").iter().any(|it| text(it, "/uid") == uid(set))
    });
    let mut pods: Vec<(u32, Arc<Value>)> = owned
        .filter_map(|pod| Some((name(&pod).strip_prefix(&prefix)?.parse().ok()?, pod)))
        .collect();
    pods.sort_by_key(|(ordinal, _)| *ordinal);
    pods
}

/// At most one pod is made or removed, unless all may be at once.
async fn step(
    shared: &Shared,
    set: &Value,
    pods: &[(u32, Arc<Value>)],
    revision: &str,
) -> Result<()> {
    let replicas = replicas(set);
    let at_once = text(set, "/spec/podManagementPolicy") == "Parallel";
    for ordinal in 0..replicas {
        match pods.iter().find(|(found, _)| *found == ordinal) {
            None => {
                create(shared, set, ordinal, revision).await?;
            }
            Some((_, pod)) if is_ready(pod) && !is_terminating(pod) => continue,
            // An old one that does not get ready is replaced, not waited for.
            Some((_, pod)) if is_outdated(set, pod, revision) && !is_terminating(pod) => continue,
            Some(_) => {}
        }
        if !at_once {
            return Ok(());
        }
    }
    let surplus = pods.iter().rev().filter(|(ordinal, _)| *ordinal >= replicas);
    for (_, pod) in surplus {
        if !is_terminating(pod) {
            delete(shared, set, pod).await?;
        }
        if !at_once {
            return Ok(());
        }
    }
    let outdated = pods.iter().rev().find(|(_, pod)| is_outdated(set, pod, revision));
    if let Some((_, pod)) = outdated.filter(|(_, pod)| !is_terminating(pod)) {
        delete(shared, set, pod).await?;
    }
    Ok(())
}

/// Whether a pod is of an older template and shall be replaced.
fn is_outdated(set: &Value, pod: &Value, revision: &str) -> bool {
    let rolling = text(set, "/spec/updateStrategy/type") != "OnDelete";
    rolling && label(pod, REVISION) != revision
}

async fn create(shared: &Shared, set: &Value, ordinal: u32, revision: &str) -> Result<()> {
    let pod_name = format!("{}-{ordinal}", name(set));
    for template in items(set, "/spec/volumeClaimTemplates") {
        let claim = claim(set, template, &pod_name);
        let claim_name = name(&claim).to_owned();
        if shared.objects.create(&CLAIM, claim).await? {
            let message = format!(
                "create Claim {claim_name} Pod {pod_name} in StatefulSet {} success",
                name(set)
            );
            shared.events.normal(set, "SuccessfulCreate", &message).await;
        }
    }
    let pod = pod(set, &pod_name, ordinal, revision);
    match shared.objects.create(&POD, pod).await {
        Ok(true) => {
            let message = format!("create Pod {pod_name} in StatefulSet {} successful", name(set));
            shared.events.normal(set, "SuccessfulCreate", &message).await;
            Ok(())
        }
        // One of that name is there that is not ours, or the last one is just going.
        Ok(false) => Ok(()),
        Err(error) => {
            let why = error.causes.first().unwrap_or(&error.message);
            let message =
                format!("create Pod {pod_name} in StatefulSet {} failed error: {why}", name(set));
            shared.events.warning(set, "FailedCreate", &message).await;
            Err(error)
        }
    }
}

async fn delete(shared: &Shared, set: &Value, pod: &Value) -> Result<()> {
    if shared.objects.delete(&POD, pod, None).await? {
        let message = format!("delete Pod {} in StatefulSet {} successful", name(pod), name(set));
        shared.events.normal(set, "SuccessfulDelete", &message).await;
    }
    Ok(())
}

/// The pod of the template.
fn pod(set: &Value, pod_name: &str, ordinal: u32, revision: &str) -> Value {
    let mut pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": set.pointer("/spec/template/metadata").cloned().unwrap_or_else(|| json!({})),
        "spec": set.pointer("/spec/template/spec").cloned().unwrap_or_else(|| json!({})),
    });
    let metadata = map(&mut pod, "metadata");
    metadata["name"] = pod_name.into();
    metadata["namespace"] = namespace(set).into();
    metadata["ownerReferences"] = json!([{
        "apiVersion": "apps/v1", "kind": "StatefulSet", "name": name(set), "uid": uid(set),
        "controller": true, "blockOwnerDeletion": true,
    }]);
    let labels = as_map(map(metadata, "labels"));
    labels.insert("apps.kubernetes.io/pod-index".to_owned(), ordinal.to_string().into());
    labels.insert("statefulset.kubernetes.io/pod-name".to_owned(), pod_name.into());
    labels.insert(REVISION.to_owned(), revision.into());
    let spec = map(&mut pod, "spec");
    or(spec, "hostname", pod_name);
    or(spec, "subdomain", text(set, "/spec/serviceName"));
    for template in items(set, "/spec/volumeClaimTemplates") {
        let volume = json!({
            "name": name(template),
            "persistentVolumeClaim": { "claimName": format!("{}-{pod_name}", name(template)) },
        });
        or(spec, "volumes", json!([]));
        if let Some(Value::Array(volumes)) = spec.get_mut("volumes") {
            volumes.retain(|other| name_of(other) != name(template));
            volumes.push(volume);
        }
    }
    pod
}

fn name_of(volume: &Value) -> &str {
    text(volume, "/name")
}

fn claim(set: &Value, template: &Value, pod_name: &str) -> Value {
    let mut claim = template.clone();
    claim["apiVersion"] = "v1".into();
    claim["kind"] = "PersistentVolumeClaim".into();
    let metadata = map(&mut claim, "metadata");
    metadata["name"] = format!("{}-{pod_name}", name_of(metadata)).into();
    metadata["namespace"] = namespace(set).into();
    if let Some(selector) = set.pointer("/spec/selector/matchLabels").and_then(Value::as_object) {
        as_map(map(metadata, "labels")).extend(selector.clone());
    }
    as_map(&mut claim).shift_remove("status");
    claim
}

/// A name for the template: the same template has the same one, in whatever order its fields lie.
///
/// As long as the set's `spec` has not changed since its status was written, the name in there stays:
/// earlier releases named templates by their order too, and their pods must not be replaced for that.
fn revision(set: &Value) -> String {
    let seen = number(set, "/status/observedGeneration");
    let named = text(set, "/status/updateRevision");
    if seen.is_some() && seen == number(set, "/metadata/generation") && !named.is_empty() {
        return named.to_owned();
    }
    let mut template = set.pointer("/spec/template").cloned().unwrap_or_default();
    template.sort_all_objects();
    let digest = Sha256::digest(template.to_string().as_bytes());
    let hex: String = digest.iter().take(5).map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{hex}", name(set))
}

fn status(set: &Value, pods: &[(u32, Arc<Value>)], revision: &str) -> Value {
    let count = |holds: &dyn Fn(&Value) -> bool| pods.iter().filter(|(_, pod)| holds(pod)).count();
    let ready = count(&|pod| is_ready(pod) && !is_terminating(pod));
    let updated = count(&|pod| label(pod, REVISION) == revision);
    // The revision that was in force stays the current one until all pods have the new one.
    let before = text(set, "/status/currentRevision");
    let all = updated == pods.len() && ready == pods.len();
    let current = if before.is_empty() || all { revision } else { before };
    json!({
        "observedGeneration": number(set, "/metadata/generation").unwrap_or(1),
        "replicas": pods.len(),
        "readyReplicas": ready,
        "availableReplicas": ready,
        "currentReplicas": count(&|pod| label(pod, REVISION) == current),
        "updatedReplicas": updated,
        "currentRevision": current,
        "updateRevision": revision,
        "collisionCount": 0,
    })
}

fn replicas(set: &Value) -> u32 {
    number(set, "/spec/replicas").and_then(|it| it.try_into().ok()).unwrap_or(1)
}

fn label<'a>(pod: &'a Value, label: &str) -> &'a str {
    pod.pointer("/metadata/labels").and_then(|labels| labels.get(label)?.as_str()).unwrap_or("")
}

/// Whether a pod's condition `Ready` holds.
pub(super) fn is_ready(pod: &Value) -> bool {
    items(pod, "/status/conditions")
        .iter()
        .any(|it| text(it, "/type") == "Ready" && text(it, "/status") == "True")
}

#[cfg(test)]
mod tests {
    use super::{claim, pod, revision, status};
    use serde_json::{Value, json};
    use std::sync::Arc;

    fn set() -> Value {
        json!({
            "metadata": { "name": "mydb", "namespace": "toygres", "uid": "u", "generation": 2 },
            "spec": {
                "serviceName": "mydb-svc",
                "selector": { "matchLabels": { "instance": "mydb" } },
                "template": {
                    "metadata": { "labels": { "instance": "mydb" } },
                    "spec": { "containers": [{ "name": "postgres", "image": "postgres:18" }] },
                },
                "volumeClaimTemplates": [{
                    "metadata": { "name": "data" }, "spec": {}, "status": {},
                }],
            },
        })
    }

    #[test]
    fn a_pod_is_owned_labelled_and_has_its_volumes() {
        let pod = pod(&set(), "mydb-0", 0, "mydb-1");
        assert_eq!(pod["metadata"]["ownerReferences"][0]["uid"], "u");
        assert_eq!(pod["metadata"]["labels"]["instance"], "mydb");
        assert_eq!(pod["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"], "mydb-0");
        let volume = &pod["spec"]["volumes"][0];
        assert_eq!(volume["persistentVolumeClaim"]["claimName"], "data-mydb-0");
        let claim = claim(&set(), &set()["spec"]["volumeClaimTemplates"][0], "mydb-0");
        assert_eq!(claim["metadata"]["name"], "data-mydb-0");
        assert_eq!(claim["metadata"]["labels"]["instance"], "mydb");
        assert!(claim.get("status").is_none());
    }

    #[test]
    fn a_revision_follows_the_template_and_nothing_else() {
        let mut set = set();
        let before = revision(&set);
        set["spec"]["replicas"] = 3.into();
        assert_eq!(revision(&set), before);
        set["spec"]["template"]["spec"]["containers"][0]["image"] = "postgres:17".into();
        assert_ne!(revision(&set), before);
    }

    #[test]
    fn a_revision_is_of_the_fields_and_not_of_their_order() {
        let mut set = set();
        let before = revision(&set);
        let container = &mut set["spec"]["template"]["spec"]["containers"][0];
        *container = json!({ "image": "postgres:18", "name": "postgres" });
        assert_eq!(revision(&set), before);
        // Named by an earlier release, and unchanged since.
        set["status"] = json!({ "observedGeneration": 2, "updateRevision": "mydb-old" });
        assert_eq!(revision(&set), "mydb-old");
        set["metadata"]["generation"] = 3.into();
        assert_eq!(revision(&set), before);
    }

    #[test]
    fn the_status_counts_the_old_and_the_new() {
        let mut set = set();
        set["status"] = json!({ "currentRevision": "mydb-1" });
        let pods = |revision: &str| {
            let ready = json!([{ "type": "Ready", "status": "True" }]);
            let pod = json!({
                "metadata": { "labels": { "controller-revision-hash": revision } },
                "status": { "conditions": ready },
            });
            vec![(0, Arc::new(pod))]
        };
        let old = status(&set, &pods("mydb-1"), "mydb-2");
        assert_eq!(old["currentRevision"], "mydb-1");
        assert_eq!((&old["currentReplicas"], &old["updatedReplicas"]), (&json!(1), &json!(0)));
        let new = status(&set, &pods("mydb-2"), "mydb-2");
        assert_eq!(new["currentRevision"], "mydb-2");
        assert_eq!((&new["readyReplicas"], &new["observedGeneration"]), (&json!(1), &json!(2)));
    }
}
