//! Any bytes as a `.env` file: each line a variable or a fault, and no value that was not there.

#![no_main]

use libfuzzer_sys::fuzz_target;
use toygres_cli::settings::dotenv::parse;

fuzz_target!(|bytes: &[u8]| {
    for line in parse(bytes) {
        if let Ok(assignment) = line.assignment {
            assert!(!assignment.name.is_empty());
            assert!(assignment.value.len() <= bytes.len());
            assert!(!assignment.value.contains(['\n', '\0', '\u{1b}']));
        }
    }
});
