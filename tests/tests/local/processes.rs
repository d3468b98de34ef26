//! Looking at processes from outside.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use toygres_tests::wait;

/// The number in a JSON document.
#[track_caller]
pub(crate) fn pid(value: &Value) -> i32 {
    let pid = value.as_i64().unwrap_or_else(|| panic!("`{value}` is no process"));
    i32::try_from(pid).unwrap()
}

/// Whether there is a process that does not only wait to be reaped.
pub(crate) fn lives(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest.chars().next());
    state.flatten().is_some_and(|state| state != 'Z')
}

/// Waits until it has ended.
#[track_caller]
pub(crate) fn gone(pid: i32) {
    wait::until(&format!("the end of {pid}"), || Ok((!lives(pid)).then_some(()))).unwrap();
}

/// Kills it without a chance to put anything away, and waits until it is gone.
#[track_caller]
pub(crate) fn kill(pid: i32) {
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    gone(pid);
}

/// Processes with this word in their command line: ours have the home folder in it.
pub(crate) fn with_word(word: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| {
        let line = fs::read(process.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        let environment = fs::read(process.path().join("environ")).unwrap_or_default();
        let environment = String::from_utf8_lossy(&environment).into_owned();
        let ours = line.contains(word) || environment.contains(word);
        let own = process.file_name().to_str() == Some(&std::process::id().to_string());
        (ours && !own && !line.is_empty()).then_some(line)
    });
    lines.collect()
}

/// The user that a process runs as.
pub(crate) fn owner(pid: i32) -> u32 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(format!("/proc/{pid}")).unwrap().uid()
}

/// The addresses that a process listens on, as the kernel writes them.
pub(crate) fn listens(pid: i32) -> Vec<String> {
    let sockets: Vec<String> = fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .flatten()
        .filter_map(|file| Some(fs::read_link(file.path()).ok()?.to_str()?.to_owned()))
        .filter_map(|link| Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    ["tcp", "tcp6"]
        .iter()
        .flat_map(|table| {
            let table = fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default();
            let lines = table.lines().skip(1).map(str::to_owned);
            lines.collect::<Vec<_>>()
        })
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            // State 0A is LISTEN.
            let listening = fields[3] == "0A" && sockets.iter().any(|socket| socket == fields[9]);
            listening.then(|| fields[1].to_owned())
        })
        .collect()
}

/// 127.0.0.1 and a port, as the kernel writes it.
pub(crate) fn loopback(port: &Value) -> String {
    format!("0100007F:{:04X}", port.as_u64().unwrap())
}
