//! A healthy system: nothing fails, in any format, for anybody.

use crate::plane::{Plane, codes, node_is_ready};
use crate::support::check;
use serde_json::json;

#[test]
fn nothing_is_wrong_with_a_healthy_system() {
    let Some((plane, name)) = Plane::with_instance() else { return };
    let ran = plane.health(&["-o", "json"]).code(0);
    let answer = ran.json();
    assert_eq!(codes(&answer, &["warning", "failed", "unknown"]), Vec::<String>::new());
    assert_eq!(answer["status"], "healthy");
    assert!(answer["checks"].as_array().unwrap().len() >= 30);
    assert_eq!(answer["instances"][0]["k8s_name"], json!(name));
    assert_eq!(answer["instances"][0]["pod_ready"], true);
    assert_eq!(answer["instances"][0]["monitor_live"], true);
    summary(&plane);
    verbose(&plane, &name);
    formats(&plane);
    plane.health(&["--wait", "--timeout", "5s", "--fail-on", "warning"]).code(0);

    // Nobody makes the stand-in's node fall out.
    if !plane.deployment.world.api.has_rights() {
        return;
    }
    node_is_ready(plane.deployment.world, false);
    plane.is("TG0503", "failed", "none of 1 is ready");
    plane.health(&[]).code(1).shows("none of 1 is ready [TG0503]").shows("Unhealthy: 1 failed");
    node_is_ready(plane.deployment.world, true);
    plane.is("TG0503", "ok", "all ready");
}

/// The lines of the specification's sample.
fn summary(plane: &Plane) {
    let url = plane.server.as_ref().unwrap().home().join("toygres/api-url");
    let url = std::fs::read_to_string(url).unwrap();
    let ran = plane.toygres().env("AKS_CLUSTER_NAME", "toygres-aks");
    // Only a node of a real cluster says where it is.
    let real = plane.deployment.world.api.has_rights();
    let (region, class) = if real { (" (westus3)", "default") } else { ("", "local") };
    let shown = ran.args(["server", "health"]).run().code(0).stdout;
    let squeezed: Vec<String> = shown
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect();
    let namespace = &plane.deployment.namespace;
    assert_eq!(
        squeezed,
        [
            "System Health Check",
            &"━".repeat(58),
            "Control Plane:",
            &format!("✓ API Server {}", url.trim()),
            "✓ Duroxide Runtime 4 workers active",
            "✓ CMS Database PostgreSQL (toygres_cms schema)",
            "✓ Duroxide Database PostgreSQL (toygres_duroxide schema)",
            "Kubernetes:",
            &format!("✓ Cluster Connection toygres-aks{region}"),
            &format!("✓ Namespace Access {namespace}"),
            &format!("✓ Storage Class {class} (available)"),
            "✓ RBAC Permissions create/read/delete statefulsets, services, pvcs",
            "Data Plane:",
            "✓ Running Instances 1 healthy, 0 unhealthy",
            "✓ Failed Instances 0 (no action needed)",
            "✓ Orphaned Resources 0 (K8s resources without CMS record)",
            "✓ Abandoned Records 0 (CMS records without K8s resources)",
            "Overall Status: ✓ Healthy",
            "Use '--verbose' for detailed checks",
        ]
    );
}

fn verbose(plane: &Plane, name: &str) {
    let ran = plane.health(&["--verbose"]).code(0);
    let namespace = format!("✓ Namespace: {}", plane.deployment.namespace);
    for line in [
        "Detailed Checks:",
        "✓ API Server",
        "    - URL: http://127.0.0.1:",
        "    - Response Time: ",
        "    - Workers: ",
        "    - Schema: toygres_cms",
        "    - Nodes: 1 (all ready)",
        namespace.as_str(),
        "    - StatefulSets: 1",
        "    - Pods: 1 running",
        "Data Plane Instances:",
        &format!("✓ proddb ({name})"),
        "    - State: running / Health: healthy",
        "    - K8s: StatefulSet ready, Pod running, Service has an address, PVC bound",
        "health monitor active",
        "TG0101  ✓ OK",
    ] {
        assert!(ran.stdout.contains(line), "`{line}` is not in {}", ran.stdout);
    }
    assert!(!ran.stdout.contains("Recommendations"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("canary"), "{}", ran.stdout);
}

fn formats(plane: &Plane) {
    for format in ["table", "json", "jsonl", "yaml"] {
        let ran = plane.health(&["-o", format]).code(0);
        assert!(!ran.stdout.contains("canary"));
        check(format, &ran);
    }
    let line = plane.health(&["-o", "nagios"]).code(0).stdout;
    assert!(line.starts_with("TOYGRES OK - "), "{line}");
    assert!(line.contains(" failed=0 ") && line.lines().count() == 1, "{line}");
    plane.health(&["-o", "csv"]).code(2);
}
