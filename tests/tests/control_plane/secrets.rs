//! No password, in clear or encoded, in anything but the Secret.

use super::text;
use serde_json::json;
use std::path::Path;
use toygres_tests::control::{Deployment, Options};
use toygres_tests::wait;

/// Its own encoding in a URL, and none of it by chance in anything else.
const GIVEN: &str = "c@nary/97:f3?e1";

#[test]
fn no_password_is_kept_outside_the_secret() {
    let Some(deployment) = Deployment::new() else { return };
    let server = deployment.start(Options::default().env("RUST_LOG", "debug"));
    let api = server.api().unwrap();
    let given = api.create(&json!({"name": "givendb", "password": GIVEN}));
    let made = api.create(&json!({"name": "madedb"}));
    let generated = text(&made, "password").to_owned();
    assert!(generated.len() >= 20, "it is long enough");
    for begun in [&given, &made] {
        deployment.reaches(text(begun, "k8s_name"), "running").unwrap();
    }
    wait::until("a check of each", || {
        let checked = "SELECT count(DISTINCT instance_id) FROM toygres_cms.instance_health_checks
            WHERE status = 'healthy'";
        Ok((deployment.count(checked) == 2).then_some(()))
    })
    .unwrap();
    let shown = api.get("/api/instances/madedb?show_password=true").unwrap().body;
    assert!(text(&shown, "connection_string").contains(&generated), "it is the one in the Secret");
    // One that fails has errors to tell.
    deployment.world.pods.psql("SELECT 1").unwrap();
    let metrics = api.get("/metrics").unwrap();
    assert_eq!(metrics.status, 200);
    let listed = api.get("/api/instances?all=true").unwrap().body.to_string();
    api.delete("/api/instances/givendb").unwrap();
    deployment.reaches(text(&given, "k8s_name"), "deleted").unwrap();
    let dump = deployment.database.dump();
    let files = everything_in(server.home());
    for (place, found) in [
        ("the database", &dump),
        ("the files and the log", &files),
        ("the metrics", &metrics.body.to_string()),
        ("the list", &listed),
    ] {
        for password in [GIVEN, &generated] {
            for form in forms(password) {
                assert!(!found.contains(&form), "`{form}` is in {place}");
            }
        }
    }
    assert!(dump.contains("madedb"), "the dump has something in it");
    assert!(files.contains("activity done"), "the log has something in it");
}

/// The password in clear, as a URL has it, as JSON does, and in base64 at each of three offsets.
fn forms(password: &str) -> Vec<String> {
    use base64::Engine as _;
    let base64 = |prefix: &str| {
        let whole =
            base64::engine::general_purpose::STANDARD_NO_PAD.encode(format!("{prefix}{password}"));
        // What stands at both ends depends on the neighbours.
        let whole = whole.as_bytes();
        let (begin, end) = (prefix.len().div_ceil(3) * 4, whole.len() - 4);
        String::from_utf8_lossy(&whole[begin..end]).into_owned()
    };
    let encoded: String = password
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'0'..=b'9' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    let hex: String = password.bytes().map(|byte| format!("{byte:02x}")).collect();
    let json = json!(password).to_string().trim_matches('"').to_owned();
    vec![password.to_owned(), encoded, hex, json, base64(""), base64("a"), base64("ab")]
}

fn everything_in(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text.push_str(&everything_in(&path));
        } else {
            text.push_str(&String::from_utf8_lossy(&std::fs::read(&path).unwrap()));
        }
    }
    text
}
