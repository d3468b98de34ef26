//! Values out of the database: those that fit, the latest first, and none where it does not answer.

use super::support::Toygres;
use super::{PATIENCE, TREACHEROUS, database, offered, values};
use std::net::TcpListener;
use toygres_tests::postgres::PrivatePostgres;
use toygres_tests::secrets::Secrets;

fn patient(url: &str) -> Toygres {
    Toygres::on(url).env("TOYGRES_COMPLETION_MS", PATIENCE)
}

#[track_caller]
fn known(words: &[&str]) -> Vec<String> {
    values(patient(&database().url), words)
}

#[test]
fn orchestrations_come_the_latest_first_and_not_all_of_them() {
    let words = ["toygres", "server", "orchestration", "create-db"];
    let found = offered(patient(&database().url), "fish", &words);
    assert_eq!(found.len(), 50);
    assert_eq!(found[0].0, "create-db1-00000001");
    assert_eq!(found[1].0, "create-db2-00000002");
    assert!(found[0].1.starts_with("health-monitor, completed, since 20"), "{:?}", found[0]);
    assert_eq!(
        known(&["toygres", "server", "orchestration", "create-db119"]),
        ["create-db119-00000077"]
    );
    assert_eq!(
        known(&["toygres", "server", "logs", "--orchestration=create-db119"]),
        ["--orchestration=create-db119-00000077"]
    );
    assert_eq!(known(&["toygres", "server", "orchestration", "none-such"]), [""; 0]);
}

#[test]
fn what_is_typed_is_no_pattern() {
    assert_eq!(known(&["toygres", "server", "orchestration", "under_"]), ["under_score"]);
    assert_eq!(known(&["toygres", "server", "orchestration", "%"]), [""; 0]);
    assert_eq!(known(&["toygres", "server", "orchestration", "tr"]), [TREACHEROUS]);
    assert_eq!(known(&["toygres", "server", "orchestration", "' OR true --"]), [""; 0]);
}

#[test]
fn only_what_has_not_ended_is_offered_for_cancelling() {
    let live = known(&["toygres", "server", "cancel", ""]);
    assert!(live.iter().any(|id| id == "under_score"), "{live:?}");
    assert!(live.iter().any(|id| id == "health-alone-00000001"), "{live:?}");
    assert!(!live.iter().any(|id| id.starts_with("create-db")), "{live:?}");
    // A second id does not belong there: what else may be typed is offered.
    let behind = known(&["toygres", "server", "cancel", "under_score", ""]);
    assert!(behind.iter().all(|one| one.starts_with('-')) && !behind.is_empty(), "{behind:?}");
}

#[test]
fn instances_are_offered_by_their_names() {
    let url = &database().url;
    let names = known(&["toygres", "get", ""]);
    let all = database().psql(
        "SELECT count(DISTINCT user_name) FROM toygres_cms.instances WHERE state <> 'deleted'",
    );
    assert_eq!(names.len().to_string(), all.trim(), "{names:?}");
    let (name, k8s_name) = {
        let row = database().psql(
            "SELECT user_name || ' ' || k8s_name FROM toygres_cms.instances \
             WHERE state = 'running' ORDER BY user_name LIMIT 1",
        );
        let (name, k8s_name) = row.trim().split_once(' ').unwrap();
        (name.to_owned(), k8s_name.to_owned())
    };
    // The name in Kubernetes once more is typed than the name that was given.
    let longer = format!("{name}-");
    for words in [
        &["toygres", "get"][..],
        &["toygres", "delete"],
        &["toygres", "server", "logs", "--instance"],
        &["toygres", "server", "orchestrations", "-i"],
        &["toygres", "server", "sync", "--mark-deleted"],
    ] {
        let typed: Vec<&str> = words.iter().copied().chain([name.as_str()]).collect();
        assert!(known(&typed).contains(&name), "{words:?}");
        let typed: Vec<&str> = words.iter().copied().chain([longer.as_str()]).collect();
        assert_eq!(known(&typed), [k8s_name.as_str()], "{words:?}");
    }
    let told = offered(patient(url), "fish", &["toygres", "get", &name]);
    assert!(told.iter().any(|(_, help)| help == &format!("running, {k8s_name}")), "{told:?}");
}

#[test]
fn check_codes_need_no_database() {
    let words = ["toygres", "server", "health", "--check", "TG04"];
    let patient = Toygres::new().env("TOYGRES_COMPLETION_MS", PATIENCE);
    let found = offered(patient, "fish", &words);
    assert!(found.len() > 3, "{found:?}");
    assert!(found.iter().all(|(code, help)| code.starts_with("TG04") && !help.is_empty()));
    assert_eq!(
        values(
            Toygres::new().env("TOYGRES_COMPLETION_MS", PATIENCE),
            &["toygres", "server", "health", "--skip=TG0401"]
        ),
        ["--skip=TG0401"]
    );
}

#[test]
fn nothing_is_changed_and_no_secret_is_told() {
    let before = database().dump();
    for words in [
        &["toygres", "server", "orchestration", ""][..],
        &["toygres", "server", "cancel", ""],
        &["toygres", "delete", ""],
        &["toygres", "get", "", "--show-secrets"],
        &["toygres", "server", "sync", "--mark-deleted", ""],
    ] {
        let found = offered(patient(&database().url), "fish", words);
        let text = format!("{found:?}");
        assert_eq!(Secrets::canaries().found_in(&text), Vec::<&str>::new(), "{words:?}");
    }
    assert_eq!(before, database().dump());
}

/// Every way for a database not to answer. Options are no answer either: a value belongs there.
#[test]
fn a_database_that_does_not_answer_gives_nothing() {
    let refusing = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    // Connections are taken and never answered.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_port = silent.local_addr().unwrap().port();
    for url in [
        format!("postgres://u:p@127.0.0.1:{refusing}/d"),
        format!("postgres://u:p@127.0.0.1:{silent_port}/d"),
        "no url at all".to_owned(),
        format!("{}-none-such", database().url),
    ] {
        for words in [
            &["toygres", "server", "orchestration", ""][..],
            &["toygres", "server", "cancel", "cr"],
            &["toygres", "server", "orchestrations", "--instance", ""],
            &["toygres", "get", ""],
        ] {
            assert_eq!(values(Toygres::on(&url), words), [""; 0], "{url} {words:?}");
        }
    }
    assert_eq!(values(Toygres::new(), &["toygres", "server", "orchestration", ""]), [""; 0]);
    let (url, words) = (
        format!("postgres://u:p@127.0.0.1:{refusing}/d"),
        ["toygres", "server", "orchestration", "--"],
    );
    assert!(values(Toygres::on(&url), &words).contains(&"--history".to_owned()));
}

#[test]
fn a_server_that_was_stopped_in_its_tracks_holds_no_shell() {
    let server = PrivatePostgres::new().unwrap();
    let url = server.url();
    toygres_tests::generations::old(&url).unwrap();
    let words = ["toygres", "server", "orchestration", "create-"];
    // The first releases' tables are completed from as well.
    assert_eq!(values(patient(&url), &words), ["create-odddb-00000002", "create-olddb-00000001"]);
    server.pause().unwrap();
    assert_eq!(values(Toygres::on(&url), &words), [""; 0]);
    server.resume().unwrap();
    assert_eq!(values(patient(&url), &words).len(), 2);
}
