//! A backend that hangs: it is named, the others are answered, and all of it in time.

use crate::plane::{Plane, one};
use crate::support::{Ran, Toygres};
use std::net::TcpListener;
use std::time::{Duration, Instant};
use toygres_tests::postgres::PrivatePostgres;

/// One that held the others would hold them for ever; how quick the answer is, the bench measures.
const IN_TIME: Duration = Duration::from_secs(30);

#[track_caller]
fn in_time(toygres: Toygres) -> Ran {
    let begun = Instant::now();
    let ran = toygres.args(["server", "health", "-o", "json"]).run().code(1);
    assert!(begun.elapsed() < IN_TIME, "{:?}: {}", begun.elapsed(), ran.stdout);
    ran
}

/// Takes connections and never says a word.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

#[track_caller]
fn found(ran: &Ran, code: &str, outcome: &str) {
    let row = one(ran, code);
    assert_eq!(row["outcome"], outcome, "{row:#}");
}

#[test]
fn one_that_hangs_holds_none_of_the_others() {
    let Some(plane) = Plane::empty() else { return };

    let hung = PrivatePostgres::new().unwrap();
    hung.pause().unwrap();
    let ran = in_time(plane.toygres().env("DATABASE_URL", &hung.url()));
    hung.resume().unwrap();
    found(&ran, "TG0401", "failed");
    found(&ran, "TG0301", "unknown");
    found(&ran, "TG0101", "ok");
    found(&ran, "TG0501", "ok");

    let (_listener, address) = silent();
    let ran = in_time(plane.toygres().env("TOYGRES_API_URL", &format!("http://{address}")));
    found(&ran, "TG0101", "failed");
    found(&ran, "TG0102", "unknown");
    found(&ran, "TG0401", "ok");
    found(&ran, "TG0501", "ok");

    let text = std::fs::read_to_string(plane.kubeconfig()).unwrap();
    let text = text.replace(plane.deployment.world.api.url(), &format!("https://{address}"));
    let toygres = plane.toygres().file("hung.kubeconfig", text);
    let path = toygres.home().join("hung.kubeconfig");
    let ran = in_time(toygres.env("KUBECONFIG", &path.to_string_lossy()));
    found(&ran, "TG0501", "failed");
    found(&ran, "TG0511", "unknown");
    found(&ran, "TG0612", "unknown");
    found(&ran, "TG0401", "ok");
    found(&ran, "TG0101", "ok");
}
