//! A StatefulSet by hand: its pod is a real server.

use crate::home::{Home, database, psql, stateful_set, url};
use crate::processes::{gone, pid};
use crate::support::Ran;
use std::io::{BufRead, BufReader, Read};
use toygres_tests::wait;

#[test]
fn a_database_lives_as_its_objects_say() {
    let home = Home::new();
    home.up();
    home.apply(&database("mydb", "it's secret"));
    home.ready("mydb-0");
    let url = url(&home, "mydb", "it's%20secret");
    psql(&url, "CREATE TABLE kept AS SELECT 42 AS answer").unwrap();
    let wrong = psql(&url.replace("secret", "other"), "SELECT 1").unwrap_err().to_string();
    assert!(wrong.contains("password authentication failed"), "{wrong}");

    let set = home.object("statefulset", "mydb");
    for (field, value) in [
        ("replicas", 1),
        ("readyReplicas", 1),
        ("currentReplicas", 1),
        ("updatedReplicas", 1),
        ("observedGeneration", 1),
    ] {
        assert_eq!(set["status"][field], value, "{field} of {:#}", set["status"]);
    }
    let pod = home.object("pod", "mydb-0");
    assert_eq!(pod["status"]["phase"], "Running");
    assert_eq!(pod["metadata"]["ownerReferences"][0]["uid"], set["metadata"]["uid"]);
    assert_eq!(pod["status"]["containerStatuses"][0]["restartCount"], 0);
    let claim = home.object("pvc", "mydb-pvc");
    assert_eq!(claim["status"]["phase"], "Bound");
    let told = home.kubectl(&["describe", "pod", "mydb-0"]).code(0);
    for reason in ["Scheduled", "Pulled", "Created", "Started", "is served by PostgreSQL"] {
        assert!(told.stdout.contains(reason), "`{reason}` is missing in {}", told.stdout);
    }
    let log = home.kubectl(&["logs", "mydb-0"]).code(0);
    assert!(log.stdout.contains("ready to accept connections"), "{log:#?}");
    assert!(log.stdout.contains("password authentication failed"), "{log:#?}");
    let last = home.kubectl(&["logs", "mydb-0", "--tail=1"]).code(0);
    assert_eq!(last.stdout.lines().count(), 1);

    // A changed Secret is for databases to come.
    home.kubectl(&["delete", "secret", "mydb-credentials"]).code(0);
    assert_eq!(psql(&url, "SELECT answer FROM kept").unwrap(), "42");

    home.kubectl(&["delete", "statefulset", "mydb"]).code(0);
    gone(process(&pod));
    assert!(psql(&url, "SELECT 1").is_err());
    let folder = home.path("local/volumes/toygres/mydb-pvc/pgdata/PG_VERSION");
    assert!(folder.exists(), "the claim keeps the data");
    home.kubectl(&["delete", "pvc", "mydb-pvc", "--timeout=60s"]).code(0);
    assert!(!folder.parent().unwrap().parent().unwrap().exists());

    // The same names again are another database.
    home.kubectl(&["delete", "service", "mydb-svc"]).code(0);
    home.apply(&database("mydb", "other"));
    home.ready("mydb-0");
    let url = crate::home::url(&home, "mydb", "other");
    assert!(psql(&url, "SELECT answer FROM kept").unwrap_err().to_string().contains("not exist"));
}

#[test]
fn a_deleted_pod_comes_back_and_a_scaled_one_when_it_is_wanted() {
    let home = Home::new();
    home.up();
    home.apply(&database("mydb", "pass"));
    home.ready("mydb-0");
    let url = url(&home, "mydb", "pass");
    psql(&url, "CREATE TABLE kept AS SELECT 42 AS answer").unwrap();
    let first = home.object("pod", "mydb-0");
    home.kubectl(&["delete", "pod", "mydb-0"]).code(0);
    gone(process(&first));
    home.ready("mydb-0");
    let second = home.object("pod", "mydb-0");
    assert_ne!(second["metadata"]["uid"], first["metadata"]["uid"]);
    assert_eq!(psql(&url, "SELECT answer FROM kept").unwrap(), "42");

    home.kubectl(&["scale", "statefulset", "mydb", "--replicas=0"]).code(0);
    gone(process(&second));
    wait::until("no pod to be left", || {
        Ok((home.kubectl(&["get", "pod", "mydb-0"]).code != 0).then_some(()))
    })
    .unwrap();
    assert_eq!(home.object("statefulset", "mydb")["status"]["replicas"], 0);
    // Down and up do not change what is wanted.
    home.down();
    home.up();
    assert_eq!(home.status()["pods"], serde_json::json!([]));
    home.kubectl(&["scale", "statefulset", "mydb", "--replicas=1"]).code(0);
    home.ready("mydb-0");
    assert_eq!(psql(&url, "SELECT answer FROM kept").unwrap(), "42");
}

#[test]
fn pods_come_back_with_their_data_and_ports() {
    let home = Home::new();
    home.up();
    for name in ["one", "two"] {
        home.apply(&database(name, "pass"));
    }
    let urls = ["one", "two"].map(|name| {
        home.ready(&format!("{name}-0"));
        let url = url(&home, name, "pass");
        psql(&url, &format!("CREATE TABLE kept AS SELECT '{name}' AS name")).unwrap();
        url
    });
    assert_ne!(urls[0], urls[1]);
    home.down();
    let up = home.up();
    assert!(up["pods"].as_array().unwrap().iter().all(|pod| pod["ready"] == true), "{up:#}");
    for (name, before) in ["one", "two"].iter().zip(&urls) {
        assert_eq!(url(&home, name, "pass"), *before);
        assert_eq!(psql(before, "SELECT name FROM kept").unwrap(), *name);
    }
}

#[test]
fn a_claim_in_use_waits_for_its_pod() {
    let home = Home::new();
    home.up();
    home.apply(&database("mydb", "pass"));
    home.ready("mydb-0");
    home.kubectl(&["delete", "pvc", "mydb-pvc", "--wait=false"]).code(0);
    let claim = home.object("pvc", "mydb-pvc");
    assert!(claim["metadata"]["deletionTimestamp"].is_string());
    psql(&url(&home, "mydb", "pass"), "SELECT 1").unwrap();
    home.kubectl(&["delete", "statefulset", "mydb"]).code(0);
    home.kubectl(&["wait", "--for=delete", "pvc/mydb-pvc", "--timeout=60s"]).code(0);
    assert!(!home.path("local/volumes/toygres/mydb-pvc").exists());
}

#[test]
fn a_new_template_replaces_the_pod() {
    let home = Home::new();
    home.up();
    home.apply(&database("mydb", "pass"));
    home.ready("mydb-0");
    let before = home.object("pod", "mydb-0");
    let changed = stateful_set("mydb", "postgres:18-alpine");
    let changed = changed.replace(
        "ports: [{ containerPort",
        "args: [-c, work_mem=7MB]\n          ports: [{ containerPort",
    );
    home.apply(&changed);
    home.kubectl(&["rollout", "status", "statefulset/mydb", "--timeout=60s"]).code(0);
    gone(process(&before));
    let url = url(&home, "mydb", "pass");
    assert_eq!(psql(&url, "SHOW work_mem").unwrap(), "7MB");
    let set = home.object("statefulset", "mydb");
    assert_eq!(set["status"]["currentRevision"], set["status"]["updateRevision"]);
}

#[test]
fn a_pod_without_a_set_or_a_claim_runs_too() {
    let home = Home::new();
    home.up();
    let pod = r#"
apiVersion: v1
kind: Pod
metadata: { name: alone, namespace: toygres, labels: { app: alone } }
spec:
  containers:
    - name: db
      image: docker.io/library/postgres
      env:
        - { name: POSTGRES_PASSWORD, value: pass }
        - { name: POSTGRES_USER, value: me too }
        - { name: POSTGRES_DB, value: mine }
"#;
    home.apply(pod);
    home.ready("alone");
    let status = home.status();
    let port = &status["pods"][0]["port"];
    let url = format!("postgresql://me%20too:pass@127.0.0.1:{port}/mine");
    assert_eq!(psql(&url, "SELECT current_user, current_database()").unwrap(), "me too|mine");
    // A Service that comes later finds it where it is.
    home.kubectl(&["expose", "pod", "alone", "--port=5432"]).code(0);
    assert_eq!(&home.object("service", "alone")["spec"]["ports"][0]["port"], port);
    home.kubectl(&["delete", "pod", "alone"]).code(0);
    gone(pid(&status["pods"][0]["pid"]));
    let left: Vec<_> = std::fs::read_dir(home.path("local/volumes/toygres")).unwrap().collect();
    assert_eq!(left.len(), 0, "{left:?}");
}

#[test]
fn a_log_is_followed_to_the_end_of_its_pod() {
    let home = Home::new();
    home.up();
    home.apply(&database("mydb", "pass"));
    home.ready("mydb-0");
    let url = url(&home, "mydb", "pass");
    let mut following = home.start_kubectl(&["logs", "-f", "mydb-0", "--tail=1", "--timestamps"]);
    // It has begun once it shows what was there.
    let mut lines = BufReader::new(following.stdout.take().unwrap());
    let mut followed = String::new();
    lines.read_line(&mut followed).unwrap();
    psql(&url, "DO $$ BEGIN RAISE LOG 'a word for those who follow'; END $$").unwrap();
    home.kubectl(&["scale", "statefulset", "mydb", "--replicas=0"]).code(0);
    lines.read_to_string(&mut followed).unwrap();
    Ran::of(following.wait_with_output().unwrap()).code(0);
    for part in ["LOG:  a word for those who follow", "database system is shut down"] {
        assert!(followed.contains(part), "`{part}` is missing in {followed}");
    }
    let timed = followed.lines().all(|line| line.starts_with("20") && line.contains("Z "));
    assert!(timed, "{followed}");
}

/// The process of a pod's container.
fn process(pod: &serde_json::Value) -> i32 {
    let id = pod["status"]["containerStatuses"][0]["containerID"].as_str().unwrap();
    id.strip_prefix("process://").unwrap().parse().unwrap()
}

#[test]
fn what_is_said_of_a_set_replaces_no_pod() {
    let home = Home::new();
    home.up();
    home.apply(&database("mydb", "pass"));
    home.ready("mydb-0");
    let before = home.object("pod", "mydb-0");
    let set = home.object("statefulset", "mydb");
    for said in [
        &["annotate", "statefulset/mydb", "a=b"][..],
        &["label", "statefulset/mydb", "team=data"],
        &["annotate", "statefulset/mydb", "a=c", "--overwrite"],
    ] {
        home.kubectl(said).code(0);
    }
    // The controller has seen it once the next set that is made has its pod.
    home.apply(&database("other", "pass"));
    home.ready("other-0");
    let after = home.object("statefulset", "mydb");
    assert_eq!(after["metadata"]["generation"], set["metadata"]["generation"]);
    for revision in ["currentRevision", "updateRevision"] {
        assert_eq!(after["status"][revision], set["status"][revision], "{after:#}");
    }
    let pod = home.object("pod", "mydb-0");
    assert_eq!(pod["metadata"]["uid"], before["metadata"]["uid"]);
    assert!(pod["metadata"]["deletionTimestamp"].is_null(), "{pod:#}");
    // A new template does replace it.
    home.kubectl(&["set", "env", "statefulset/mydb", "LANG=C"]).code(0);
    home.kubectl(&["rollout", "status", "statefulset/mydb", "--timeout=60s"]).code(0);
    assert_ne!(home.object("pod", "mydb-0")["metadata"]["uid"], before["metadata"]["uid"]);
}
