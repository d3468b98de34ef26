//! `sync`: what the dry run says is what is done; killed anywhere and run again, it comes to the same
//! end; a plan for another state is refused; no claim is ever deleted.

use crate::plane::Plane;
use crate::support::{Ran, Toygres};
use crate::view::orphan;
use expectrl::process::unix::WaitStatus;
use expectrl::session::{OsSession, Session};
use expectrl::{Eof, Expect};
use serde_json::{Value, json};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;
use toygres_tests::kube::Rule;
use toygres_tests::toygres::{binary, plugins};
use toygres_tests::wait;

/// What importing and mending needs of Kubernetes; nothing of it deletes.
const CHANGES: &[Rule<'_>] = &[
    Rule { group: "apps", resources: &["statefulsets"], verbs: &["get", "list", "patch"] },
    Rule { group: "", resources: &["pods"], verbs: &["get", "list"] },
    Rule {
        group: "",
        resources: &["services", "persistentvolumeclaims", "secrets"],
        verbs: &["get", "list", "create", "patch", "delete"],
    },
];

fn texts(ran: &Ran) -> Vec<String> {
    let data = ran.json();
    let steps = data["steps"].as_array().unwrap();
    steps.iter().map(|step| step["text"].as_str().unwrap().to_owned()).collect()
}

fn forget(plane: &Plane, name: &str) {
    let of = format!("(SELECT id FROM instances WHERE k8s_name = '{name}')");
    plane.sql(&format!(
        "DELETE FROM instance_events WHERE instance_id = {of};
         DELETE FROM instance_health_checks WHERE instance_id = {of};
         DELETE FROM instances WHERE k8s_name = '{name}'"
    ));
}

fn claims(plane: &Plane) -> String {
    plane.kubectl(&["get", "pvc", "-o", "jsonpath={range .items[*]}{.metadata.uid} {end}"])
}

fn server(plane: &Plane, args: &[&str]) -> Ran {
    plane.run(&[args, &["--force", "-o", "json"]].concat())
}

/// A command on a terminal; the folder is its home.
fn on_terminal(plane: &Plane, args: &[&str]) -> (OsSession, TempDir) {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(binary());
    command
        .args(args)
        .env_clear()
        .env("TERM", "xterm-256color")
        .env("LANG", "C.UTF-8")
        .env("TOYGRES_HOME", home.path())
        .env("TOYGRES_PLUGIN_PATH", plugins())
        .env("DATABASE_URL", &plane.deployment.database.url)
        .env("KUBECONFIG", plane.deployment.world.api.kubeconfig())
        .env("AKS_NAMESPACE", &plane.deployment.namespace)
        .env("TOYGRES_LEASE_MS", "0");
    if let Some(server) = &plane.server {
        let line =
            |name: &str| std::fs::read_to_string(server.home().join("toygres").join(name)).unwrap();
        command
            .env("TOYGRES_API_URL", line("api-url").trim())
            .env("TOYGRES_API_TOKEN", line("api-token").trim());
    }
    let mut session = Session::spawn(command).unwrap();
    session.set_expect_timeout(Some(Duration::from_secs(60)));
    (session, home)
}

/// The rest of what it says, and its exit code.
fn ended(mut session: OsSession) -> (String, i32) {
    let found = session.expect(Eof).unwrap();
    let text = String::from_utf8_lossy(found.get(0).unwrap_or_default()).into_owned();
    match session.get_process().wait().unwrap() {
        WaitStatus::Exited(_, code) => (text, code),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_the_dry_run_says_is_done_until_both_sides_agree() {
    let Some(plane) = Plane::new() else { return };
    let wants = ["address", "storage", "monitor", "unwatched", "service", "label", "forgotten"];
    let wants = wants.map(|name| json!({"name": name, "password": "test123"}));
    let names = plane.instances(&wants);
    let [address, storage, monitor, unwatched, service, label, forgotten] = names.as_slice() else {
        panic!("{names:?}")
    };
    plane.sql(&format!(
        "UPDATE instances SET external_ip = NULL, ip_connection_string =
             'postgresql://postgres:old-password@10.0.0.9:1/postgres' WHERE k8s_name = '{address}';
         UPDATE instances SET storage_size_gb = 99 WHERE k8s_name = '{storage}';
         UPDATE instances SET instance_actor_orchestration_id = NULL WHERE k8s_name = '{monitor}';
         INSERT INTO instances (user_name, k8s_name, namespace, state)
         SELECT 'ghost', 'ghost-00000001', namespace, 'running' FROM instances LIMIT 1"
    ));
    server(&plane, &["cancel", &format!("health-{unwatched}"), "--wait"]).code(0);
    forget(&plane, forgotten);
    // Its monitor ends by itself, having nothing to watch over.
    wait::until("the monitor to end", || {
        let sql = "SELECT count(*) FROM toygres_duroxide.executions e
             JOIN toygres_duroxide.instances i USING (instance_id)
             WHERE e.execution_id = i.current_execution_id AND e.status = 'Completed'
                 AND instance_id LIKE ";
        Ok((plane.deployment.count(&format!("{sql}'health-{forgotten}%'")) == 1).then_some(()))
    })
    .unwrap();
    plane.kubectl(&["delete", "service", &format!("{service}-svc")]);
    plane.kubectl(&["label", "pvc", &format!("{label}-pvc"), "app-"]);
    let before = claims(&plane);
    let user = plane.deployment.world.api.user_with(&plane.deployment.namespace, CHANGES).unwrap();
    let url = plane.deployment.database.url.clone();
    let sync = |args: &[&str]| {
        let all = [&["server", "sync"], args, &["-o", "json"]].concat();
        plane.toygres_as(&url, &user.kubeconfig).args(all).run()
    };

    let dumped = plane.sql("SELECT count(*) FROM drift_detections");
    let dry = sync(&["--dry-run"]).code(0);
    assert_eq!(plane.sql("SELECT count(*) FROM drift_detections"), dumped);
    let refused = sync(&[]).code(6);
    assert_eq!(refused.error()["kind"], "refused");
    let done = sync(&["--force"]).code(0);
    assert_eq!(texts(&dry), texts(&done));
    assert_eq!(texts(&done).len(), 9, "{:#}", done.json());
    for (planned, step) in
        dry.json()["steps"].as_array().unwrap().iter().zip(done.json()["steps"].as_array().unwrap())
    {
        assert_eq!((&planned["status"], &step["status"]), (&json!("planned"), &json!("done")));
    }
    // The new Service gets an address of its own, which the CMS is told then.
    plane.has(&format!("service/{service}-svc"), ".status.loadBalancer.ingress[0].ip", "127.0.0.1");
    let port = plane.deployment.world.pods.port().to_string();
    plane.has(&format!("service/{service}-svc"), ".spec.ports[0].port", &port);
    wait::until("both sides to agree", || {
        sync(&["--force"]).code(0);
        Ok((plane.run(&["drift"]).code == 0).then_some(()))
    })
    .unwrap();

    let url_of = format!("SELECT ip_connection_string FROM instances WHERE k8s_name = '{address}'");
    let mended = format!("postgresql://postgres:old-password@127.0.0.1:{port}/postgres");
    assert_eq!(plane.sql(&url_of).trim(), mended);
    assert_eq!(claims(&plane), before, "a claim was touched");
    let asked = plane.deployment.world.api.asked_by(&user.name).unwrap();
    assert!(asked.iter().any(|(verb, _)| verb == "create"), "{asked:?}");
    assert!(!asked.iter().any(|(verb, _)| verb.starts_with("delete")), "{asked:?}");
    let audited = plane.sql(
        "SELECT count(*) FROM drift_detections WHERE resolved_at IS NOT NULL
         AND resolved_by LIKE 'toygres sync%'",
    );
    assert!(audited.trim().parse::<u32>().unwrap() >= 9, "{audited}");
    let events = plane.sql(
        "SELECT string_agg(DISTINCT event_type, ' ' ORDER BY event_type) FROM instance_events
         WHERE metadata->>'by' = 'sync'",
    );
    assert_eq!(
        events.trim(),
        "address-recorded imported labels-restored marked-deleted monitor-recorded \
         monitor-started service-made storage-recorded"
    );
}

#[test]
fn an_import_killed_at_any_step_ends_the_same() {
    let Some(plane) = Plane::new() else { return };
    let mut faults = vec![None];
    for step in 1..=3 {
        for place in ["before", "abort"] {
            faults.push(Some(format!("sync:step-{step}:{place}")));
        }
    }
    for (n, fault) in faults.iter().enumerate() {
        let k8s_name = format!("adopted{n}-0000000{n}");
        orphan(&plane, &k8s_name);
        let import = |fault: Option<&str>| {
            let toygres = plane.toygres().file("password", "test123\n");
            let toygres = fault.map_or(toygres.env("A", "b"), |_| {
                let toygres = plane.toygres().file("password", "test123\n");
                toygres.env("TOYGRES_FAULT", fault.unwrap_or_default())
            });
            let args = ["server", "sync", "--import", &k8s_name, "--password-file", "password"];
            toygres.args(args).args(["--force", "-o", "json"]).run()
        };
        if let Some(fault) = fault {
            let killed = import(Some(fault));
            assert_ne!(killed.code, 0, "{fault}: {killed:#?}");
        }
        import(None).code(0).hides("test123");
        is_adopted(&plane, &k8s_name, &format!("adopted{n}"));
        assert_eq!(import(None).code(0).json()["steps"], json!([]), "{fault:?}");
    }
    let drift = plane.run(&["drift", "-o", "json"]).code(0).json();
    assert_eq!(drift["checked_instances"], faults.len());
}

fn is_adopted(plane: &Plane, k8s_name: &str, name: &str) {
    let record = plane.deployment.record(k8s_name).unwrap();
    assert_eq!((&record["state"], &record["user_name"]), (&json!("running"), &json!(name)));
    assert_eq!(record["instance_actor_orchestration_id"], format!("health-{k8s_name}"));
    let id = record["id"].as_str().unwrap();
    let uid = ["get", "statefulset", k8s_name, "-o", "jsonpath={.metadata.uid}"];
    assert_eq!(plane.kubectl(&uid), id);
    let count = |sql: &str| plane.deployment.count(sql);
    let events = format!(
        "SELECT count(*) FROM toygres_cms.instance_events
         WHERE instance_id = '{id}' AND event_type = 'imported'"
    );
    assert_eq!(count(&events), 1);
    let monitors = format!(
        "SELECT count(*) FROM toygres_duroxide.instances WHERE instance_id LIKE 'health-{k8s_name}%'"
    );
    assert_eq!(count(&monitors), 1);
    let audit =
        format!("SELECT count(*) FROM toygres_cms.drift_detections WHERE k8s_name = '{k8s_name}'");
    assert!(count(&audit) >= 1);
    let watched = format!(
        "SELECT count(*) FROM toygres_cms.instance_health_checks
         WHERE instance_id = '{id}' AND status = 'healthy'"
    );
    wait::until("it to be found healthy", || Ok((count(&watched) > 0).then_some(()))).unwrap();
}

#[test]
fn what_cannot_be_imported_is_told() {
    let Some(plane) = Plane::new() else { return };
    let name = plane.instance("here");
    let import = |name: &str| server(&plane, &["sync", "--import", name]);
    let none = import("nobody-00000000").code(5).error();
    assert!(none["hint"].as_str().unwrap().contains("server drift"), "{none}");
    assert_eq!(import(&name).code(0).json()["steps"], json!([]), "it has a record already");
    orphan(&plane, "here-00000001");
    // Nobody can type a password here, and the name is taken.
    let unasked = import("here-00000001").code(6).error();
    assert!(unasked["hint"].as_str().unwrap().contains("--password-file"), "{unasked}");
    let with = |options: &[&str]| {
        let toygres = plane.toygres().file("password", "test123");
        let args = ["server", "sync", "--import", "here-00000001", "--force", "-o", "json"];
        let password = ["--password-file", "password"];
        toygres.args(args).args(password).args(options.iter().copied()).run()
    };
    let taken = with(&[]).code(9).error();
    assert!(taken["message"].as_str().unwrap().contains(&name), "{taken}");
    with(&["--name", "elsewhere"]).code(0);
    plane.kubectl(&["scale", "statefulset/here-00000001", "--replicas=0"]);
    let bulk = server(&plane, &["sync", "--dry-run"]).code(0).json();
    assert_eq!(bulk["steps"], json!([]));
    assert_eq!(bulk["left"][0]["fields"], json!(["replicas"]), "{bulk:#}");
}

#[test]
fn a_record_is_marked_as_deleted_where_nothing_is_there() {
    let Some(plane) = Plane::new() else { return };
    let name = plane.instance("alive");
    let mark = |name: &str| server(&plane, &["sync", "--mark-deleted", name]);
    let there = mark("alive").code(9).error();
    assert!(there["message"].as_str().unwrap().contains("StatefulSet"), "{there}");
    assert!(there["hint"].as_str().unwrap().contains("toygres delete"), "{there}");
    assert_eq!(mark("nobody").code(5).error()["kind"], "not_found");
    for (n, fault) in ["", "sync:step-1:before", "sync:step-1:abort"].into_iter().enumerate() {
        let ghost = format!("ghost{n}");
        plane.sql(&format!(
            "INSERT INTO instances (user_name, k8s_name, namespace, state)
             SELECT '{ghost}', '{ghost}-00000001', namespace, 'running' FROM instances
             WHERE k8s_name = '{name}'"
        ));
        if !fault.is_empty() {
            let args = ["server", "sync", "--mark-deleted", &ghost, "--force"];
            let killed = plane.toygres().env("TOYGRES_FAULT", fault).args(args).run();
            assert_ne!(killed.code, 0, "{killed:#?}");
            let state = format!("SELECT state FROM instances WHERE user_name = '{ghost}'");
            assert_eq!(plane.sql(&state).trim(), "running");
        }
        assert_eq!(mark(&ghost).code(0).json()["steps"][0]["status"], "done");
        assert_eq!(mark(&ghost).code(0).json()["steps"], json!([]));
        let record = plane.deployment.record(&format!("{ghost}-00000001")).unwrap();
        assert_eq!(record["state"], "deleted");
        assert!(record["deleted_at"].is_string());
        let events = "SELECT count(*) FROM toygres_cms.instance_events e
             JOIN toygres_cms.instances i ON i.id = e.instance_id
             WHERE e.event_type = 'marked-deleted' AND e.new_state = 'deleted' AND user_name = ";
        assert_eq!(plane.deployment.count(&format!("{events}'{ghost}'")), 1);
    }
    plane.run(&["drift"]).code(0);
}

#[test]
fn another_cluster_is_not_taken_for_an_empty_one() {
    let Some(mut plane) = Plane::new() else { return };
    plane.instances(&["one", "two"].map(|name| json!({"name": name, "password": "test123"})));
    plane.stop_server();
    let empty = plane.deployment.world.api.namespace("empty").unwrap();
    plane.sql(&format!("UPDATE instances SET namespace = '{empty}'"));
    let toygres = plane.toygres().env("AKS_NAMESPACE", &empty);
    let plan = toygres.args(["server", "sync", "--dry-run", "-o", "json"]).run().code(0).json();
    assert_eq!(plan["steps"], json!([]), "{plan:#}");
    assert!(plan["left"][0]["reason"].as_str().unwrap().contains("another cluster"), "{plan:#}");
}

#[test]
fn a_plan_for_another_state_is_refused() {
    let Some(mut plane) = Plane::new() else { return };
    let name = plane.instance("planned");
    plane.stop_server();
    plane.sql("UPDATE instances SET storage_size_gb = 99");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plan.json");
    let file = file.to_str().unwrap();
    let executions = "UPDATE toygres_duroxide.executions";
    let monitor = "instance_id LIKE 'health-%' AND status =";
    let changes: [(&str, &dyn Fn()); 3] = [
        ("cms/", &|| {
            plane.sql("UPDATE instances SET updated_at = now()");
        }),
        ("persistentvolumeclaims/", &|| {
            plane.kubectl(&["annotate", "pvc", &format!("{name}-pvc"), "a=b"]);
        }),
        ("orchestrations/", &|| {
            let ends = format!("{executions} SET status = 'Failed' WHERE {monitor} 'Running'");
            plane.sql(&ends);
        }),
    ];
    for (what, change) in changes {
        plane.run(&["sync", "--dry-run", "--plan", file]).code(0);
        change();
        let refused = server(&plane, &["sync", "--plan", file]).code(6).error();
        assert!(refused["causes"].to_string().contains(what), "{what}: {refused:#}");
        assert_eq!(plane.sql("SELECT storage_size_gb FROM instances").trim(), "99");
    }
    plane.sql(&format!("{executions} SET status = 'Running' WHERE {monitor} 'Failed'"));
    // What the dry run prints is a plan too.
    let printed = server(&plane, &["sync", "--dry-run"]).code(0).stdout;
    std::fs::write(file, printed.replace("\"storage_gb\": 10", "\"storage_gb\": 11")).unwrap();
    let forged = server(&plane, &["sync", "--plan", file]).code(6).error();
    assert!(forged["message"].as_str().unwrap().contains("was changed"), "{forged}");
    std::fs::write(file, printed).unwrap();
    let done = server(&plane, &["sync", "--plan", file]).code(0).json();
    assert_eq!(done["steps"][0]["status"], "done");
    assert_eq!(plane.sql("SELECT storage_size_gb FROM instances").trim(), "10");
}

#[test]
fn simple_drift_is_resolved_where_it_is_asked_for_and_confirmed() {
    let Some(plane) = Plane::new() else { return };
    let name = plane.instance("simple");
    plane.sql("UPDATE instances SET external_ip = NULL, storage_size_gb = 99");
    plane.kubectl(&["label", "pvc", &format!("{name}-pvc"), "app-"]);
    let answer = |answer: &str| -> (String, i32) {
        let (mut session, _home) = on_terminal(&plane, &["server", "drift", "--auto-resolve"]);
        session.expect("Do these 2 steps?").unwrap();
        session.send(answer).unwrap();
        ended(session)
    };
    let (text, code) = answer("n");
    assert_eq!(code, 6, "{text}");
    assert_eq!(plane.sql("SELECT storage_size_gb FROM instances").trim(), "99");
    let (text, code) = answer("y");
    assert_eq!(code, 1, "labels are no simple drift: {text}");
    assert!(text.contains("`labels` differs"), "{text}");
    let drift: Value = plane.drift();
    assert_eq!(drift["summary"]["mismatch"], 1);
    let audited = plane.sql("SELECT count(*) FROM drift_detections WHERE resolved_at IS NOT NULL");
    assert_eq!(audited.trim(), "2");
}

/// A run that is killed between a change outside of the database and its record leaves that open;
/// the drift is gone, so that no step for it comes again.
#[test]
fn the_record_of_an_interrupted_step_is_closed() {
    let Some(plane) = Plane::new() else { return };
    let name = plane.instance("killed");
    let open = || plane.sql("SELECT count(*) FROM drift_detections WHERE resolved_at IS NULL");
    let kill = || {
        plane.kubectl(&["label", "pvc", &format!("{name}-pvc"), "app-"]);
        wait::until(
            "the drift to be found",
            || Ok((plane.run(&["drift"]).code == 1).then_some(())),
        )
        .unwrap();
        let killed = plane.toygres().env("TOYGRES_FAULT", "sync:step-1:abort");
        let killed = killed.args(["server", "sync", "--force"]).run();
        assert_ne!(killed.code, 0, "{killed:#?}");
        assert_eq!(open().trim(), "1");
        plane.run(&["drift"]).code(0);
    };
    kill();
    let dry = server(&plane, &["sync", "--dry-run"]).code(0);
    assert_eq!(dry.json()["steps"][0]["action"], "settle", "{:#}", dry.json());
    assert!(texts(&dry)[0].contains("put the labels"), "{:?}", texts(&dry));
    let done = server(&plane, &["sync"]).code(0);
    assert_eq!(texts(&done), texts(&dry));
    assert_eq!(done.json()["steps"][0]["status"], "done");
    assert_eq!(open().trim(), "0");
    assert_eq!(server(&plane, &["sync"]).code(0).json()["steps"], json!([]));

    kill();
    let api = plane.server.as_ref().unwrap().api().unwrap();
    let resolve = |body| api.post("/api/server/drift", &body).unwrap();
    let asked = resolve(json!({"auto_resolve": true}));
    assert_eq!(asked.status, 428, "{asked:#?}");
    assert_eq!(open().trim(), "1");
    let done = resolve(json!({"auto_resolve": true, "confirm": "yes"}));
    assert_eq!(done.status, 200, "{done:#?}");
    assert_eq!(open().trim(), "0");
    let told = plane.sql(
        "SELECT count(*) FROM drift_detections WHERE resolved_by LIKE 'toygres sync%'
         AND message LIKE 'put the labels of%the run that began this was interrupted%'",
    );
    assert_eq!(told.trim(), "2");

    // Where the drift is still there, it is the step that closes it.
    plane.kubectl(&["label", "pvc", &format!("{name}-pvc"), "app-"]);
    wait::until("the drift to be found", || Ok((plane.run(&["drift"]).code == 1).then_some(())))
        .unwrap();
    let refusing = plane.toygres().env("TOYGRES_FAULT", "sync:step-1:intended");
    assert_ne!(refusing.args(["server", "sync", "--force"]).run().code, 0);
    assert_eq!(open().trim(), "1");
    let done = server(&plane, &["sync"]).code(0).json();
    assert_eq!(done["steps"][0]["action"], "restore_labels", "{done:#}");
    assert_eq!(done["steps"].as_array().map(Vec::len), Some(1), "{done:#}");
    assert_eq!(open().trim(), "0");
}

/// Somebody with the API's address and token alone: the plan is read and written where they are.
#[test]
fn a_plan_goes_through_a_server() {
    let Some(plane) = Plane::new() else { return };
    plane.instance("faraway");
    plane.sql("UPDATE instances SET storage_size_gb = 99");
    wait::until("the drift to be found", || Ok((plane.run(&["drift"]).code == 1).then_some(())))
        .unwrap();
    let home = plane.server.as_ref().unwrap().home().join("toygres");
    let line = |name: &str| std::fs::read_to_string(home.join(name)).unwrap().trim().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let away = |args: &[&str]| {
        let toygres = Toygres::new()
            .env("TOYGRES_API_URL", &line("api-url"))
            .env("TOYGRES_API_TOKEN", &line("api-token"));
        toygres.args(["server", "sync"]).args(args.iter().copied()).run()
    };
    let file = path("plan.json");
    let dry = wait::until("the server to find it too", || {
        let dry = away(&["--dry-run", "--plan", &file, "-o", "json"]).code(0);
        Ok((texts(&dry).len() == 1).then_some(dry))
    })
    .unwrap();
    assert!(dry.stderr.contains(&format!("the plan is in `{file}`")), "{}", dry.stderr);
    let here = path("here.json");
    plane.run(&["sync", "--dry-run", "--plan", &here]).code(0);
    let read = |file: &str| std::fs::read_to_string(file).unwrap();
    assert_eq!(read(&file), read(&here), "the plan is another one than here");
    // What is wrong with a file is said by the name that was typed.
    std::fs::write(path("none.json"), "{}").unwrap();
    let none = away(&["--plan", &path("none.json"), "-o", "json"]).code(2).error();
    assert!(none["message"].as_str().unwrap().contains(&path("none.json")), "{none}");
    let missing = away(&["--plan", &path("missing.json"), "-o", "json"]).code(2).error();
    assert!(missing["hint"].as_str().unwrap().contains(&path("missing.json")), "{missing}");
    let nowhere = away(&["--dry-run", "--plan", "/nosuch/folder/plan.json"]).code(2);
    assert!(nowhere.stderr.contains("/nosuch/folder/plan.json"), "{}", nowhere.stderr);
    let forged = read(&file).replace("\"storage_gb\": 10", "\"storage_gb\": 11");
    std::fs::write(path("forged.json"), forged).unwrap();
    away(&["--plan", &path("forged.json"), "--force"]).code(6);
    assert_eq!(plane.sql("SELECT storage_size_gb FROM instances").trim(), "99");
    let unasked = away(&["--plan", &file, "-o", "json"]).code(6);
    assert!(unasked.stderr.contains("write the storage"), "{}", unasked.stderr);
    let done = away(&["--plan", &file, "--force", "-o", "json"]).code(0).json();
    assert_eq!(done["steps"][0]["status"], "done", "{done:#}");
    assert_eq!(plane.sql("SELECT storage_size_gb FROM instances").trim(), "10");
    away(&["--plan", &file, "--force"]).code(6);
}

#[test]
fn a_password_is_asked_for_on_a_terminal_and_never_shown() {
    let Some(plane) = Plane::new() else { return };
    let k8s_name = "typed-00000001";
    orphan(&plane, k8s_name);
    let import = || {
        let args = ["server", "sync", "--import", k8s_name];
        let (mut session, home) = on_terminal(&plane, &args);
        session.expect(format!("Password of the superuser of `{k8s_name}`: ")).unwrap();
        (session, home)
    };
    let untouched = || {
        assert_eq!(plane.sql("SELECT count(*) FROM instances").trim(), "0");
        assert_eq!(plane.sql("SELECT count(*) FROM drift_detections").trim(), "0");
        assert_eq!(plane.kubectl(&["get", "secrets", "-o", "name"]), "");
    };
    let (mut session, _home) = import();
    session.send_line("").unwrap();
    let (text, code) = ended(session);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("password"), "{text}");
    untouched();

    let (mut session, _home) = import();
    session.send("half of it\u{3}").unwrap();
    let (text, code) = ended(session);
    assert_eq!(code, 130, "{text}");
    assert!(!text.contains("half of it"), "{text}");
    untouched();

    // Known, but then declined.
    let (mut session, _home) = import();
    session.send_line("test123").unwrap();
    session.expect("Do these 3 steps?").unwrap();
    session.send("n").unwrap();
    let (text, code) = ended(session);
    assert_eq!(code, 6, "{text}");
    untouched();

    let (mut session, _home) = import();
    session.send_line("test123").unwrap();
    let asked = session.expect("Do these 3 steps?").unwrap();
    let shown = String::from_utf8_lossy(asked.before()).into_owned();
    assert!(!shown.contains("test123"), "{shown}");
    session.send("y").unwrap();
    let (text, code) = ended(session);
    assert_eq!(code, 0, "{text}");
    assert!(!text.contains("test123"), "{text}");
    is_adopted(&plane, k8s_name, "typed");

    // Through a server nobody is asked: its terminal is not that of whoever asks.
    orphan(&plane, "typed-00000002");
    let api = plane.server.as_ref().unwrap().api().unwrap();
    let wanted = json!({"import": "typed-00000002", "name": "other", "confirm": "yes"});
    let refused = api.post("/api/server/sync", &wanted).unwrap();
    assert_eq!(refused.status, 403, "{refused:#?}");
    assert!(refused.body["hint"].as_str().unwrap().contains("--password-file"), "{refused:#?}");
}
