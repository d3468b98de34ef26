//! A clock that is wrong: for a process that is started with it, the time of day is off by as many
//! seconds as a file says. Only the time of day is: what measures how long something takes goes on.

use crate::Result;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// It takes the place of the system's own functions in a process that loads it first.
const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long off(void) {
    const char *path = getenv("TEST_CLOCK_OFF_BY");
    char text[32] = {0};
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return 0;
    long length = read(file, text, sizeof text - 1);
    close(file);
    return length > 0 ? atol(text) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && clock == CLOCK_REALTIME)
        now->tv_sec += off();
    return result;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec precise;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &precise) != 0)
        return -1;
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}
"#;

/// A clock of a test. Processes that have it must end before it is dropped.
#[derive(Debug)]
pub struct Clock {
    folder: TempDir,
}

impl Clock {
    /// A clock that is right.
    ///
    /// # Errors
    /// When there is no C compiler, which linking Rust needs as well, or it refuses the source.
    pub fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        // PostgreSQL's account reads both files.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
        let source = folder.path().join("clock.c");
        fs::write(&source, SOURCE)?;
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(folder.path().join("clock.so"));
        let output = compiler.arg(&source).output()?;
        if !output.status.success() {
            return Err(format!("cc: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        let clock = Self { folder };
        clock.is_off_by(0)?;
        Ok(clock)
    }

    /// From now on it is ahead by so many seconds, or behind.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn is_off_by(&self, seconds: i64) -> Result {
        // In one step: nobody is to read half a number.
        let new = self.folder.path().join("new");
        fs::write(&new, seconds.to_string())?;
        fs::set_permissions(&new, Permissions::from_mode(0o644))?;
        Ok(fs::rename(new, self.path("seconds"))?)
    }

    /// What a process needs in its environment.
    #[must_use]
    pub fn variables(&self) -> [(&'static str, String); 2] {
        [("LD_PRELOAD", self.path("clock.so")), ("TEST_CLOCK_OFF_BY", self.path("seconds"))]
            .map(|(name, path)| (name, path.to_string_lossy().into_owned()))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
