//! Processes of a server, and feeding a child.

use crate::Result;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

/// Runs a command with `input` on its stdin.
pub(crate) fn with_input(mut command: Command, input: &str) -> Result<Output> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let stdin = child.stdin.take();
    std::thread::scope(|scope| {
        // In a thread of its own: a child that answers before it has read all would block us both.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input.as_bytes())));
        Ok(child.wait_with_output()?)
    })
}

/// Stops the server and everything it started, where they are.
pub(super) fn pause(server: Pid) -> Result {
    // The server first, so that it starts nothing new.
    kill_process(server, Signal::STOP)?;
    signal_all(&children(server)?, Signal::STOP);
    Ok(())
}

/// Lets them go on.
pub(super) fn resume(server: Pid) -> Result {
    signal_all(&children(server)?, Signal::CONT);
    kill_process(server, Signal::CONT)?;
    Ok(())
}

/// Whether there is a process, other than one that only waits to be reaped.
pub(super) fn lives(pid: Pid) -> bool {
    test_kill_process(pid).is_ok() && status(pid).is_none_or(|status| status.state != 'Z')
}

fn signal_all(processes: &[Pid], signal: Signal) {
    for process in processes {
        // One that has ended meanwhile is no error.
        let _sent = kill_process(*process, signal);
    }
}

/// The processes that `parent` started.
fn children(parent: Pid) -> Result<Vec<Pid>> {
    let processes = fs::read_dir("/proc")?
        .flatten()
        .filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    Ok(processes
        .filter(|process| {
            status(*process).is_some_and(|status| status.parent == parent.as_raw_pid())
        })
        .collect())
}

struct Status {
    state: char,
    parent: i32,
}

fn status(process: Pid) -> Option<Status> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_pid())).ok()?;
    // The name is in parentheses and may hold anything, so read from its end on.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some(Status { state: fields.next()?.chars().next()?, parent: fields.next()?.parse().ok()? })
}
