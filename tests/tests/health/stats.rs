//! `stats`: the same figures in every format and by every way of counting.

use crate::plane::Plane;
use crate::support::Toygres;
use serde_json::{Value, json};
use toygres_tests::control::Options;
use toygres_tests::generations;
use toygres_tests::postgres::PrivatePostgres;
use toygres_tests::wait;

fn stats(plane: &Plane, args: &[&str]) -> Value {
    let args = ["server", "stats", "-o", "json"].iter().chain(args).copied();
    plane.toygres().args(args).run().code(0).json()
}

/// What does not depend on where the figures come from.
fn figures(facts: &Value) -> Value {
    json!({"orchestrations": facts["orchestrations"], "activities": facts["activities"],
        "instances": facts["instances"], "health": facts["health"], "storage": facts["storage"]})
}

#[test]
fn the_figures_are_the_same_by_every_way() {
    let Some((mut plane, name)) = Plane::with_instance() else { return };
    plane.server.as_ref().unwrap().api().unwrap().delete("/api/instances/proddb").unwrap();
    plane.deployment.reaches(&name, "deleted").unwrap();
    plane.deployment.comes_to_rest().unwrap();
    plane.create("second");
    plane.create("third");
    // Nothing moves any more, and everything that ended is rolled up.
    let rolled = "SELECT count(*) FROM toygres_duroxide.executions e WHERE e.completed_at IS NOT NULL \
        AND NOT EXISTS (SELECT FROM toygres_cms.rollup_done d WHERE d.instance_id = e.instance_id \
            AND d.execution_id = e.execution_id)";
    wait::until("the roll-ups", || Ok((plane.deployment.count(rolled) == 0).then_some(())))
        .unwrap();
    plane.stop();
    let by_rollups = stats(&plane, &[]);
    assert_eq!(by_rollups["sources"]["method"], "rolled_up", "{by_rollups:#}");
    assert_eq!(by_rollups["sources"]["bounds"], Value::Null);
    assert!(by_rollups["sources"]["rolled_activities"].as_i64().unwrap() > 20, "{by_rollups:#}");
    expected(&by_rollups);
    text(&plane, &by_rollups);
    prometheus(&plane, &by_rollups);

    // A second process finds what is counted and counts nothing twice.
    let server = plane.deployment.start(Options::default());
    plane.server = Some(server);
    let before = "SELECT sum(count) FROM toygres_cms.rollup_orchestrations";
    let counted = plane.deployment.count(before);
    let mark = "SELECT (extract(epoch FROM max(rolled_until)) * 1000)::bigint \
        FROM toygres_cms.rollup_progress";
    let at = plane.deployment.count(mark);
    wait::until("another step", || Ok((plane.deployment.count(mark) > at).then_some(()))).unwrap();
    assert_eq!(plane.deployment.count(before), counted);
    plane.stop();

    without_the_right(&plane);

    // The same counted now, as in a deployment without roll-ups.
    let by_rollups = stats(&plane, &[]);
    plane.sql("DROP TABLE toygres_cms.rollup_progress");
    let counted = stats(&plane, &[]);
    assert_eq!(counted["sources"]["method"], "counted", "{counted:#}");
    assert_eq!(figures(&counted), figures(&by_rollups));

    let none = stats(&plane, &["--since", "0s"]);
    assert_eq!(none["orchestrations"]["total_started"], 0, "{none:#}");
    assert_eq!(none["activities"]["total"], 0, "{none:#}");
    assert_eq!(none["instances"]["total"], 2, "{none:#}");
    plane.toygres().args(["server", "stats", "--since", "soon"]).run().code(2).says("give a time");
}

/// A role that may not read the roll-ups is not told that there are none.
fn without_the_right(plane: &Plane) {
    let database = &plane.deployment.database;
    database.server().create_role("stats_reader", "").unwrap();
    plane.sql(
        "GRANT USAGE ON SCHEMA toygres_cms, toygres_duroxide TO stats_reader; \
         GRANT SELECT ON ALL TABLES IN SCHEMA toygres_cms, toygres_duroxide TO stats_reader; \
         REVOKE SELECT ON toygres_cms.rollup_activities FROM stats_reader",
    );
    let url = database.url_for("stats_reader");
    let ran = plane.toygres().env("DATABASE_URL", &url).args(["server", "stats"]).run().code(0);
    ran.shows("counted now (this role may not read the roll-ups").hides("keeps no roll-ups");
}

fn expected(facts: &Value) {
    assert_eq!(
        facts["instances"],
        json!({"total": 2, "running": 2, "creating": 0, "deleting": 0, "failed": 0})
    );
    assert_eq!(facts["health"]["healthy"], 2);
    let storage = json!({
        "provisioned_gb": 20, "provisioned_bytes": 21_474_836_480_i64, "instances": 2,
        "average_gb": 10,
    });
    assert_eq!(facts["storage"], storage);
    let types = facts["orchestrations"]["by_type"].as_array().unwrap();
    let of = |kind: &str| types.iter().find(|one| one["type"] == kind).unwrap();
    assert_eq!(
        (&of("create-instance")["started"], &of("create-instance")["completed"]),
        (&json!(3), &json!(3))
    );
    assert_eq!(of("delete-instance")["completed"], 1);
    assert_eq!(of("health-monitor")["running_now"], 2, "{facts:#}");
    let activities = facts["activities"]["by_activity"].as_array().unwrap();
    let deploy = activities.iter().find(|one| one["activity"] == "deploy-postgres").unwrap();
    assert_eq!(deploy["count"], 3, "{facts:#}");
    for one in activities {
        let ms = |key: &str| one[key].as_i64().unwrap();
        assert!(ms("p50_ms") <= ms("p95_ms") && ms("p95_ms") <= ms("p99_ms"), "{one}");
        assert!(ms("p99_ms") <= ms("max_ms") && ms("avg_ms") <= ms("max_ms"), "{one}");
    }
}

/// The lines of the specification's sample, with these figures.
fn text(plane: &Plane, facts: &Value) {
    let shown = plane.toygres().args(["server", "stats"]).run().code(0).stdout;
    let squeezed: String = shown
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n")
        .collect();
    assert!(squeezed.contains("; percentiles are within 10%\n"), "{shown}");
    assert!(!shown.contains("0.0s"), "{shown}");
    let total = &facts["orchestrations"]["total_started"];
    let executed = &facts["activities"]["total"];
    for line in [
        "Toygres System Statistics\n",
        "Instances:\nTotal: 2\nRunning: 2 ███████████████ 100%\nCreating: 0 ░░░░░░░░░░░░░░░ 0%\n",
        "Health Status:\nHealthy: 2 ███████████████ 100%\n",
        &format!("Orchestrations (Last 24h):\nTotal Started: {total}\nCompleted: "),
        "By Type (Last 24h):\ncreate-instance: 3 started, 3 completed\n",
        &format!("Activities (Last 24h):\nTotal Executed: {executed}\nSucceeded: "),
        "Slowest:\n",
        "Resource Usage:\nStorage (provisioned): 20 GB across 2 instances\nAverage per instance: 10 GB\n",
        "Workers:\nActive: 0\nIdle: 0\nProcessing: 0 activities\n",
        "Database:\nStatus: Connected\nPool Size: ",
        "Last Updated: ",
    ] {
        assert!(squeezed.contains(line), "`{line}` is not in {shown}");
    }
}

fn prometheus(plane: &Plane, facts: &Value) {
    let text = plane.toygres().args(["server", "stats", "-o", "prometheus"]).run().code(0).stdout;
    let sample = |name: &str| -> f64 {
        let line = text.lines().find(|line| line.starts_with(&format!("{name} ")));
        let line = line.unwrap_or_else(|| panic!("no `{name}` in {text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    assert_eq!(sample("toygres_instances{state=\"running\"}"), 2.0);
    assert_eq!(
        sample("toygres_orchestrations_started{type=\"create-instance\",status=\"completed\"}"),
        3.0
    );
    for one in facts["activities"]["by_activity"].as_array().unwrap() {
        let name = one["activity"].as_str().unwrap();
        let succeeded = one["count"].as_f64().unwrap() - one["failed"].as_f64().unwrap();
        let labels = format!("{{activity=\"{name}\",outcome=\"succeeded\"}}");
        assert_eq!(sample(&format!("toygres_activities{labels}")), succeeded);
        let labels = format!("{{activity=\"{name}\",quantile=\"0.95\"}}");
        let seconds = sample(&format!("toygres_activity_duration_seconds{labels}"));
        assert_eq!(seconds, one["p95_ms"].as_f64().unwrap() / 1000.0);
    }
}

#[test]
fn deployments_of_every_generation_get_their_figures() {
    for make in [generations::old, generations::ahead] {
        let database = PrivatePostgres::shared().database().unwrap();
        make(&database.url).unwrap();
        let ran = Toygres::on(&database.url).args(["server", "stats", "-o", "json"]).run().code(0);
        let facts = ran.json();
        assert_eq!(facts["sources"]["method"], "counted", "{facts:#}");
        assert_eq!((&facts["instances"], &facts["storage"]), (&Value::Null, &Value::Null));
        assert!(facts["instances_reason"].is_string() && facts["workers"]["reason"].is_string());
        let activities = &facts["activities"];
        assert_eq!((&activities["total"], &activities["failed"]), (&json!(1), &json!(1)));
        assert_eq!(activities["by_activity"][0]["activity"], "deploy-postgres", "{facts:#}");
        Toygres::on(&database.url).args(["server", "stats"]).run().code(0).says("not known");
    }
    Toygres::new().args(["server", "stats"]).run().code(4).says("DATABASE_URL");
}

#[test]
fn a_large_deployment_without_roll_ups_is_sampled_and_says_so() {
    let database = PrivatePostgres::shared().database().unwrap();
    generations::many_orchestrations(&database.url, 60_000).unwrap();
    let ran = Toygres::on(&database.url).args(["server", "stats", "--since", "7d", "-o", "json"]);
    let ran = ran.run().code(0).says("estimates from a sample of ");
    let facts = ran.json();
    assert_eq!(facts["sources"]["method"], "sampled", "{facts:#}");
    // About 10,000 of them, and what was found stands for all.
    let part = facts["sources"]["sampled_part"].as_f64().unwrap();
    assert!((0.05..0.5).contains(&part), "{part}");
    let total = facts["orchestrations"]["total_started"].as_f64().unwrap();
    assert!((total / 60_000.0 - 1.0).abs() < 0.01, "{total}");
}

#[test]
fn a_watch_outlives_a_restart_of_the_database() {
    use std::io::{BufRead, BufReader};
    let mut server = PrivatePostgres::new().unwrap();
    generations::old(&server.url()).unwrap();
    let args = ["server", "stats", "--watch", "--interval", "200ms", "-o", "jsonl"];
    let (mut child, _home) = Toygres::on(&server.url()).args(args).start();
    let mut frames = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut remarks = BufReader::new(child.stderr.take().unwrap()).lines();
    let frame: Value = serde_json::from_str(&frames.next().unwrap().unwrap()).unwrap();
    assert_eq!(frame["activities"]["total"], 1, "{frame:#}");
    server.stop().unwrap();
    let said = |remarks: &mut dyn Iterator<Item = std::io::Result<String>>, words: &str| {
        let found = remarks.map(|line| line.unwrap()).find(|line| line.contains(words));
        found.unwrap_or_else(|| panic!("it never said `{words}`"));
    };
    said(&mut remarks, "trying again every");
    server.start().unwrap();
    said(&mut remarks, "it answers again");
    assert!(frames.next().unwrap().unwrap().starts_with('{'));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_watch_that_nobody_reads_any_more_ends_well() {
    use std::io::{BufRead, BufReader};
    let server = PrivatePostgres::new().unwrap();
    generations::old(&server.url()).unwrap();
    let args = ["server", "stats", "--watch", "--interval", "100ms", "-o", "jsonl"];
    let (mut child, _home) = Toygres::on(&server.url()).args(args).start();
    let mut frame = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut frame).unwrap();
    assert!(frame.starts_with('{'), "{frame}");
    let ran = crate::support::Ran::of(child.wait_with_output().unwrap()).code(0);
    assert!(!ran.stderr.contains("nobody reads"), "{ran:#?}");
}
