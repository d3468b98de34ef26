//! Kubernetes is read as a set: what other tools add to an instance's objects, and in which order it
//! stands, is no drift and hides none.

use crate::plane::{Plane, of, said};
use serde_json::{Value, json};
use toygres_tests::postgres::major;

/// The address of every load balancer of the tests.
const RECORDED: &str = "127.0.0.1";

/// Gives a load balancer these addresses.
fn addresses(plane: &Plane, name: &str, ingress: &Value) {
    let patch = json!({"status": {"loadBalancer": {"ingress": ingress}}}).to_string();
    let service = format!("{name}-svc");
    let args = ["patch", "service", &service, "--subresource=status", "--type=merge", "-p"];
    plane.kubectl(&[&args[..], &[&patch]].concat());
}

fn found(plane: &Plane, name: &str) -> Vec<String> {
    of(&plane.drift(), name).into_iter().map(said).collect()
}

fn recorded(plane: &Plane, name: &str) -> String {
    let sql = format!(
        "SELECT external_ip || ' ' || ip_connection_string FROM instances WHERE k8s_name = '{name}'"
    );
    plane.sql(&sql).trim().to_owned()
}

#[test]
fn any_address_of_a_load_balancer_is_right() {
    let Some(mut plane) = Plane::new() else { return };
    let name = plane.instance("swapped");
    plane.stop_server();
    let before = recorded(&plane, &name);
    for ingress in [
        json!([{"ip": "10.1.2.3"}, {"ip": RECORDED}]),
        json!([{"ip": RECORDED}, {"ip": "10.1.2.3"}]),
        json!([{"hostname": "lb.example.com"}, {"ip": RECORDED}]),
    ] {
        addresses(&plane, &name, &ingress);
        assert_eq!(found(&plane, &name), [] as [&str; 0], "{ingress}");
        plane.run(&["drift", "--auto-resolve", "--force"]).code(0);
        assert_eq!(recorded(&plane, &name), before, "{ingress}");
    }
    // One that is gone is drift, and is not written over where nothing answers in its place.
    addresses(&plane, &name, &json!([{"ip": "127.0.0.2"}]));
    let before = recorded(&plane, &name);
    plane.run(&["drift"]).code(1).shows("external_ip").hides("--auto-resolve");
    let left = plane.run(&["drift", "--auto-resolve", "--force"]).code(1);
    left.says("PostgreSQL does not answer at 127.0.0.2, port ");
    assert_eq!(recorded(&plane, &name), before);
}

#[test]
fn what_sidecars_add_is_no_drift_and_hides_none() {
    let Some(mut plane) = Plane::new() else { return };
    let name = plane.instance("sidecars");
    plane.stop_server();
    let before = recorded(&plane, &name);
    let service = format!("{name}-svc");
    let change = r#"[{"op": "add", "path": "/spec/ports/0",
        "value": {"name": "metrics", "port": 9187, "targetPort": 9187}}]"#;
    plane.kubectl(&["patch", "service", &service, "--type=json", "-p", change]);
    let add = |path: &str, value: Value| {
        let change = json!([{"op": "add", "path": path, "value": value}]).to_string();
        plane.kubectl(&["patch", "statefulset", &name, "--type=json", "-p", &change]);
    };
    let cache = json!({"name": "cache", "persistentVolumeClaim": {"claimName": "backup-cache"}});
    add("/spec/template/spec/volumes/0", cache);
    let mount = json!({"name": "cache", "mountPath": "/cache"});
    add("/spec/template/spec/containers/0/volumeMounts/0", mount);
    add("/spec/template/spec/containers/0", json!({"name": "exporter", "image": "exporter:1"}));
    plane.has(&format!("pod/{name}-0"), ".spec.containers[0].name", "exporter");
    plane.has(&format!("statefulset/{name}"), ".status.readyReplicas", "1");
    assert_eq!(found(&plane, &name), [] as [&str; 0]);
    plane.run(&["drift", "--auto-resolve", "--force"]).code(0);
    assert_eq!(recorded(&plane, &name), before);
    // Behind it, what is wrong is seen.
    let change = r#"[{"op": "replace", "path": "/spec/ports/1/targetPort", "value": 9187}]"#;
    plane.kubectl(&["patch", "service", &service, "--type=json", "-p", change]);
    assert_eq!(found(&plane, &name), ["mismatch:target_port"]);
}

/// Settings of the database or its roles change how plain literals are read; they hide no drift.
#[test]
fn odd_settings_of_the_database_hide_nothing() {
    let Some(mut plane) = Plane::new() else { return };
    let name = plane.instance("settings");
    plane.stop_server();
    let before = recorded(&plane, &name);
    for setting in [
        "standard_conforming_strings = off",
        "backslash_quote = off",
        "DateStyle = 'German, DMY'",
        "IntervalStyle = sql_standard",
    ] {
        plane.sql(&format!(
            "DO $do$ BEGIN EXECUTE format('ALTER DATABASE %I SET {}', current_database()); END $do$",
            setting.replace('\'', "''")
        ));
    }
    assert_eq!(found(&plane, &name), [] as [&str; 0]);
    plane.sql(
        "UPDATE instances SET \
         ip_connection_string = regexp_replace(ip_connection_string, ':[0-9]+/', ':1/'), \
         dns_connection_string = regexp_replace(dns_connection_string, ':[0-9]+/', ':1/')",
    );
    assert_eq!(found(&plane, &name), ["mismatch:port"]);
    plane.run(&["drift", "--auto-resolve", "--force"]).code(0);
    assert_eq!(recorded(&plane, &name), before);
}

#[test]
fn one_image_has_several_spellings() {
    let Some(mut plane) = Plane::new() else { return };
    let name = plane.instance("spelled");
    plane.stop_server();
    let set = |image: &str| {
        let image_of = format!("postgres={image}");
        plane.kubectl(&["set", "image", &format!("statefulset/{name}"), &image_of]);
        plane.has(&format!("pod/{name}-0"), ".spec.containers[0].image", image);
        plane.has(&format!("statefulset/{name}"), ".status.readyReplicas", "1");
    };
    let major = major();
    let digest = "sha256:0011223344556677889900112233445566778899001122334455667788990011";
    for image in [
        format!("docker.io/library/postgres:{major}"),
        format!("index.docker.io/library/postgres:{major}"),
        format!("postgres:{major}@{digest}"),
    ] {
        set(&image);
        assert_eq!(found(&plane, &name), [] as [&str; 0], "{image}");
    }
    let mirror = format!("mirror.example/library/postgres:{major}");
    set(&mirror);
    let drift = plane.drift();
    let reason = of(&drift, &name)[0]["fields"][0]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("another registry"), "{drift:#}");
    let configured = plane
        .toygres()
        .env("TOYGRES_IMAGE", "mirror.example/library/postgres:{version}")
        .args(["server", "drift", "-o", "json"])
        .run();
    assert_eq!(configured.code(0).json()["drifts"], json!([]));
    set(&format!("postgres@{digest}"));
    assert_eq!(found(&plane, &name), ["mismatch:image"]);
}

#[test]
fn amounts_are_numbers_and_lead_somewhere() {
    let options =
        toygres_tests::control::Options::default().env("TOYGRES_STORAGE_CLASS", "amounts");
    let Some(mut plane) = Plane::with(options) else { return };
    plane.apply(&json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": "amounts"}, "provisioner": "example.com/none",
        "allowVolumeExpansion": true,
    }));
    let names = plane.instances(&[
        json!({"name": "odd", "password": "test123"}),
        json!({"name": "huge", "password": "test123"}),
    ]);
    let (odd, huge) = (&names[0], &names[1]);
    plane.stop_server();
    let grow = |name: &str, amount: &str| {
        let patch = json!({"spec": {"resources": {"requests": {"storage": amount}}}}).to_string();
        plane.kubectl(&["patch", "pvc", &format!("{name}-pvc"), "-p", &patch]);
    };
    grow(odd, "10500Mi");
    grow(huge, "1Ei");
    let drift = plane.drift();
    let field = |name: &str| of(&drift, name)[0]["fields"][0]["kubernetes"].clone();
    assert_eq!((field(odd), field(huge)), (json!(11_010_048_000_i64), json!(1_i64 << 60)));
    // What is offered leads out of it: grown to whole Gi, it can be written.
    let ways = of(&drift, odd)[0]["resolutions"].as_array().unwrap().clone();
    let command = ways[0]["command"].as_str().unwrap();
    assert!(command.contains("11Gi"), "{ways:?}");
    let pasted = std::process::Command::new("sh")
        .args(["-c", command])
        .env("KUBECONFIG", plane.deployment.world.api.kubeconfig())
        .output()
        .unwrap();
    assert!(pasted.status.success(), "{command}: {pasted:?}");
    plane.run(&["sync", "--force"]);
    assert_eq!(found(&plane, odd), [] as [&str; 0]);
    assert_eq!(
        plane
            .sql(&format!("SELECT storage_size_gb FROM instances WHERE k8s_name = '{odd}'"))
            .trim(),
        "11"
    );
}
