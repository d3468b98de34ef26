//! What a person sees, as the specification shows it.

use crate::plane::Plane;
use serde_json::json;
use toygres_model::kubernetes::Desired;
use toygres_tests::postgres::major;

#[test]
fn drift_is_told_as_specified() {
    let Some(mut plane) = Plane::new() else { return };
    let name = plane.instance("proddb");
    let clean = plane.run(&["drift"]).code(0);
    let rule = "━".repeat(58);
    assert_eq!(
        clean.stdout,
        format!(
            "Drift Detection\n{rule}\n\nChecking 1 instance...\n\n✓ No drift detected\n\n\
             All CMS records match Kubernetes resources.\n\
             All Kubernetes resources have corresponding CMS records.\n"
        )
    );
    plane.stop_server();
    orphan(&plane, "abandoned-db-xyz123");
    plane.sql(
        "INSERT INTO instances (user_name, k8s_name, namespace, state, updated_at)
         SELECT 'ghost-db', 'ghost-db-abc456', namespace, 'running', now() FROM instances LIMIT 1",
    );
    plane.kubectl(&["scale", &format!("statefulset/{name}"), "--replicas=0"]);
    let found = plane.run(&["drift"]).code(1);
    let namespace = &plane.deployment.namespace;
    let thin = "━".repeat(55);
    assert_eq!(
        found.stdout,
        format!(
            "Drift Detection
{rule}

Checking 2 instances...

⚠ 3 drifts detected

1. Orphaned K8s Resources
   {thin}
   K8s Name:     abandoned-db-xyz123
   Namespace:    {namespace}
   Resources:    StatefulSet, Service, PVC (all present)
   Issue:        No CMS record found

   Possible Causes:
   - Instance was created outside of Toygres
   - CMS database was restored from old backup
   - Manual deletion of CMS record

   Resolution Options:
   - Import to CMS:    toygres server sync --import abandoned-db-xyz123
   - Delete from K8s:  kubectl delete statefulset,svc,pvc -n {namespace} -l instance=abandoned-db-xyz123

2. Abandoned CMS Records
   {thin}
   Instance:     ghost-db
   K8s Name:     ghost-db-abc456
   State:        running
   Issue:        No K8s resources found (StatefulSet missing)

   Possible Causes:
   - Resources manually deleted from K8s
   - Kubernetes namespace was deleted
   - Cluster was recreated

   Resolution Options:
   - Mark as deleted:  toygres server sync --mark-deleted ghost-db
   - Recreate:         Not supported (would need to delete and recreate)

3. State Mismatch
   {thin}
   Instance:     proddb
   K8s Name:     {name}
   State:        running
   Issue:        `replicas` differs

   Differences:
   - replicas: CMS 1, Kubernetes 0

   Possible Causes:
   - An object was changed by hand or by another tool

   Resolution Options:
   - Scale it back:    kubectl scale -n {namespace} statefulset/{name} --replicas=1

Drift Summary:
  Orphaned K8s:      1
  Abandoned CMS:     1
  State Mismatch:    1

Use 'toygres server sync' for manual reconciliation.
"
        )
    );
    let verbose = plane.run(&["drift", "--verbose"]).code(1);
    for part in ["Severity:     error", "Record:       ", "Since:        not recorded"] {
        assert!(verbose.stdout.contains(part), "{part}: {verbose:#?}");
    }
    same_in_yaml(&plane);
}

#[test]
fn data_that_is_left_is_not_offered_to_be_deleted_first() {
    let Some(mut plane) = Plane::new() else { return };
    let name = plane.instance("headless");
    plane.stop_server();
    plane.kubectl(&["delete", "statefulset", &name]);
    plane.has(&format!("pod/{name}-0"), ".metadata.name", "");
    let text = plane.run(&["drift"]).code(1);
    let namespace = &plane.deployment.namespace;
    text.hides("--auto-resolve")
        .hides("toygres delete")
        .shows("Issue:        StatefulSet missing\n")
        .shows(&format!(
            "   Resolution Options:
   - Make the StatefulSet again around its data volume: toygres server sync
   - Look at its data volume:                           \
         kubectl describe -n {namespace} persistentvolumeclaims {name}-pvc
"
        ));
    let refused = plane.run(&["sync", "--mark-deleted", "headless", "-o", "json"]).code(9).error();
    assert!(refused["hint"].as_str().unwrap().contains("its data volume too"), "{refused}");
    // What is simple is still offered.
    plane.sql("UPDATE instances SET external_ip = NULL");
    plane.run(&["drift"]).code(1).shows("Run with --auto-resolve");
}

fn same_in_yaml(plane: &Plane) {
    let json = plane.drift();
    let yaml = plane.run(&["drift", "-o", "yaml"]).code(1);
    let yaml: serde_json::Value = serde_saphyr::from_str(&yaml.stdout).unwrap();
    assert_eq!(yaml, json);
}

/// All objects of an instance of which the CMS knows nothing.
pub(crate) fn orphan(plane: &Plane, k8s_name: &str) {
    let namespace = plane.deployment.namespace.clone();
    let image = format!("postgres:{}", major());
    let desired = Desired {
        id: "",
        k8s_name,
        namespace: &namespace,
        version: major(),
        image: &image,
        storage_gb: 10,
        storage_class: None,
        load_balancer: true,
        dns_label: None,
    };
    for mut object in [desired.claim(), desired.service(), desired.stateful_set()] {
        // As an old deployment, or somebody else, has made them.
        object["metadata"]["annotations"] = json!({});
        if object["kind"] == "StatefulSet" {
            object["spec"]["template"]["metadata"]["annotations"] = json!({});
        }
        plane.apply(&object);
    }
    plane.has(&format!("statefulset/{k8s_name}"), ".status.readyReplicas", "1");
    let ingress = ".status.loadBalancer.ingress[0].ip";
    plane.has(&format!("service/{k8s_name}-svc"), ingress, "127.0.0.1");
    plane.has(&format!("pvc/{k8s_name}-pvc"), ".status.phase", "Bound");
}
