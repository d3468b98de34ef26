//! Any text as a typed value of every kind; a duration that is read is written by the same units.

#![no_main]

use libfuzzer_sys::fuzz_target;
use toygres_cli::cli::values;
use toygres_plugin_api::manifest::ArgKind;

fuzz_target!(|typed: &str| {
    for kind in [
        ArgKind::Integer,
        ArgKind::Float,
        ArgKind::Duration,
        ArgKind::Time,
        ArgKind::RecordTime,
        ArgKind::Pair,
        ArgKind::Text,
    ] {
        if let Err(message) = values::parse(kind, typed) {
            assert!(!message.is_empty());
        }
    }
    if let Ok(ms) = values::duration_ms(typed) {
        assert_eq!(values::duration_ms(&format!("{ms}ms")), Ok(ms));
    }
});
