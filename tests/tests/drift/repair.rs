//! What is put right, and what is left: nothing is planned that cannot be done, one that fails holds
//! up no other, and what is lost is made again around the data.

use crate::plane::{Plane, of, said};
use crate::view::orphan;
use serde_json::json;

#[test]
fn an_orphan_holds_up_nothing_that_is_simple() {
    let Some(plane) = Plane::new() else { return };
    let name = plane.instance("unwatched");
    orphan(&plane, "abandoned-db-0badcafe");
    // With its Secret it could be imported at once, so that a plan has steps for it.
    plane.apply(&json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "abandoned-db-0badcafe-credentials",
            "labels": {"app": "postgres", "instance": "abandoned-db-0badcafe"}},
        "stringData": {"username": "postgres", "password": "test123"},
    }));
    let alone = plane.run(&["drift", "-o", "json"]).code(1).json();
    assert_eq!(alone["simple_steps"], 0, "{alone:#}");
    plane.run(&["drift"]).code(1).hides("--auto-resolve");
    plane.run(&["cancel", &format!("health-{name}"), "--force", "--wait"]).code(0);
    let drift = plane.drift();
    assert_eq!(drift["simple_steps"], 1, "{drift:#}");

    let ran = plane.run(&["drift", "--auto-resolve", "--force", "-o", "json"]).code(1);
    let drift = ran.json();
    assert_eq!(of(&drift, &name).len(), 0, "{drift:#}");
    assert_eq!(of(&drift, "abandoned-db-0badcafe").len(), 1, "{drift:#}");
    let open = "SELECT count(*) FROM drift_detections WHERE resolved_at IS NULL";
    assert_eq!(plane.sql(open).trim(), "0");
}

#[test]
fn a_step_that_fails_holds_up_no_other_and_closes_its_record() {
    let Some(plane) = Plane::new() else { return };
    let names = plane.instances(&[
        json!({"name": "asleep", "password": "test123"}),
        json!({"name": "moved", "password": "test123"}),
    ]);
    let (asleep, moved) = (&names[0], &names[1]);
    plane.run(&["cancel", &format!("health-{asleep}"), "--force", "--wait"]).code(0);
    plane.sql(&format!("UPDATE instances SET external_ip = NULL WHERE k8s_name = '{moved}'"));
    // Nobody can start a monitor without the API.
    let ran = plane
        .toygres()
        .env("TOYGRES_API_URL", "http://127.0.0.1:1")
        .args(["server", "drift", "--auto-resolve", "--force", "-o", "json"])
        .run();
    assert_ne!(ran.code, 0, "{ran:#?}");
    assert!(ran.error()["causes"].to_string().contains("start a health monitor"), "{ran:#?}");
    let told = plane.sql(&format!("SELECT external_ip FROM instances WHERE k8s_name = '{moved}'"));
    assert_eq!(told.trim(), "127.0.0.1", "the step behind it was lost");
    let open = "SELECT count(*) FROM drift_detections WHERE resolved_at IS NULL";
    assert_eq!(plane.sql(open).trim(), "0");
    let said = plane.sql("SELECT message FROM drift_detections WHERE message LIKE '%step failed%'");
    assert!(said.contains("start a health monitor"), "{said}");
    // With it, the rest is done.
    plane.run(&["drift", "--auto-resolve", "--force"]).code(0);
    assert_eq!(plane.drift()["drifts"], json!([]));
}

#[test]
fn a_lost_stateful_set_comes_back_around_its_claim() {
    let Some(plane) = Plane::new() else { return };
    let name = plane.instance("headless");
    let claim = format!("{name}-pvc");
    let uid = plane.kubectl(&["get", "pvc", &claim, "-o", "jsonpath={.metadata.uid}"]);
    plane.kubectl(&["delete", "statefulset", &name]);
    plane.has(&format!("pod/{name}-0"), ".metadata.name", "");
    let dry = plane.run(&["sync", "--dry-run", "-o", "json"]).code(0).json();
    assert_eq!(dry["steps"][0]["action"], "make_stateful_set", "{dry:#}");
    plane.run(&["sync", "--force"]).code(0);
    plane.has(&format!("statefulset/{name}"), ".status.readyReplicas", "1");
    assert_eq!(plane.drift()["drifts"], json!([]));
    assert_eq!(plane.kubectl(&["get", "pvc", &claim, "-o", "jsonpath={.metadata.uid}"]), uid);
    let event = "SELECT count(*) FROM instance_events WHERE event_type = 'stateful-set-made'";
    assert_eq!(plane.sql(event).trim(), "1");
}

#[test]
fn a_lost_secret_is_given_back_or_made_anew() {
    let Some(plane) = Plane::new() else { return };
    let names = plane.instances(&[
        json!({"name": "given", "password": "test123"}),
        json!({"name": "anew", "password": "test123"}),
        json!({"name": "recorded", "password": "test123"}),
    ]);
    let [given, anew, recorded] = names.as_slice() else { panic!("{names:?}") };
    let secret = |name: &str| format!("{name}-credentials");
    for name in &names {
        plane.kubectl(&["delete", "secret", &secret(name)]);
    }
    // As old deployments keep it: in the record.
    plane.sql(&format!(
        "UPDATE instances SET ip_connection_string =
             replace(ip_connection_string, 'postgres@', 'postgres:p%%40ss@') WHERE k8s_name = '{recorded}'"
    ).replace("%%", "%"));
    plane.kubectl(&["delete", "statefulset", recorded]);
    plane.has(&format!("pod/{recorded}-0"), ".metadata.name", "");
    // Nobody knows the passwords of the others: both ways are offered, and nothing is deleted.
    let drift = plane.drift();
    for name in [given, anew] {
        let found = of(&drift, name);
        assert_eq!(found.len(), 1, "{name}: {drift:#}");
        let ways = found[0]["resolutions"].to_string();
        assert!(ways.contains("--restore-secret") && ways.contains("--reset-password"), "{ways}");
    }
    let left = plane.run(&["sync", "--force", "-o", "json"]).code(0).json();
    assert_eq!(left["left"].as_array().unwrap().len(), 2, "{left:#}");

    let password = |name: &str| {
        let path = "jsonpath={.data.password}";
        let encoded = plane.kubectl(&["get", "secret", &secret(name), "-o", path]);
        let decode = std::process::Command::new("sh")
            .args(["-c", "printf %s \"$1\" | base64 -d", "sh", &encoded])
            .output()
            .unwrap();
        String::from_utf8(decode.stdout).unwrap()
    };
    assert_eq!(password(recorded), "p@ss");
    let ran = plane
        .toygres()
        .file("pw", "test123\n")
        .args(["server", "sync", "--restore-secret", "given", "--password-file", "pw", "--force"])
        .run();
    ran.code(0).hides("test123");
    assert_eq!(password(given), "test123");
    let ran = plane.run(&["sync", "--reset-password", "anew", "--force", "-o", "json"]).code(0);
    let new = password(anew);
    assert!(new.len() >= 32 && new != "test123", "{new}");
    ran.hides(&new);
    let first = ".spec.template.spec.initContainers[0].name";
    plane.has(&format!("statefulset/{anew}"), first, "reset-password");
    plane.has(&format!("statefulset/{anew}"), ".status.readyReplicas", "1");
    plane.has(&format!("statefulset/{recorded}"), ".status.readyReplicas", "1");
    let drift = plane.drift();
    assert_eq!(drift["drifts"], json!([]), "{drift:#}");
    // Run again, there is nothing to restore.
    plane.run(&["sync", "--restore-secret", "given", "--force"]).code(0).shows("Nothing to do");
}

#[test]
fn leftovers_are_removed_by_what_is_offered() {
    let Some(mut plane) = Plane::new() else { return };
    let name = plane.instance("leftover");
    plane.stop_server();
    plane.kubectl(&["delete", "statefulset,service,pvc", "-l", &format!("instance={name}")]);
    plane.has(&format!("pod/{name}-0"), ".metadata.name", "");
    plane.has(&format!("pvc/{name}-pvc"), ".metadata.name", "");
    plane.run(&["sync", "--mark-deleted", "leftover", "--force"]).code(0);
    let drift = plane.drift();
    let found = of(&drift, &name);
    assert_eq!(found.len(), 1, "{drift:#}");
    assert_eq!(said(found[0]), "orphaned:secret,state");
    let command = found[0]["resolutions"][0]["command"].as_str().unwrap();
    let pasted = std::process::Command::new("sh")
        .args(["-c", command])
        .env("KUBECONFIG", plane.deployment.world.api.kubeconfig())
        .output()
        .unwrap();
    assert!(pasted.status.success(), "{command}: {pasted:?}");
    plane.run(&["drift"]).code(0);
}

#[test]
fn a_deletion_that_hangs_names_what_holds_it() {
    let Some(plane) = Plane::new() else { return };
    let name = plane.instance("held");
    let claim = format!("{name}-pvc");
    let hold = |change: &str| {
        plane.kubectl(&["patch", "pvc", &claim, "--type=json", "-p", change]);
    };
    hold(r#"[{"op": "add", "path": "/metadata/finalizers/-", "value": "example.com/hold"}]"#);
    let ran = plane
        .toygres()
        .args(["delete", "held", "--force", "--wait", "--timeout", "10s", "-o", "json"])
        .run();
    let error = ran.code(7).error();
    let cause = error["causes"].to_string();
    for part in [&claim as &str, "example.com/hold", "being deleted for "] {
        assert!(cause.contains(part), "{part}: {error:#}");
    }
    let look = format!("persistentvolumeclaims {claim} -o yaml");
    assert!(error["hint"].as_str().unwrap().contains(&look), "{error:#}");
    let get = plane.toygres().args(["get", &name]).run().code(0);
    get.shows("example.com/hold");
    let drift = plane.run(&["drift", "-o", "json"]).code(0).json();
    let stuck = &drift["in_flight"][0]["stuck"][0];
    assert_eq!(stuck["name"], claim.as_str(), "{drift:#}");
    assert!(stuck["finalizers"].to_string().contains("example.com/hold"), "{drift:#}");
    assert!(stuck["age_ms"].as_i64().unwrap() >= 0, "{drift:#}");
    plane.run(&["drift"]).code(0).shows("Stuck Deletions").shows(&look);
    hold(r#"[{"op": "replace", "path": "/metadata/finalizers", "value": []}]"#);
    plane.deployment.reaches(&name, "deleted").unwrap();
}
