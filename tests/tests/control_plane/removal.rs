//! Deleting what is not ready for it, and objects that are somebody else's.

use super::{begin, text};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Service};
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::json;
use toygres_tests::control::{Deployment, Mode, Options};
use toygres_tests::wait;

#[test]
fn a_creation_at_work_ends_before_its_instance_is_deleted() {
    let Some(deployment) = Deployment::new() else { return };
    let server = deployment.start(Options::default().env("TOYGRES_READY_INTERVAL_MS", "2000"));
    let api = server.api().unwrap();
    let name = begin(&api, "hastydb");
    deployment.world.kubelet.hold(&name);
    wait::until("the pod to be waited for", || {
        let made = deployment.objects().of(Some(&name))?;
        Ok((made.len() == 5).then_some(()))
    })
    .unwrap();
    assert_eq!(api.delete("/api/instances/hastydb").unwrap().body["state"], "deleting");
    deployment.reaches(&name, "deleted").unwrap();
    deployment.objects().vanish(None).unwrap();
    deployment.comes_to_rest().unwrap();
    let ended = deployment.json(&format!(
        "SELECT to_jsonb(output) FROM toygres_duroxide.executions WHERE instance_id = 'create-{name}'"
    ));
    assert_eq!(ended.unwrap(), "canceled: the instance is being deleted");
    let states = "SELECT jsonb_agg(new_state ORDER BY created_at) FROM toygres_cms.instance_events";
    assert_eq!(deployment.json(states).unwrap(), json!(["creating", "deleting", "deleted"]));
}

#[test]
fn what_a_worker_makes_after_it_hung_and_lost_its_turn_is_unmade() {
    let Some(deployment) = Deployment::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let gate = folder.path().join("gate");
    // The lease is longer than the test: nobody takes over but the deletion.
    let slow = Options::mode(Mode::Worker)
        .with_fault("deploy-postgres:gate")
        .env("TOYGRES_FAULT_GATE", gate.to_str().unwrap())
        .env("TOYGRES_LEASE_MS", "600000");
    let slow = deployment.start(slow);
    let server = deployment.start(Options::mode(Mode::Api));
    let api = server.api().unwrap();
    let name = begin(&api, "latedb");
    wait::until("the deployment to hang", || {
        Ok(slow.said().contains("waiting at the gate").then_some(()))
    })
    .unwrap();
    let _quick = deployment.start(Options::mode(Mode::Worker));
    api.delete("/api/instances/latedb").unwrap();
    // As the database does with a session that hangs for minutes.
    let holder = "FROM pg_locks l JOIN pg_stat_activity a USING (pid)
        WHERE l.locktype = 'advisory' AND l.mode = 'ShareLock' AND l.granted
        AND a.datname = current_database() AND a.state = 'idle in transaction'";
    assert_eq!(deployment.record(&name).unwrap()["state"], "deleting");
    assert_eq!(deployment.count(&format!("SELECT count(*) {holder}")), 1, "it has its turn");
    deployment.database.psql(&format!("SELECT pg_terminate_backend(pid) {holder}"));
    deployment.reaches(&name, "deleted").unwrap();
    assert_eq!(deployment.objects().of(None).unwrap(), Vec::<String>::new());
    std::fs::write(&gate, "").unwrap();
    wait::until("it to notice", || {
        Ok(slow.said().contains("unmade what was made too late").then_some(()))
    })
    .unwrap();
    deployment.objects().vanish(None).unwrap();
}

#[test]
fn two_dozen_deletions_right_after_their_creation_leave_nothing() {
    let Some(deployment) = Deployment::new() else { return };
    let server = deployment.start(Options::default());
    let api = server.api().unwrap();
    // Each is cut off at another moment of its creation.
    let names: Vec<String> = (0..24).map(|n| begin(&api, &format!("brief{n}"))).collect();
    for name in &names {
        assert_eq!(api.delete(&format!("/api/instances/{name}")).unwrap().status, 202);
    }
    for name in &names {
        deployment.reaches(name, "deleted").unwrap();
    }
    deployment.objects().vanish(None).unwrap();
    deployment.comes_to_rest().unwrap();
}

#[test]
fn objects_of_somebody_else_are_named_and_left_alone() {
    let Some(deployment) = Deployment::new() else { return };
    let server = deployment.start(Options::mode(Mode::Api));
    let name = begin(&server.api().unwrap(), "takendb");
    let claim = format!("{name}-pvc");
    let theirs = json!({"metadata": {"name": claim, "labels": {"app": "theirs"}}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    let objects = deployment.objects();
    objects
        .ask(async |client| {
            let claims: Api<PersistentVolumeClaim> = Api::namespaced(client, &deployment.namespace);
            claims.create(&PostParams::default(), &serde_json::from_value(theirs)?).await?;
            Ok(())
        })
        .unwrap();
    let _worker = deployment.start(Options::mode(Mode::Worker));
    let record = deployment.reaches(&name, "failed").unwrap();
    let why = text(&record, "message");
    assert!(why.contains(&format!("`{claim}` of persistentvolumeclaims")), "{why}");
    assert!(why.contains("is not of this instance"), "{why}");
    objects.vanish(None).unwrap();
    deployment.comes_to_rest().unwrap();
    objects
        .ask(async |client| {
            let claims: Api<PersistentVolumeClaim> = Api::namespaced(client, &deployment.namespace);
            let there = claims.get(&claim).await?;
            assert_eq!(there.metadata.deletion_timestamp, None);
            Ok(())
        })
        .unwrap();
}

#[test]
fn an_instance_whose_service_went_is_unknown_and_can_be_deleted() {
    let Some(deployment) = Deployment::new() else { return };
    let server = deployment.start(Options::default());
    let api = server.api().unwrap();
    let name = begin(&api, "bareddb");
    deployment.reaches(&name, "running").unwrap();
    deployment
        .objects()
        .ask(async |client| {
            let services: Api<Service> = Api::namespaced(client, &deployment.namespace);
            services.delete(&format!("{name}-svc"), &DeleteParams::default()).await?;
            Ok(())
        })
        .unwrap();
    wait::until("the check to miss it", || {
        let error = deployment.json(
            "SELECT to_jsonb(error_message) FROM toygres_cms.instance_health_checks
             WHERE status = 'unknown' LIMIT 1",
        )?;
        Ok((error == format!("the Service `{name}-svc` is gone")).then_some(()))
    })
    .unwrap();
    assert_eq!(api.get("/api/instances/bareddb").unwrap().body["health"], "unknown");
    api.delete("/api/instances/bareddb").unwrap();
    deployment.reaches(&name, "deleted").unwrap();
    deployment.objects().vanish(None).unwrap();
}
