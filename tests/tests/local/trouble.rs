//! Pods that cannot run say why, and run once they can.

use crate::home::{Home, database, psql, stateful_set, url};
use serde_json::Value;
use toygres_tests::wait;

#[test]
fn a_missing_secret_is_named_and_waited_for() {
    let home = Home::new();
    home.up();
    let documents = database("mydb", "pass");
    let (secret, rest) = documents.split_once("---").unwrap();
    home.apply(rest);
    let waiting = waits(&home, "mydb-0");
    assert_eq!(waiting["reason"], "CreateContainerConfigError");
    assert_eq!(waiting["message"], "secret \"mydb-credentials\" not found");
    assert_eq!(home.object("pod", "mydb-0")["status"]["phase"], "Pending");
    told(&home, "pod", "mydb-0", "secret \"mydb-credentials\" not found");
    home.apply(secret);
    home.ready("mydb-0");
    psql(&url(&home, "mydb", "pass"), "SELECT 1").unwrap();
}

#[test]
fn a_missing_claim_is_named_and_waited_for() {
    let home = Home::new();
    home.up();
    home.apply(&stateful_set("mydb", "postgres:18"));
    told(&home, "pod", "mydb-0", "persistentvolumeclaim \"mydb-pvc\" not found");
    let pod = home.object("pod", "mydb-0");
    assert_eq!(pod["status"]["conditions"][0]["reason"], "Unschedulable");
    home.apply(&database("mydb", "pass"));
    home.ready("mydb-0");
}

#[test]
fn an_image_that_is_not_postgres_is_refused_until_it_is_changed() {
    let home = Home::new();
    home.up();
    home.apply(&database("mydb", "pass").replace("postgres:18", "nginx:1"));
    let waiting = waits(&home, "mydb-0");
    assert_eq!(waiting["reason"], "ErrImagePull");
    assert!(waiting["message"].as_str().unwrap().contains("\"nginx:1\""), "{waiting}");
    told(&home, "pod", "mydb-0", "failed to pull image \"nginx:1\"");
    home.apply(&stateful_set("mydb", "postgres:18"));
    home.kubectl(&["rollout", "status", "statefulset/mydb", "--timeout=60s"]).code(0);
    psql(&url(&home, "mydb", "pass"), "SELECT 1").unwrap();
}

#[test]
fn a_server_that_cannot_start_backs_off_and_its_log_says_why() {
    let home = Home::new();
    home.up();
    let broken = database("mydb", "pass").replace(
        "ports: [{ containerPort",
        "args: [-c, no_such=1]\n          ports: [{ containerPort",
    );
    home.apply(&broken);
    wait::until("the back-off", || {
        let waiting = waits(&home, "mydb-0");
        Ok((waiting["reason"] == "CrashLoopBackOff").then_some(()))
    })
    .unwrap();
    told(&home, "pod", "mydb-0", "restarting failed container=postgres");
    let log = home.kubectl(&["logs", "mydb-0"]).code(0);
    assert!(log.stdout.contains("unrecognized configuration parameter \"no_such\""), "{log:#?}");
    let pod = home.object("pod", "mydb-0");
    let container = &pod["status"]["containerStatuses"][0];
    assert!(container["restartCount"].as_i64().unwrap() >= 1);
    assert_eq!(container["lastState"]["terminated"]["exitCode"], 1);
    home.run(&["local", "status"]).code(0).shows("keeps dying").says("not everything is ready");
    let late = home.run(&["local", "up", "--wait", "--timeout", "1s"]).code(7);
    late.says("pod `mydb-0` is not ready").says("toygres local status");
}

#[test]
fn no_password_is_no_database() {
    let home = Home::new();
    home.up();
    home.apply(
        "apiVersion: v1\nkind: Pod\nmetadata: { name: alone, namespace: toygres }\n\
         spec: { containers: [{ name: db, image: postgres }] }\n",
    );
    told(&home, "pod", "alone", "POSTGRES_PASSWORD gives no password");
}

#[test]
fn wrong_programs_are_named() {
    let home = Home::new().env("TOYGRES_PG_BIN", "/nowhere");
    let failed = home.run(&["local", "up"]).code(9);
    failed.says("there is no PostgreSQL in /nowhere").says("TOYGRES_PG_BIN");
    home.run(&["local", "status"]).code(3);
    let home = Home::new();
    home.up();
    home.down();
    let failed = home.run(&["local", "up", "--postgres-version", "9"]).code(2);
    failed.says("not 9").says("--purge");
    home.up();
}

/// Waits until a pod's container waits, and for what.
#[track_caller]
fn waits(home: &Home, pod: &str) -> Value {
    wait::until(&format!("{pod} to wait"), || {
        let found = home.kubectl(&["get", "pod", pod, "-o", "json"]);
        if found.code != 0 {
            return Ok(None);
        }
        let waiting = found.json()["status"]["containerStatuses"][0]["state"]["waiting"].clone();
        Ok(waiting.is_object().then_some(waiting).filter(|it| it["reason"] != "ContainerCreating"))
    })
    .unwrap()
}

/// Waits until `kubectl describe` tells it.
#[track_caller]
fn told(home: &Home, kind: &str, name: &str, what: &str) {
    wait::until(&format!("`{what}` to be told of {name}"), || {
        Ok(home.kubectl(&["describe", kind, name]).stdout.contains(what).then_some(()))
    })
    .unwrap();
}
