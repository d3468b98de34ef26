//! A plugin that is linked into the binary and the same plugin opened from its file: help, usage
//! errors, answers in every format, refusals, panics, crashes and exit codes are the same, byte by
//! byte.
//!
//! Whole suites run on the bundled binary too: `cargo xtask test --bundled`; and with every command
//! that only reads asked of both: `cargo xtask test --twin`.

mod answers;
mod both;
mod faults;
mod help;
mod precedence;
