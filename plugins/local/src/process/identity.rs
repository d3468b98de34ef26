//! Which process it is: its number and when it began, because numbers are used again.

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use std::fs;
use std::process::Command;

/// One process, which no later one with the same number is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// Its number.
    pub(crate) pid: i32,
    /// When it began, in words of this system that are only ever compared.
    started: String,
}

impl Identity {
    /// The process that has this number now; none where it has ended (and perhaps waits for its
    /// parent to notice).
    pub(crate) fn of(pid: i32) -> Option<Self> {
        Pid::from_raw(pid).filter(|_| pid > 0)?;
        Some(Self { pid, started: started(pid)? })
    }

    /// The process that somebody else wrote down: its number, when it began in ticks since the
    /// boot, and which boot that was.
    pub(crate) fn recorded(pid: i32, boot: &str, ticks: u64) -> Self {
        Self { pid, started: began(boot, &ticks.to_string()) }
    }

    /// This process.
    pub(crate) fn own() -> Option<Self> {
        Self::of(std::process::id().try_into().ok()?)
    }

    /// Whether it still runs.
    pub(crate) fn lives(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }

    /// Sends it a signal; false where it has ended, and then nobody gets the signal.
    pub(crate) fn signal(&self, signal: Signal) -> bool {
        self.lives() && Pid::from_raw(self.pid).is_some_and(|pid| kill_process(pid, signal).is_ok())
    }

    /// Whether the process that has this number now was paused by a signal or a debugger.
    pub(crate) fn is_paused(pid: i32) -> bool {
        state(pid).is_some_and(|state| state.starts_with(['T', 't']))
    }

    /// The words that it was started with; empty where they cannot be read.
    pub(crate) fn command_line(&self) -> Vec<String> {
        if cfg!(target_os = "linux") {
            let bytes = fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
            let words = bytes.split(|byte| *byte == 0).filter(|word| !word.is_empty());
            return words.map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        }
        let said = ps(self.pid, "command=").unwrap_or_default();
        said.split_whitespace().map(str::to_owned).collect()
    }
}

/// When a process began, in words.
fn began(boot: &str, ticks: &str) -> String {
    format!("{boot} {ticks}")
}

/// The fields of a process's state that follow its name.
#[cfg(target_os = "linux")]
fn stat(pid: i32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in parentheses and may hold anything, so read from its end on.
    Some(stat.rsplit_once(')')?.1.to_owned())
}

/// The letter of a process's state.
#[cfg(target_os = "linux")]
fn state(pid: i32) -> Option<String> {
    stat(pid)?.split_whitespace().next().map(str::to_owned)
}

#[cfg(not(target_os = "linux"))]
fn state(pid: i32) -> Option<String> {
    ps(pid, "state=")
}

#[cfg(target_os = "linux")]
fn started(pid: i32) -> Option<String> {
    let stat = stat(pid)?;
    let fields: Vec<&str> = stat.split_whitespace().collect();
    // Zombies have ended, whoever still has to notice.
    let ended = matches!(*fields.first()?, "Z" | "X");
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    (!ended).then(|| began(boot.trim(), fields.get(19).unwrap_or(&"")))
}

#[cfg(not(target_os = "linux"))]
fn started(pid: i32) -> Option<String> {
    let state = ps(pid, "state=")?;
    if state.starts_with('Z') {
        return None;
    }
    ps(pid, "lstart=")
}

fn ps(pid: i32, field: &str) -> Option<String> {
    let output = Command::new("ps").args(["-o", field, "-p", &pid.to_string()]).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!said.is_empty()).then_some(said)
}

#[cfg(test)]
mod tests {
    use super::Identity;
    use rustix::process::Signal;
    use std::process::Command;

    #[test]
    fn a_process_is_known_by_more_than_its_number() {
        let own = Identity::own().unwrap();
        assert!(own.lives());
        let other = Identity { started: "long ago".to_owned(), ..own };
        assert!(!other.lives());
        assert!(!other.signal(Signal::KILL), "we would not be here");
    }

    #[test]
    fn one_that_ended_and_was_not_reaped_does_not_live() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let identity = Identity::of(child.id().try_into().unwrap()).unwrap();
        // The system lets the parent go on a moment before it knows the child's words.
        let patience = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while identity.command_line().is_empty() && std::time::Instant::now() < patience {
            std::thread::yield_now();
        }
        assert_eq!(identity.command_line(), ["sleep", "60"]);
        assert!(identity.signal(Signal::KILL));
        // Waits without reaping.
        let pid = rustix::process::Pid::from_raw(identity.pid).unwrap();
        let options =
            rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT;
        rustix::process::waitid(rustix::process::WaitId::Pid(pid), options).unwrap();
        assert!(!identity.lives());
        child.wait().unwrap();
    }
}
