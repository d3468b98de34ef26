//! Every form in which a secret may stand in a text, each with a neighbour that is none.

use super::table::{CANARY, FORMS};
use crate::Redactor;
use serde_json::Value;
use std::time::{Duration, Instant};

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

/// Texts that make a reader look back or ahead without end. Each is masked within seconds even
/// without optimisation; it takes minutes where each part costs what the whole does.
#[test]
fn no_text_is_looked_at_again_and_again() {
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
        let text = part.repeat(60_000 / part.len());
        let began = Instant::now();
        let shown = masked(&text);
        assert!(began.elapsed() < Duration::from_secs(20), "{part:?}: {:?}", began.elapsed());
        assert!(shown.len() <= text.len() * 2, "{part:?}");
    }
}
