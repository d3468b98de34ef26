//! Stands for `toygres` in a suite, and asks a second build the same: see `toygres_tests::twin`.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};
use toygres_tests::Result;
use toygres_tests::twin::{Outcome, Ran, Report, Side, Twins, again, first, settled};

/// So often the first build is asked before its answer counts as one that never settles.
const TRIES: usize = 5;
/// So often the other build has to answer otherwise, between two answers of the first that agree.
const CERTAIN: usize = 3;
/// What takes longer is a test of deadlines: it measures how long this process takes.
const SLOW: Duration = Duration::from_secs(3);
/// No folder of plugins; the name stands in nobody's answer.
const NO_PLUGINS: &str = "/nonexistent/no-plugins-of-the-twin";

fn main() -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let code = runtime.block_on(run());
    // A thread that still waits for input must not hold the process.
    runtime.shutdown_background();
    code
}

async fn run() -> Result<ExitCode> {
    let typed: Vec<OsString> = std::env::args_os().skip(1).collect();
    let twins = Twins::read(&std::env::current_exe()?)?;
    let args: Vec<String> = typed.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let terminal = std::io::stdout().is_terminal() || std::io::stderr().is_terminal();
    let own = std::env::var_os("TOYGRES_PLUGIN_PATH").is_some_and(|path| twins.plugins == path);
    if terminal || !own || !twins.only_read(&args) {
        return Err(Command::new(&twins.opening).args(&typed).exec().into());
    }
    let takes_input = !std::io::stdin().is_terminal() && args.iter().any(|arg| arg == "-");
    let began = Instant::now();
    let begun = first(&twins.opening, &args, takes_input).await?;
    if begun.whole && began.elapsed() < SLOW {
        compare(&twins, &args, &begun.input, &begun.ran).await?.write(&twins.report)?;
    }
    // As a shell tells of a signal.
    Ok(ExitCode::from(begun.ran.code.and_then(|code| code.try_into().ok()).unwrap_or(130)))
}

async fn compare(twins: &Twins, args: &[String], input: &[u8], begun: &Ran) -> Result<Report> {
    let none = Path::new(NO_PLUGINS);
    let opening = Side { program: &twins.opening, plugins: &twins.plugins };
    let linked = Side { program: &twins.linked, plugins: none };
    let mut before = text(opening, begun);
    let mut answers = Vec::new();
    let mut outcome = Outcome::Unsettled;
    let mut certain = 0;
    for _ in 0..TRIES {
        let other = text(linked, &again(&twins.linked, Some(none), args, input).await?);
        if other == before {
            outcome = Outcome::Same;
            break;
        }
        let after = text(opening, &again(&twins.opening, None, args, input).await?);
        if after == before {
            certain += 1;
            answers = vec![before.clone(), other];
        }
        if certain == CERTAIN {
            outcome = Outcome::Different;
            break;
        }
        before = after;
    }
    if outcome != Outcome::Different {
        answers.clear();
    }
    Ok(Report { args: args.to_vec(), outcome, code: begun.code, answers })
}

/// All that a run said, as one text that can be compared.
fn text(side: Side<'_>, ran: &Ran) -> String {
    let said = |bytes: &[u8]| settled(side, &String::from_utf8_lossy(bytes));
    format!("exit {:?}\n{}\n--- stderr\n{}", ran.code, said(&ran.stdout), said(&ran.stderr))
}
