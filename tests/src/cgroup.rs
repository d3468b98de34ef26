//! A control group that limits the memory of what runs in it, as Kubernetes limits a container's.

use crate::Result;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A group with a limit of memory. Dropping it removes it, once nothing runs in it any more.
#[derive(Debug)]
pub struct MemoryLimit {
    folder: PathBuf,
    version: Version,
    /// In bytes.
    limit: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl MemoryLimit {
    /// Makes a group below the one that this process is in.
    ///
    /// # Errors
    /// Where this system or this user cannot: the reason, for whoever reports what was passed over.
    pub fn new(limit: u64) -> Result<Self> {
        let (parent, version) = parent()?;
        let folder = parent.join(format!("toygres-{}-{limit}", std::process::id()));
        if let Err(error) = fs::create_dir(&folder)
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            return Err(format!("no control group at {}: {error}", folder.display()).into());
        }
        let group = Self { folder, version, limit };
        let name = if version == Version::Two { "memory.max" } else { "memory.limit_in_bytes" };
        fs::write(group.folder.join(name), limit.to_string())?;
        // Without swap, so that the limit is one; a kernel without swap has no such file.
        let swap = if version == Version::Two { "memory.swap.max" } else { "memory.swappiness" };
        if group.folder.join(swap).exists() {
            fs::write(group.folder.join(swap), "0")?;
        }
        Ok(group)
    }

    /// The limit in bytes.
    pub fn bytes(&self) -> u64 {
        self.limit
    }

    /// A command that runs the program in this group, with everything that it starts.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", r#"echo $$ >"$0" && exec "$@""#])
            .arg(self.folder.join("cgroup.procs"))
            .arg(program);
        command
    }

    /// The most memory that it held, in bytes: pages of files that were read count as well.
    ///
    /// # Errors
    /// Where this kernel does not tell.
    pub fn peak(&self) -> Result<u64> {
        let name = match self.version {
            Version::One => "memory.max_usage_in_bytes",
            Version::Two => "memory.peak",
        };
        Ok(fs::read_to_string(self.folder.join(name))?.trim().parse()?)
    }

    /// How many processes the kernel killed because the limit was reached.
    ///
    /// # Errors
    /// Where this kernel does not tell.
    pub fn killed(&self) -> Result<u64> {
        let name = match self.version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        };
        let text = fs::read_to_string(self.folder.join(name))?;
        let mut lines = text.lines().filter_map(|line| line.split_once(' '));
        let found = lines.find(|(name, _)| *name == "oom_kill");
        Ok(found.ok_or("this kernel does not count what it killed")?.1.trim().parse()?)
    }
}

impl Drop for MemoryLimit {
    fn drop(&mut self) {
        // Where something still runs in it, it stays: it holds nothing then.
        let _removed = fs::remove_dir(&self.folder);
    }
}

/// The group of this process that limits memory, and which version of the interface it has.
fn parent() -> Result<(PathBuf, Version)> {
    let own = fs::read_to_string("/proc/self/cgroup")?;
    let paths = own.lines().filter_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        Some((controllers, path.trim_start_matches('/')))
    });
    let mut second = None;
    for (controllers, path) in paths {
        if controllers.split(',').any(|name| name == "memory") {
            return Ok((Path::new("/sys/fs/cgroup/memory").join(path), Version::One));
        }
        if controllers.is_empty() {
            second = Some(Path::new("/sys/fs/cgroup").join(path));
        }
    }
    let folder = second.ok_or("this process is in no control group")?;
    let delegated = fs::read_to_string(folder.join("cgroup.subtree_control")).unwrap_or_default();
    if delegated.split_ascii_whitespace().any(|name| name == "memory") {
        return Ok((folder, Version::Two));
    }
    Err(format!("{} hands no limit of memory on", folder.display()).into())
}
