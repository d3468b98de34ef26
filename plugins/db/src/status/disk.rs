//! Free disk. PostgreSQL cannot be asked for it; where its data lie on this machine, the file
//! system is asked.

use super::facts::Disk;
use super::probe::Server;
use toygres_plugin_api::protocol::DbTarget;

pub(super) fn disk(server: &Server, target: &DbTarget) -> Disk {
    let available = available(server, target);
    Disk {
        total_bytes: server.database_bytes,
        available_bytes: available.as_ref().ok().copied(),
        available_reason: available.err().map(str::to_owned),
    }
}

fn available(server: &Server, target: &DbTarget) -> Result<i64, &'static str> {
    let loopback = matches!(target.host.as_str(), "localhost" | "127.0.0.1" | "::1");
    if !loopback && !target.host.starts_with('/') {
        return Err("PostgreSQL cannot be asked, and the server is on another machine");
    }
    if !runs_here(server.backend_pid) {
        return Err("PostgreSQL cannot be asked, and this address leads to another machine");
    }
    let folder = server.data_directory.as_ref();
    let folder = folder.ok_or("this role may not ask where the data lie (pg_read_all_settings)")?;
    let found = rustix::fs::statvfs(folder.as_str())
        .map_err(|_| "the server's data folder cannot be seen from here")?;
    i64::try_from(found.f_bavail.saturating_mul(found.f_frsize))
        .map_err(|_| "the file system's answer is no amount")
}

/// Whether the process that serves this connection is one of this machine: a loopback address may
/// as well be a tunnel, whose other end has a folder of the same name.
fn runs_here(backend: i64) -> bool {
    let line = std::fs::read(format!("/proc/{backend}/cmdline")).unwrap_or_default();
    line.starts_with(b"postgres")
}
