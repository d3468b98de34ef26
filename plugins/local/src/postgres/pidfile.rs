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
    let of_this_folder = words.iter().any(|word| Path::new(word) == data);
    let port = lines.get(3)?.trim().parse().ok()?;
    of_this_folder.then_some(Running { identity, port })
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
}
