//! Which process it is: a number, when it began, and under which boot of the machine.

use rustix::process::Pid;
use serde::{Deserialize, Serialize};
use std::io;

/// A process that no later one is taken for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// Its number; another process may get it after its end.
    pub(crate) pid: i32,
    /// When it began, in the kernel's ticks since the boot.
    pub(crate) start_ticks: u64,
    /// The boot that these are counted from.
    pub(crate) boot_id: String,
}

impl Identity {
    /// The process that has this number now; `None` where none lives.
    ///
    /// # Errors
    /// When the kernel's files cannot be read.
    pub(crate) fn of(pid: Pid) -> io::Result<Option<Self>> {
        let pid = pid.as_raw_nonzero().get();
        let stat = match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(stat) => stat,
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some((state, start_ticks)) = read_stat(&stat) else {
            return Err(io::Error::other(format!("/proc/{pid}/stat cannot be read: {stat}")));
        };
        // One that ended and was not yet asked for its status does nothing any more.
        if matches!(state, "Z" | "X" | "x") {
            return Ok(None);
        }
        Ok(Some(Self { pid, start_ticks, boot_id: boot_id()? }))
    }

    /// This process.
    ///
    /// # Errors
    /// When the kernel's files cannot be read.
    pub(crate) fn of_ourselves() -> io::Result<Self> {
        Self::of(rustix::process::getpid())?
            .ok_or_else(|| io::Error::other("/proc does not show this process"))
    }

    /// Whether this very process still lives.
    ///
    /// # Errors
    /// When the kernel's files cannot be read.
    pub(crate) fn lives(&self) -> io::Result<bool> {
        let Some(pid) = Pid::from_raw(self.pid) else { return Ok(false) };
        Ok(Self::of(pid)?.as_ref() == Some(self))
    }
}

impl Identity {
    /// The machine was started again since: no process of that boot lives.
    pub(crate) fn is_of_another_boot(&self) -> bool {
        boot_id().is_ok_and(|boot| boot != self.boot_id)
    }
}

/// `ESRCH` is what reading gives when the process ends in between.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(3)
}

/// State and start time of `/proc/PID/stat`. The name before them may hold anything, brackets too.
fn read_stat(stat: &str) -> Option<(&str, u64)> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

fn boot_id() -> io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Identity, read_stat};

    #[test]
    fn a_name_with_brackets_does_not_mislead() {
        let tail = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20 21";
        assert_eq!(read_stat(&format!("42 (a) b (c)) {tail}")), Some(("S", 4711)));
        assert_eq!(read_stat("42 (x"), None);
        assert_eq!(read_stat("42 (x) S 1 2"), None);
    }

    #[test]
    fn one_of_another_start_or_boot_is_another_process() {
        let ours = Identity::of_ourselves().unwrap();
        assert!(ours.lives().unwrap());
        let earlier = Identity { start_ticks: ours.start_ticks - 1, ..ours.clone() };
        assert!(!earlier.lives().unwrap());
        let other_boot = Identity { boot_id: "another".to_owned(), ..ours.clone() };
        assert!(!other_boot.lives().unwrap());
        assert!(!Identity { pid: 0, ..ours }.lives().unwrap());
    }
}
