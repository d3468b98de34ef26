//! Whether a server runs on a data folder, by the file that it keeps there.

use crate::process::Identity;
use std::fs;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

/// A server that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Running {
    /// Its first process.
    pub(crate) identity: Identity,
    /// Where it listens.
    pub(crate) port: u16,
}

/// The server of a data folder. A file that a dead server left, whose number another process has
/// now, is none: that process was not started with this folder.
pub(crate) fn running(data: &Path) -> Option<Running> {
    let file = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let lines: Vec<&str> = file.lines().collect();
    let identity = Identity::of(lines.first()?.trim().parse().ok()?)?;
    let words = identity.command_line();
    let of_this_folder = words.iter().any(|word| Path::new(word) == data);
    let port = lines.get(3)?.trim().parse().ok()?;
    of_this_folder.then_some(Running { identity, port })
}

/// Processes of a server that was killed end by themselves, in a moment.
const ORPHANS_END: Duration = Duration::from_secs(10);

/// How often it is looked whether they have.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Removes the file of a server that is dead. PostgreSQL itself would not start as long as any
/// process has the number that stands there: one that waits to be reaped, or a stranger. It is safe
/// once no process works in the folder, because each of a server's does.
#[cfg(target_os = "linux")]
pub(super) async fn clear(data: &Path) {
    let deadline = Instant::now() + ORPHANS_END;
    while is_worked_in(data) && Instant::now() < deadline {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    // Where they have not ended, PostgreSQL refuses to start and says so.
    if !is_worked_in(data) {
        let _none = fs::remove_file(data.join("postmaster.pid"));
    }
}

/// Elsewhere it cannot be known who works in the folder: PostgreSQL decides alone.
#[cfg(not(target_os = "linux"))]
pub(super) async fn clear(_data: &Path) {}

#[cfg(target_os = "linux")]
fn is_worked_in(data: &Path) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|process| fs::read_link(process.path().join("cwd")).ok())
        .any(|folder| folder == data)
}

#[cfg(test)]
mod tests {
    use super::running;
    use std::process::Command;

    #[test]
    fn a_number_that_another_process_has_is_no_server() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("postmaster.pid");
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let text = format!("{}\n{}\n1\n5433\n\n", child.id(), folder.path().display());
        std::fs::write(&file, text).unwrap();
        assert_eq!(running(folder.path()), None);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(running(folder.path()), None);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_file_of_a_dead_server_goes_when_nobody_works_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("postmaster.pid");
        std::fs::write(&file, "1\n").unwrap();
        let mut orphan =
            Command::new("sleep").arg("0.5").current_dir(folder.path()).spawn().unwrap();
        super::clear(folder.path()).await;
        assert!(!file.exists());
        assert!(orphan.try_wait().unwrap().is_some(), "it was not waited for");
    }
}
