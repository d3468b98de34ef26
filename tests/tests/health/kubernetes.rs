//! Faults in Kubernetes: rights, quotas, events, and the objects of instances.

use crate::plane::{Plane, found, on_cluster, one};
use crate::support::{Ran, Toygres};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Event, PersistentVolumeClaim, Pod, ResourceQuota, Service};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use std::fmt::Debug;
use std::process::Command;
use std::time::Duration;
use toygres_tests::kube::Rule;
use toygres_tests::wait;

#[test]
fn what_the_namespace_lacks_is_named() {
    let Some(plane) = Plane::at_rest() else { return };
    let with = |name: &str, value: &str, code: &str| -> Ran {
        let args = ["server", "health", "-o", "json", "--check", code];
        plane.toygres().env(name, value).args(args).run()
    };
    let row = one(&with("AKS_NAMESPACE", "not-there", "TG0504"), "TG0504");
    assert_eq!(
        (&row["outcome"], &row["summary"]),
        (&json!("failed"), &json!("there is no namespace `not-there`"))
    );
    let row = one(&with("TOYGRES_STORAGE_CLASS", "not-there", "TG0508"), "TG0508");
    assert_eq!(row["outcome"], "failed", "{row:#}");
    let row = one(&with("KUBECONFIG", "/nonexistent", "TG0501"), "TG0501");
    assert_eq!(row["outcome"], "unknown", "{row:#}");
    plane.is("TG0502", "ok", "v1.");

    plane.is("TG0505", "ok", "there is none");
    let namespace = plane.deployment.namespace.clone();
    on_cluster(&plane.kubeconfig(), async |client| {
        let quotas: Api<ResourceQuota> = Api::namespaced(client.clone(), &namespace);
        let quota = json!({"metadata": {"name": "few"}, "spec": {"hard": {"pods": "10"}}});
        quotas.create(&PostParams::default(), &serde_json::from_value(quota)?).await?;
        let status = json!({"status": {"hard": {"pods": "10"}, "used": {"pods": "9"}}});
        quotas.patch_status("few", &PatchParams::default(), &Patch::Merge(status)).await?;
        let events: Api<Event> = Api::namespaced(client, &namespace);
        let now = plane_time();
        let event = json!({"metadata": {"name": "e1"}, "type": "Warning", "reason": "FailedMount",
            "message": "no such volume", "lastTimestamp": now,
            "involvedObject": {"kind": "Pod", "name": "a-0", "namespace": namespace}});
        events.create(&PostParams::default(), &serde_json::from_value(event)?).await?;
        Ok(())
    });
    plane.is("TG0505", "warning", "few pods at 90%");
    plane.is("TG0506", "warning", "FailedMount: no such volume");
    hints_can_be_pasted(&plane);
}

/// Where the kubeconfig is one that `kubectl` would not take by itself, its hints name it.
fn hints_can_be_pasted(plane: &Plane) {
    let (kubeconfig, namespace) = (plane.kubeconfig(), &plane.deployment.namespace);
    let settings = format!("[kubernetes]\nkubeconfig = \"{}\"\n", kubeconfig.display());
    let toygres = Toygres::on(&plane.deployment.database.url)
        .env("AKS_NAMESPACE", namespace)
        .file("toygres/config.toml", settings);
    let fix = found(toygres, "TG0506")["fix"][0].as_str().unwrap().to_owned();
    let options = format!("--kubeconfig {}", kubeconfig.display());
    assert_eq!(
        fix,
        format!("kubectl {options} get events -n {namespace} --field-selector type=Warning")
    );
    let pasted = Command::new("sh").args(["-c", &fix]).output().unwrap();
    assert!(String::from_utf8_lossy(&pasted.stdout).contains("FailedMount"), "{pasted:?}");
    // A shell that has the variable needs no more than the namespace.
    let fix = plane.is("TG0506", "warning", "FailedMount")["fix"][0].clone();
    assert_eq!(fix, format!("kubectl get events -n {namespace} --field-selector type=Warning"));
    let fix = found(plane.toygres().env("TOYGRES_KUBE_CONTEXT", "else where"), "TG0501");
    assert!(!fix["fix"].to_string().contains("kubectl get"), "{fix:#}");
}

fn plane_time() -> String {
    k8s_openapi::jiff::Timestamp::now().to_string()
}

#[test]
fn rights_that_were_taken_away_are_named() {
    let Some(plane) = Plane::at_rest() else { return };
    let all: &[(&str, &str, &[&str])] = &[
        ("apps", "statefulsets", &["create", "delete", "get", "list"]),
        ("", "services", &["create", "delete", "get"]),
        ("", "persistentvolumeclaims", &["create", "delete", "get"]),
        ("", "secrets", &["create", "delete", "get"]),
        ("", "pods", &["list"]),
    ];
    let codes = ["TG0511", "TG0512", "TG0513", "TG0514", "TG0515"];
    // With one right less each time, and at first with all of them.
    for without in std::iter::once(None).chain((0..all.len()).map(Some)) {
        let rules: Vec<Rule<'_>> = all
            .iter()
            .enumerate()
            .map(|(n, (group, resource, verbs))| Rule {
                group,
                resources: std::slice::from_ref(resource),
                verbs: if without == Some(n) { &verbs[1..] } else { verbs },
            })
            .filter(|rule| !rule.verbs.is_empty())
            .collect();
        let namespace = &plane.deployment.namespace;
        let user = plane.deployment.world.api.user_with(namespace, &rules).unwrap();
        let checks = codes.iter().flat_map(|code| ["--check", *code]);
        let ran = plane
            .toygres()
            .env("KUBECONFIG", &user.kubeconfig.to_string_lossy())
            .args(["server", "health", "-o", "json"])
            .args(checks)
            .run()
            .code(i32::from(without.is_some()));
        for (n, code) in codes.iter().enumerate() {
            let expected = if without == Some(n) { "failed" } else { "ok" };
            assert_eq!(one(&ran, code)["outcome"], expected, "{ran:#?}");
        }
    }
}

/// With what `drift` reads, and nothing more, a healthy system is one.
#[test]
fn a_reader_is_told_what_it_may_not_see_and_nothing_else() {
    let Some((plane, _)) = Plane::with_instance() else { return };
    let rules = [
        Rule { group: "apps", resources: &["statefulsets"], verbs: &["get", "list"] },
        Rule {
            group: "",
            resources: &["services", "persistentvolumeclaims", "pods"],
            verbs: &["get", "list"],
        },
    ];
    for code in ["TG0601", "TG0602", "TG0603", "TG0605"] {
        plane.becomes(code, "ok", "");
    }
    let user = plane.deployment.world.api.user_with(&plane.deployment.namespace, &rules).unwrap();
    let kubernetes = (501..=516).map(|code| format!("TG0{code}"));
    let data = (602..=605).map(|code| format!("TG0{code}"));
    let codes: Vec<String> = kubernetes
        .chain(data)
        .filter(|code| !["TG0509", "TG0510"].contains(&code.as_str()))
        .collect();
    let checks: Vec<&str> = codes.iter().flat_map(|code| ["--check", code.as_str()]).collect();
    let run = |format: &[&str]| {
        let toygres = plane.toygres().env("KUBECONFIG", &user.kubeconfig.to_string_lossy());
        toygres
            .args(["server", "health"])
            .args(checks.iter().copied())
            .args(format.iter().copied())
            .run()
    };
    let ran = run(&["-o", "json"]).code(0);
    for (code, right) in [
        ("TG0503", "needs `list` on `nodes`"),
        ("TG0508", "needs `list` on `storageclasses`"),
        ("TG0505", "needs `list` on `resourcequotas`"),
        ("TG0511", "on `statefulsets.apps`"),
        ("TG0514", "on `secrets`"),
    ] {
        let row = one(&ran, code);
        assert_eq!(row["outcome"], "skipped", "{row:#}");
        assert!(row["summary"].as_str().unwrap().contains(right), "{row:#}");
    }
    for code in ["TG0501", "TG0504", "TG0515", "TG0602", "TG0604"] {
        assert_eq!(one(&ran, code)["outcome"], "ok", "{ran:#?}");
    }
    let text = run(&["--verbose"]).code(0);
    for debug in ["Status {", "ApiError", "ServiceError", "Some("] {
        assert!(!text.stdout.contains(debug) && !text.stderr.contains(debug), "{text:#?}");
    }
}

async fn delete<K>(client: kube::Client, namespace: &str, name: &str) -> toygres_tests::Result
where
    K: kube::Resource<Scope = kube::core::NamespaceResourceScope>
        + Clone
        + Debug
        + serde::de::DeserializeOwned,
    K::DynamicType: Default,
{
    let api: Api<K> = Api::namespaced(client, namespace);
    api.delete(name, &DeleteParams::default()).await?;
    Ok(())
}

#[test]
fn an_instance_that_loses_its_parts_is_named() {
    let Some((plane, name)) = Plane::with_instance() else { return };
    let kubelet = &plane.deployment.world.kubelet;
    let namespace = plane.deployment.namespace.clone();
    let pod = format!("{name}-0");
    for code in ["TG0602", "TG0603", "TG0604", "TG0605", "TG0610", "TG0612"] {
        plane.becomes(code, "ok", "");
    }

    kubelet.hold(&name);
    on_cluster(&plane.kubeconfig(), async |c| delete::<Pod>(c, &namespace, &pod).await);
    plane.becomes("TG0602", "failed", "its pod is");
    kubelet.release(&name);
    plane.becomes("TG0602", "ok", "");

    kubelet.fail_image(&name);
    on_cluster(&plane.kubeconfig(), async |c| delete::<Pod>(c, &namespace, &pod).await);
    plane.becomes("TG0610", "failed", "Image");
    kubelet.release(&name);
    plane.becomes("TG0610", "ok", "");

    let service = format!("{name}-svc");
    on_cluster(&plane.kubeconfig(), async |c| delete::<Service>(c, &namespace, &service).await);
    plane.becomes("TG0603", "failed", "it has no service");
    // Its health cannot be asked for any more, and that is no calm.
    plane.becomes("TG0601", "warning", &format!("1 not known: `{name}`"));
    let ran = plane.health(&["--verbose"]).code(1);
    assert!(ran.stdout.contains("no Service"), "{}", ran.stdout);
    assert!(ran.stdout.contains("Recommendations:"), "{}", ran.stdout);
    assert!(ran.stdout.contains("toygres get proddb"), "{}", ran.stdout);

    let monitor = format!("health-{name}");
    let cancel = ["server", "cancel", monitor.as_str(), "--force", "--wait"];
    plane.toygres().args(cancel).run().code(0);
    plane.becomes("TG0605", "failed", &name);

    on_cluster(&plane.kubeconfig(), async |c| delete::<StatefulSet>(c, &namespace, &name).await);
    plane.becomes("TG0602", "failed", "it has no stateful set");
    let claim = format!("{name}-pvc");
    on_cluster(&plane.kubeconfig(), async |c| {
        delete::<PersistentVolumeClaim>(c, &namespace, &claim).await
    });
    plane.becomes("TG0612", "failed", &name);
    // It is told once, as an abandoned record.
    plane.is("TG0602", "ok", "");
}

#[test]
fn objects_without_a_record_are_named() {
    let Some(plane) = Plane::at_rest() else { return };
    let namespace = plane.deployment.namespace.clone();
    on_cluster(&plane.kubeconfig(), async |client| {
        let services: Api<Service> = Api::namespaced(client, &namespace);
        let service: Value = json!({"metadata": {"name": "lost-00000001-svc",
            "labels": {"app": "postgres", "instance": "lost-00000001"}},
            "spec": {"ports": [{"port": 5432}]}});
        services.create(&PostParams::default(), &serde_json::from_value(service)?).await?;
        Ok(())
    });
    // One that was made a moment ago may be an instance that is being made.
    plane.is("TG0611", "ok", "0");
    wait::until_within(Duration::from_secs(120), "the orphan", || {
        let found = plane.finds("TG0611");
        let named = found["summary"].as_str().unwrap_or_default().contains("`lost-00000001`");
        Ok((found["outcome"] == "warning" && named).then_some(()))
    })
    .unwrap();
}
