//! Every form in which a secret may stand in a text, each with a neighbour that is none.

use super::table::{CANARY, FORMS};
use crate::Redactor;
use serde_json::Value;

fn masked(text: &str) -> String {
    Redactor::new(&[], false).text(text).into_owned()
}

#[test]
fn no_form_shows_its_secret_and_neighbours_stay() {
    let mut wrong = Vec::new();
    for (form, neighbour) in FORMS {
        let once = masked(form);
        let document = serde_json::from_str::<Value>(form).is_ok();
        if once.contains(CANARY) {
            wrong.push(format!("shown: {form:?} -> {once:?}"));
        } else if masked(&once) != once {
            wrong.push(format!("twice: {form:?} -> {once:?} -> {:?}", masked(&once)));
        } else if document && serde_json::from_str::<Value>(&once).is_err() {
            wrong.push(format!("no document any more: {form:?} -> {once:?}"));
        }
        let once = masked(neighbour);
        if once != *neighbour {
            wrong.push(format!("neighbour: {neighbour:?} -> {once:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Texts that make a reader look back or ahead without end take time as they are long, no more.
#[test]
fn no_text_is_looked_at_again_and_again() {
    let time = |text: &str| {
        let began = std::time::Instant::now();
        let _masked = masked(text);
        began.elapsed()
    };
    for part in [
        "password=[\n",
        "://",
        "password=\"\\\"",
        "[",
        "[{\"a\":[",
        "<password>",
        "name: password\n",
        "password ",
        "Key (password",
        "into (password) values (",
        "-----BEGIN PRIVATE KEY-----",
        "kind: Secret\n",
    ] {
        // Eight times as much: 64 times as long where each part costs what the whole does.
        let (short, long) = (part.repeat(4_000 / part.len()), part.repeat(32_000 / part.len()));
        // The best of some runs, since others use the machine as well.
        let best = |text: &str| (0..3).map(|_| time(text)).min().unwrap_or_default();
        let (short, long) = (best(&short), best(&long));
        let floor = std::time::Duration::from_millis(5);
        assert!(long < short.max(floor) * 32, "{part:?}: {short:?} and {long:?}");
    }
}
