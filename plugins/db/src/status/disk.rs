//! Free disk, where it can be known, and what it means.

use super::facts::Disk;
use super::probe::Server;
use toygres_model::disk;
use toygres_plugin_api::protocol::DbTarget;

pub(super) fn disk(server: &Server, target: &DbTarget) -> Disk {
    let space = disk::space(&target.host, server.backend_pid, server.data_directory.as_deref());
    let known = space.as_ref().ok();
    Disk {
        total_bytes: server.database_bytes,
        available_bytes: known.map(|space| space.available),
        capacity_bytes: known.map(|space| space.capacity),
        room: known.map(|space| space.room().word().to_owned()),
        available_reason: space.err().map(str::to_owned),
    }
}
