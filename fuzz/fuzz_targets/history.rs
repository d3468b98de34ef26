//! Any lines as the events of a history: each is a row, whatever it holds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use toygres_model::history::Event;
use toygres_model::steps::{Summary, steps};

fuzz_target!(|text: &str| {
    let events: Vec<Event> = text
        .lines()
        .enumerate()
        .map(|(n, line)| Event::read(n as i64 + 1, line, Some(n as i64 * 1000)))
        .collect();
    let steps = steps(&events);
    assert!(steps.len() <= events.len());
    let _summary = Summary::of(&steps);
});
