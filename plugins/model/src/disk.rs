//! Room on the disk of a database's server. PostgreSQL cannot be asked for it; where its data lie
//! on this machine, the file system is asked.

use std::path::Path;

/// How much of a file system is left, and how large it is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// What a process without privileges may still fill.
    pub available: i64,
    /// All of it.
    pub capacity: i64,
}

/// What the room means for the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// There is enough.
    Enough,
    /// Less than a twentieth is left, and less than 5 GiB: of a large disk a twentieth is plenty.
    Low,
    /// Not even a page of PostgreSQL's fits: whatever writes fails.
    Full,
}

/// The page in which PostgreSQL writes, in bytes.
const PAGE: i64 = 8192;
/// Enough on a disk of any size, in bytes.
const PLENTY: i64 = 5 << 30;

impl Room {
    /// The word for it in data.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Enough => "enough",
            Self::Low => "low",
            Self::Full => "full",
        }
    }
}

impl Space {
    /// What it means for the database.
    #[must_use]
    pub fn room(self) -> Room {
        if self.available < PAGE {
            Room::Full
        } else if self.available < (self.capacity / 20).min(PLENTY) {
            Room::Low
        } else {
            Room::Enough
        }
    }
}

/// The room of the server at `host` whose session is served by the process `backend` and whose data
/// lie in `folder`, where this role may ask for it. Of the data and the write-ahead log, which may
/// lie elsewhere, the one with less is told.
///
/// # Errors
/// Why it cannot be known.
pub fn space(host: &str, backend: i64, folder: Option<&str>) -> Result<Space, &'static str> {
    let loopback = matches!(host, "localhost" | "127.0.0.1" | "::1");
    if !loopback && !host.starts_with('/') {
        return Err("PostgreSQL cannot be asked, and the server is on another machine");
    }
    if !runs_here(backend) {
        return Err("PostgreSQL cannot be asked, and this address leads to another machine");
    }
    let folder = folder.ok_or("this role may not ask where the data lie (pg_read_all_settings)")?;
    let folder = Path::new(folder);
    let data = of(folder).ok_or("the server's data folder cannot be seen from here")?;
    // Whoever may not enter the folder cannot follow a link in it.
    let log = of(&folder.join("pg_wal")).unwrap_or(data);
    Ok(if log.available < data.available { log } else { data })
}

fn of(folder: &Path) -> Option<Space> {
    let found = rustix::fs::statvfs(folder).ok()?;
    let bytes = |blocks: u64| i64::try_from(blocks.saturating_mul(found.f_frsize)).ok();
    Some(Space { available: bytes(found.f_bavail)?, capacity: bytes(found.f_blocks)? })
}

/// Whether the process that serves this connection is one of this machine: a loopback address may
/// as well be a tunnel, whose other end has a folder of the same name.
fn runs_here(backend: i64) -> bool {
    let line = std::fs::read(format!("/proc/{backend}/cmdline")).unwrap_or_default();
    line.starts_with(b"postgres")
}

#[cfg(test)]
mod tests {
    use super::{Room, Space, space};

    #[test]
    fn room_is_judged_by_what_is_left() {
        let room = |available| Space { available, capacity: 1_000_000_000 }.room();
        assert_eq!(room(0), Room::Full);
        assert_eq!(room(8191), Room::Full);
        assert_eq!(room(49_999_999), Room::Low);
        assert_eq!(room(50_000_000), Room::Enough);
        let large = |available| Space { available, capacity: 10 << 40 }.room();
        assert_eq!((large((5 << 30) - 1), large(5 << 30)), (Room::Low, Room::Enough));
    }

    #[test]
    fn a_server_elsewhere_is_not_measured_here() {
        let elsewhere = space("db.example.com", 1, Some("/"));
        assert!(elsewhere.unwrap_err().contains("another machine"));
        // No process of this machine has this number.
        assert!(space("127.0.0.1", i64::MAX, Some("/")).unwrap_err().contains("this address"));
    }
}
