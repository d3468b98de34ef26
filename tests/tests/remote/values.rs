//! What a shell offers, here and from elsewhere.

use crate::support::Toygres;
use crate::{away, here, plane, request};
use toygres_tests::wait;

/// The candidates of the last word, in the order in which they are offered.
fn offered(toygres: Toygres, words: &[&str]) -> Vec<String> {
    let at = (words.len() - 1).to_string();
    let asked = ["completions", "fish", "--at", &at, "--"];
    // The machine may have a lot to do.
    let toygres = toygres.env("TOYGRES_COMPLETION_MS", "60000");
    let ran = toygres.args(asked.iter().chain(words).copied()).run().code(0);
    assert_eq!(ran.stderr, "", "{ran:#?}");
    ran.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn ids_and_names_come_from_the_server() {
    here(&["create", "valuesdb", "--wait"]).code(0);
    let one = here(&["get", "valuesdb", "-o", "json"]).code(0).json();
    let id = one["create_orchestration_id"].as_str().unwrap().to_owned();
    // The database is there a moment before the last step of its making has ended.
    wait::until("the creation to end", || {
        let detail = here(&["server", "orchestration", &id, "-o", "json"]).code(0).json();
        Ok((detail["status"] != "running").then_some(()))
    })
    .unwrap();
    for words in [
        &["toygres", "server", "orchestration", "create-valuesdb"][..],
        &["toygres", "server", "orchestrations", "--instance", "valuesd"],
        &["toygres", "server", "sync", "--mark-deleted", "valuesd"],
        &["toygres", "server", "health", "--check", "TG01"],
        &["toygres", "get", "valuesd"],
    ] {
        let (here, away) = (offered(plane().toygres(), words), offered(away(), words));
        assert!(!here.is_empty(), "{words:?}");
        assert_eq!(away, here, "{words:?}");
    }
    // What a private plugin of the server knows is no less.
    let words = ["toygres", "server", "bad-values", "--value", "odd"];
    assert_eq!(offered(away(), &words), ["odd-good\tas it should be"]);
}

#[test]
fn what_is_asked_wrongly_is_refused() {
    let status = |query: &str| request("GET", &format!("/api/complete{query}")).send().status;
    assert_eq!(status("?command=orchestration&arg=id"), 200);
    for (query, expected) in [
        ("", 400),
        ("?command=orchestration", 400),
        ("?command=orchestration&arg=nosuch", 400),
        ("?command=orchestration&arg=history", 400),
        ("?command=orchestration&arg=id&begun=%00", 400),
        ("?command=orchestration&arg=id&scope=elsewhere", 400),
        ("?command=orchestration&arg=id&more=1", 400),
        ("?command=nosuch&arg=id", 404),
    ] {
        assert_eq!(status(query), expected, "{query}");
    }
    // Nothing runs: the command would refuse to cancel this without being asked.
    let answer = request("GET", "/api/complete?command=cancel&arg=id").send();
    assert_eq!(answer.status, 200, "{answer:?}");
}
