//! What is answered, for machines and for people.

pub(crate) mod answer;
pub(crate) mod instances;
pub(crate) mod nagios;
mod summary;
mod verbose;

use answer::{Answer, Status};
use toygres_plugin_api::report::{Block, Cell, Field, Kind, State, Tone};
use toygres_plugin_api::{Report, Result};

/// The format for Nagios and its relatives.
pub(crate) const NAGIOS: &str = "nagios";

/// The report of a run of checks.
///
/// # Errors
/// When it cannot be written as JSON.
pub(crate) fn report(answer: &Answer, verbose: bool) -> Result<Report> {
    let mut report = Report::data(answer)?.block(Block::heading("System Health Check"));
    for block in summary::blocks(answer) {
        report = report.block(block);
    }
    report = report.block(Block::fields([overall(answer)]));
    let to_do = verbose::recommendations(answer);
    if verbose {
        report = report.block(Block::heading("Detailed Checks:"));
        for block in verbose::blocks(answer) {
            report = report.block(block);
        }
        report = report.block(verbose::every_check(answer));
        if let Some(block) = to_do {
            report = report.block(block);
        }
    } else {
        report = report.hint("Use '--verbose' for detailed checks");
    }
    report =
        report.ready(NAGIOS, nagios::text(answer)).exit_code(NAGIOS, nagios::exit_code(answer));
    Ok(report.verdict(answer.verdict()))
}

fn overall(answer: &Answer) -> Field {
    let (label, tone) = match answer.status() {
        Status::Healthy => ("Healthy".to_owned(), Tone::Good),
        Status::Warning => (format!("Healthy, {}", answer.off()), Tone::Warn),
        Status::Undetermined => (format!("Undetermined: {}", answer.off()), Tone::Warn),
        Status::Unhealthy => (format!("Unhealthy: {}", answer.off()), Tone::Bad),
    };
    let value = answer.status.clone();
    let states = vec![State::new(&value, label, tone)];
    let cell = Cell { value: value.into(), kind: Kind::Status(states), ..Cell::default() };
    Field { label: "Overall Status".to_owned(), cell }
}
