//! Timing whole processes: wall time, and peak memory as the kernel accounts it.

#![allow(unsafe_code, reason = "only wait4 tells a child's peak memory")]

use std::io::{Read, Seek};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;
use toygres_tests::Result;

/// What one command took: the median of its runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) wall_ms: f64,
    pub(crate) peak_mib: f64,
}

/// Runs both in turns, after one run of each that does not count.
pub(crate) fn compare(a: &mut Command, b: &mut Command, runs: u32) -> Result<(Measured, Measured)> {
    run(a)?;
    run(b)?;
    let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
    for _ in 0..runs.max(1) {
        of_a.push(run(a)?);
        of_b.push(run(b)?);
    }
    Ok((median(&of_a), median(&of_b)))
}

/// Runs one of its own, after one run that does not count.
pub(crate) fn times(command: &mut Command, runs: u32) -> Result<Measured> {
    run(command)?;
    let of_it: Vec<Measured> = (0..runs.max(1)).map(|_| run(command)).collect::<Result<_>>()?;
    Ok(median(&of_it))
}

/// One run, its output thrown away; of one that fails, the end of what it said is in the error.
pub(crate) fn run(command: &mut Command) -> Result<Measured> {
    let mut said = tempfile::tempfile()?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said.try_clone()?);
    let began = Instant::now();
    let child = command.spawn()?;
    let pid = libc::pid_t::try_from(child.id())?;
    let mut status = 0;
    // SAFETY: rusage is plain numbers, for which zeros are a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live values; the child is ours and nobody else waits for it.
    let reaped = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
    let wall_ms = began.elapsed().as_secs_f64() * 1000.0;
    if reaped != pid || status != 0 {
        let mut words = Vec::new();
        said.rewind()?;
        said.read_to_end(&mut words)?;
        // Not its variables: there is a password among them.
        let args: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy()).collect();
        return Err(format!(
            "`{} {}` ended with {}: {}",
            command.get_program().display(),
            args.join(" "),
            ExitStatus::from_raw(status),
            String::from_utf8_lossy(&words).trim()
        )
        .into());
    }
    Ok(Measured { wall_ms, peak_mib: usage.ru_maxrss as f64 / 1024.0 })
}

/// Whether a program is on the path.
pub(crate) fn exists(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn median(runs: &[Measured]) -> Measured {
    let middle = |of: fn(&Measured) -> f64| {
        let mut values: Vec<f64> = runs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Measured { wall_ms: middle(|run| run.wall_ms), peak_mib: middle(|run| run.peak_mib) }
}
