//! Whatever stands around a known secret, it does not come through; anything else is masked without
//! a panic, masking twice is masking once, and a document stays one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use toygres_cli::redact::Redactor;

const SECRET: &str = "canary-5d1e";

static REDACTOR: LazyLock<Redactor> =
    LazyLock::new(|| Redactor::new(&[SECRET.to_owned()], false));

fuzz_target!(|around: (&str, &str)| {
    let (before, after) = around;
    for text in [
        format!("{before}{SECRET}{after}"),
        format!("{before}postgres://u:{SECRET}@h/d{after}"),
        serde_json::json!({ before: after, "note": SECRET }).to_string(),
    ] {
        let shown = REDACTOR.text(&text);
        assert!(!shown.contains(SECRET), "{shown}");
    }
    let text = format!("{before}password: {after}");
    for text in [text.as_str(), before] {
        let once = REDACTOR.text(text);
        assert_eq!(REDACTOR.text(&once), once);
        let document = serde_json::from_str::<serde_json::Value>(text).is_ok();
        assert!(!document || serde_json::from_str::<serde_json::Value>(&once).is_ok(), "{once}");
    }
});
