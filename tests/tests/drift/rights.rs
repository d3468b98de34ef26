//! With the right to read alone it works, and everything that it asks for is a read.

use crate::plane::{Plane, of, said};
use toygres_tests::kube::Rule;
use toygres_tests::postgres::PrivatePostgres;

const READS: &[Rule<'_>] = &[
    Rule { group: "apps", resources: &["statefulsets"], verbs: &["get", "list"] },
    Rule {
        group: "",
        resources: &["services", "persistentvolumeclaims", "pods"],
        verbs: &["get", "list"],
    },
];

#[test]
fn with_reading_alone_it_finds_the_same_and_changes_nothing() {
    let Some(mut plane) = Plane::new() else { return };
    let name = plane.instance("rights");
    plane.stop_server();
    plane.kubectl(&["scale", &format!("statefulset/{name}"), "--replicas=0"]);
    plane.has(&format!("pod/{name}-0"), ".metadata.name", "");
    // What Kubernetes keeps from it is not missing.
    plane.kubectl(&["delete", "secret", &format!("{name}-credentials")]);

    let server = PrivatePostgres::shared();
    server.create_role("drift_reader", "").unwrap();
    plane.sql(
        "GRANT USAGE ON SCHEMA toygres_cms, toygres_duroxide TO drift_reader;
         GRANT SELECT ON ALL TABLES IN SCHEMA toygres_cms, toygres_duroxide TO drift_reader",
    );
    let user = plane.deployment.world.api.user_with(&plane.deployment.namespace, READS).unwrap();
    let url = plane.deployment.database.url_for("drift_reader");
    // For this role alone: the harness' own statements are none of them.
    plane.sql("ALTER ROLE drift_reader SET log_statement = 'all'");
    let before = plane.deployment.database.dump();
    let logged = server.log().unwrap().len();
    let ran =
        plane.toygres_as(&url, &user.kubeconfig).args(["server", "drift", "-o", "json"]).run();
    let drift = ran.code(1).json();
    let found: Vec<String> = of(&drift, &name).into_iter().map(said).collect();
    assert_eq!(found, ["mismatch:replicas"], "{drift:#}");
    let secrets = &drift["not_compared"][0];
    assert_eq!(secrets["needed"], false, "{drift:#}");
    assert!(secrets["what"].as_str().unwrap().starts_with("secrets in "));

    assert!(plane.deployment.database.dump() == before, "the database was changed");
    only_reads_of_sql(&server.log().unwrap()[logged..]);
    let asked = plane.deployment.world.api.asked_by(&user.name).unwrap();
    assert!(asked.len() >= 9, "four lists, four objects and the Secrets: {asked:?}");
    let other: Vec<_> = asked.iter().filter(|(verb, _)| verb != "get" && verb != "list").collect();
    assert!(other.is_empty(), "{other:?}");
}

/// The statements of the log, which are those of this role alone, only read.
#[track_caller]
fn only_reads_of_sql(log: &str) {
    let logged = log.lines().filter_map(|line| {
        let at = ["statement: ", "execute <unnamed>: "].into_iter();
        at.filter_map(|word| line.split_once(word)).map(|(_, statement)| statement.trim()).next()
    });
    let mut seen = 0;
    for statement in logged {
        let first = statement.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        let reads = match first {
            "BEGIN" => statement.contains("READ ONLY"),
            "PREPARE" => statement.contains(" AS"),
            "SELECT" | "WITH" | "SET" | "ROLLBACK" | "EXECUTE" => true,
            _ => false,
        };
        assert!(reads, "no read: {statement}");
        seen += 1;
    }
    assert!(seen >= 6, "hardly anything was logged: {log}");
}

#[test]
fn what_reads_cannot_resolve() {
    let Some(plane) = Plane::new() else { return };
    let name = plane.instance("unasked");
    plane.sql(&format!("UPDATE instances SET external_ip = NULL WHERE k8s_name = '{name}'"));
    let before = plane.sql("SELECT updated_at FROM instances");
    let refused = plane.run(&["drift", "--auto-resolve", "-o", "json"]).code(6).error();
    assert_eq!(refused["kind"], "refused");
    assert!(
        refused["hint"].as_str().unwrap().contains("toygres server drift --auto-resolve --force"),
        "{refused}"
    );
    assert_eq!(plane.sql("SELECT updated_at FROM instances"), before);
    assert_eq!(plane.sql("SELECT count(*) FROM drift_detections").trim(), "0");
}

#[test]
fn whoever_may_not_write_is_told_the_right() {
    let Some(mut plane) = Plane::new() else { return };
    plane.instance("unwritten");
    plane.stop_server();
    PrivatePostgres::shared().create_role("sync_reader", "").unwrap();
    plane.sql(
        "GRANT USAGE ON SCHEMA toygres_cms, toygres_duroxide TO sync_reader;
         GRANT SELECT ON ALL TABLES IN SCHEMA toygres_cms, toygres_duroxide TO sync_reader;
         UPDATE instances SET external_ip = NULL",
    );
    let url = plane.deployment.database.url_for("sync_reader");
    let kubeconfig = plane.deployment.world.api.kubeconfig();
    let args = ["server", "sync", "--force", "-o", "json"];
    let error = plane.toygres_as(&url, kubeconfig).args(args).run().code(4).error();
    let hint = error["hint"].as_str().unwrap();
    assert!(hint.contains("GRANT INSERT, UPDATE ON ALL TABLES"), "{error}");
    assert!(!hint.contains("again to go on"), "{error}");
}
