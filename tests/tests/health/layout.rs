//! Where everything stands on the screen, to the column: the samples of the specification.

use crate::plane::Plane;
use regex::Regex;

#[test]
fn the_summary_is_the_sample() {
    let Some((plane, _)) = Plane::with_instance() else { return };
    let namespace = &plane.deployment.namespace;
    let url = plane.server.as_ref().unwrap().home().join("toygres/api-url");
    let url = std::fs::read_to_string(url).unwrap();
    let rule = "━".repeat(58);
    // Skipped is what the load of other tests may slow down.
    let quiet = ["TG0106", "TG0409", "TG0507", "TG0503"].iter().flat_map(|code| ["--skip", *code]);
    let args: Vec<&str> = ["server", "health"].into_iter().chain(quiet).collect();
    let toygres = || plane.toygres().env("AKS_CLUSTER_NAME", "toygres-aks").args(args.clone());
    let summary = format!(
        "\
System Health Check
{rule}

Control Plane:
  ✓ API Server             {url}
  ✓ Duroxide Runtime       4 workers active
  ✓ CMS Database           PostgreSQL (toygres_cms schema)
  ✓ Duroxide Database      PostgreSQL (toygres_duroxide schema)

Kubernetes:
  ✓ Cluster Connection     toygres-aks (westus3)
  ✓ Namespace Access       {namespace}
  ✓ Storage Class          default (available)
  ✓ RBAC Permissions       create/read/delete statefulsets, services, pvcs

Data Plane:
  ✓ Running Instances      1 healthy, 0 unhealthy
  ✓ Failed Instances       0 (no action needed)
  ✓ Orphaned Resources     0 (K8s resources without CMS record)
  ✓ Abandoned Records      0 (CMS records without K8s resources)

Overall Status: ✓ Healthy
",
        url = url.trim()
    );
    let hint = "\nUse '--verbose' for detailed checks\n";
    assert_eq!(toygres().run().code(0).stdout, format!("{summary}{hint}"));
    let verbose = toygres().args(["--verbose"]).run().code(0).stdout;
    let detailed =
        format!("{summary}\nDetailed Checks:\n{rule}\n\nControl Plane:\n  ✓ API Server\n");
    assert!(verbose.starts_with(&detailed), "{verbose}");
    // In colour the same stands in the same place.
    let colours = Regex::new("\x1b\\[[0-9;]*m").unwrap();
    let painted = toygres().args(["--color", "always"]).run().code(0).stdout;
    assert!(colours.is_match(&painted), "{painted}");
    assert_eq!(colours.replace_all(&painted, ""), format!("{summary}{hint}"));
}

/// A thousand instances, most of them well: every count is whole, and nobody scrolls for ever.
#[test]
fn a_thousand_instances_are_counted_and_not_all_listed() {
    let Some(plane) = Plane::at_rest() else { return };
    plane.sql(
        "INSERT INTO toygres_cms.instances (user_name, k8s_name, namespace, state, health_status, \
             created_at, updated_at) \
         SELECT 'db' || n, 'db' || n || '-00000001', 'elsewhere', 'running', \
             (CASE WHEN n <= 10 THEN 'unhealthy' ELSE 'healthy' END)::public.health_status, \
             now(), now() FROM generate_series(1, 1000) n",
    );
    plane.is("TG0601", "warning", "990 healthy, 10 unhealthy: `db1-00000001`, ");
    plane.is("TG0601", "warning", " and 5 more");
    let answer = plane.health(&["--check", "TG0601", "-o", "json"]).json();
    assert_eq!(answer["instances"].as_array().unwrap().len(), 1000);
    let shown = plane.health(&["--check", "TG0601", "--verbose"]).stdout;
    let states = shown.matches("- State: running / Health: ").count();
    assert_eq!((states, shown.matches("Health: unhealthy").count()), (50, 10), "{shown}");
    assert!(shown.contains("and 950 more, "), "{shown}");
    assert!(shown.lines().count() < 400, "{shown}");
}
