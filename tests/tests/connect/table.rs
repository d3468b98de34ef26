//! Each row to `psql` and to the real binary: the same outcome, and the same server reached in the
//! same way.

use crate::rows::{self, Row};
use crate::servers::{Stage, psql};
use crate::support::Toygres;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Which server it is, as whom, and how: what is compared.
const QUESTION: &str = "SELECT current_setting('port'), current_user, current_database(), \
     coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)::text, \
     current_setting('work_mem')";

/// What one of the two makes of a row.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Reached(String),
    Failed,
}

fn ask_psql(stage: &Stage, row: &Row) -> (Outcome, String) {
    let mut command = Command::new(psql());
    command
        .env_clear()
        .env("HOME", stage.home(row.home))
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .args(["-X", "-A", "-t", "-F", ",", "-w", "-c", QUESTION, "-d"])
        .arg(stage.fill(row.text));
    for (name, value) in &row.variables {
        command.env(name, stage.fill(value));
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.success() {
        true => {
            let line = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            (Outcome::Reached(line), said)
        }
        false => (Outcome::Failed, said),
    }
}

fn ask_toygres(stage: &Stage, row: &Row) -> (Outcome, i32, String) {
    let mut toygres = Toygres::on(&stage.fill(row.text))
        .env("HOME", &stage.home(row.home).display().to_string())
        .args(["server", "db-query", QUESTION, "-o", "csv"]);
    for (name, value) in &row.variables {
        toygres = toygres.env(name, &stage.fill(value));
    }
    let ran = toygres.run();
    let outcome = match ran.code {
        0 => Outcome::Reached(ran.stdout.lines().last().unwrap_or_default().to_owned()),
        _ => Outcome::Failed,
    };
    (outcome, ran.code, ran.stderr)
}

fn compare(stage: &Stage, row: &Row) -> Result<bool, String> {
    let (theirs, theirs_said) = ask_psql(stage, row);
    let (ours, code, said) = ask_toygres(stage, row);
    let reached = matches!(theirs, Outcome::Reached(_));
    if ours == theirs && (reached || code == row.failure) {
        return Ok(reached);
    }
    Err(format!(
        "{} {:?} home {}\n  psql:    {theirs:?} {}\n  toygres: {ours:?} {code} (expected {}) {}",
        row.text,
        row.variables,
        row.home,
        theirs_said.trim(),
        if reached { 0 } else { row.failure },
        said.trim()
    ))
}

#[test]
fn every_row_has_the_outcome_that_psql_has() {
    let stage = Stage::shared();
    let rows = rows::all();
    assert!(rows.len() >= 150, "{} rows", rows.len());
    let (next, reached) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let differences = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match compare(stage, row) {
                        Ok(true) => {
                            reached.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(false) => {}
                        Err(difference) => differences.lock().unwrap().push(difference),
                    }
                }
            });
        }
    });
    let differences = differences.into_inner().unwrap();
    assert!(
        differences.is_empty(),
        "{} of {}:\n{}",
        differences.len(),
        rows.len(),
        differences.join("\n")
    );
    // The table is worth something only where both kinds are in it.
    assert!(reached.into_inner() > rows.len() / 3);
}
