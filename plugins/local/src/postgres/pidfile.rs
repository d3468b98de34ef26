//! Whether a server runs on a data folder, by the file that it keeps there.

use crate::process::Identity;
use std::fs;
use std::path::Path;

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
    let program = words.first().and_then(|word| Path::new(word).file_name());
    let of_this_folder = program.is_some_and(|name| name == "postgres")
        && words.iter().any(|word| Path::new(word) == data);
    let port = lines.get(3)?.trim().parse().ok()?;
    of_this_folder.then_some(Running { identity, port })
}

#[cfg(target_os = "linux")]
mod orphans;

#[cfg(target_os = "linux")]
pub(super) use orphans::clear;

/// Elsewhere it cannot be known who works in the folder: PostgreSQL decides alone.
#[cfg(not(target_os = "linux"))]
pub(super) async fn clear(_data: &Path) {}

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
