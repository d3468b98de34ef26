//! Forms of secrets on their way through a server, and in what it writes down.

use crate::support::FORMATS;
use crate::table::{CANARY, FORMS};
use crate::{away, request};

/// All forms as rows.
fn statement() -> String {
    let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let rows = FORMS.iter().map(|(form, _)| format!("({})", literal(form)));
    format!("SELECT * FROM (VALUES {}) AS forms(form)", rows.collect::<Vec<_>>().join(", "))
}

#[test]
fn no_form_comes_through_a_server() {
    let sql = statement();
    for format in FORMATS {
        let ran = away().args(["server", "db-query", &sql, "--limit", "0", "-o", format]).run();
        let ran = ran.code(0);
        let shown = ran.stdout.lines().find(|line| line.contains(CANARY));
        assert_eq!(shown, None, "{format}");
    }
    let sent = serde_json::json!({"sql": sql, "limit": 0}).to_string();
    let answer = request("POST", "/api/server/db-query").json(sent).send();
    assert_eq!(answer.status, 200, "{answer:?}");
    let document = answer.body;
    assert!(!document.contains(CANARY) && document.contains("***"), "{document}");
}
