//! `/dev/shm`, where PostgreSQL keeps what its processes share. Containers often have little of it.

use toygres_plugin_api::Error;

const FOLDER: &str = "/dev/shm";

/// A server starts with this much, and has some left for a parallel query.
const NEEDED_BYTES: u64 = 8 << 20;

/// The error of a PostgreSQL program, with what is to be done where it has too little shared memory.
pub(super) fn explain(error: Error) -> Error {
    let hint = match rustix::fs::statvfs(FOLDER) {
        Ok(found) => {
            let (size, free) = (found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize);
            if free >= NEEDED_BYTES {
                return error;
            }
            format!("{FOLDER} has {} KiB, of which {} KiB are free", size >> 10, free >> 10)
        }
        Err(_) => format!("there is no {FOLDER}"),
    };
    let needed = NEEDED_BYTES >> 20;
    error.hint(format!(
        "{hint}, and PostgreSQL needs {needed} MiB of shared memory: give the container more, such \
         as with `--shm-size 64m`, or run: mount -o remount,size=64m {FOLDER}"
    ))
}
