//! `stats` over a million orchestrations: minutes to make, so only on request
//! (`cargo test -p toygres-tests --test health -- --ignored scale`).

use crate::support::Toygres;
use serde_json::Value;
use std::time::{Duration, Instant};
use toygres_tests::control::{Deployment, Options};
use toygres_tests::{statistics, wait};

/// How many orchestrations; `TOYGRES_SCALE` takes another number.
const COUNT: u64 = 1_000_000;

#[test]
#[ignore = "makes fifteen million events"]
fn a_million_orchestrations_are_told_within_a_second() {
    let Some(deployment) = Deployment::new() else { return };
    let count = std::env::var("TOYGRES_SCALE").ok().and_then(|text| text.parse().ok());
    let count = count.unwrap_or(COUNT);
    let url = &deployment.database.url;
    let begun = Instant::now();
    statistics::generate(url, count).unwrap();
    eprintln!("generated {count} orchestrations in {:?}", begun.elapsed());

    let sampled = told(url, "without roll-ups", Duration::from_secs(5));
    assert_eq!(sampled["sources"]["method"], "sampled", "{sampled:#}");

    let begun = Instant::now();
    let _server = deployment.start(Options::default());
    let left = "SELECT count(*) FROM toygres_cms.rollup_progress \
                WHERE rolled_until > now() - interval '1 minute'";
    let patience = Duration::from_secs(1200);
    wait::until_within(
        patience,
        "the roll-ups",
        || Ok((deployment.count(left) == 1).then_some(())),
    )
    .unwrap();
    eprintln!("rolled up in {:?}", begun.elapsed());
    let rolled = told(url, "with roll-ups", Duration::from_secs(1));
    assert_eq!(rolled["sources"]["method"], "rolled_up", "{rolled:#}");
    // What the sample estimated, exactly.
    let started = |facts: &Value| facts["orchestrations"]["total_started"].as_f64().unwrap();
    assert_eq!(started(&rolled), count as f64);
    assert!((started(&sampled) / started(&rolled) - 1.0).abs() < 0.1, "{}", started(&sampled));
}

/// The answer; the quickest of some.
fn told(url: &str, what: &str, most: Duration) -> Value {
    let mut best = Duration::MAX;
    let mut facts = Value::Null;
    for _ in 0..5 {
        let begun = Instant::now();
        let ran =
            Toygres::on(url).args(["server", "stats", "--since", "2d", "-o", "json"]).run().code(0);
        best = best.min(begun.elapsed());
        facts = ran.json();
    }
    eprintln!("{what}: {best:?}\n{}\n{}", facts["sources"], facts["activities"]["total"]);
    assert!(best < most, "{what}: {best:?}");
    facts
}
