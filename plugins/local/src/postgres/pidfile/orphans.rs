//! What a killed server leaves: its file, and for a moment its other processes.

use std::fs;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

/// Processes of a server that was killed end by themselves, in a moment.
const ORPHANS_END: Duration = Duration::from_secs(10);

/// How often it is looked whether they have.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Removes the file of a server that is dead. PostgreSQL itself would not start as long as any
/// process has the number that stands there: one that waits to be reaped, or a stranger. It is safe
/// once no process works in the folder, because each of a server's does.
pub(crate) async fn clear(data: &Path) {
    let deadline = Instant::now() + ORPHANS_END;
    while is_worked_in(data) && Instant::now() < deadline {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    // Where they have not ended, PostgreSQL refuses to start and says so.
    if !is_worked_in(data) {
        let _none = fs::remove_file(data.join("postmaster.pid"));
    }
}

fn is_worked_in(data: &Path) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|process| fs::read_link(process.path().join("cwd")).ok())
        .any(|folder| folder == data)
}
