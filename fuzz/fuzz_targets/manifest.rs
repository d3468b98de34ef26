//! Any bytes as a library file: a manifest or a fault, never a panic, and never a read beyond them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;
use toygres_cli::discover::file;

fuzz_target!(|bytes: &[u8]| {
    let _answer = file::manifest_of(Path::new("fuzzed.so"), bytes);
});
