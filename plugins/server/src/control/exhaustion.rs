//! Failures of this process itself: no descriptor left, no memory, no port.
//!
//! They say nothing of what was asked. A check of an instance that fails so is no check, and a step
//! that fails so is no attempt. Most errors carry the kernel's number; those that lost it on their
//! way (a session that a pool could not make, a request through the host) are told by looking
//! whether a descriptor can be had at this moment.

use rustix::io::Errno;
use std::error::Error;
use std::io;

/// What the kernel answers when this process, or the machine, has run out of something.
const EXHAUSTED: [Errno; 6] =
    [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS, Errno::ADDRNOTAVAIL, Errno::AGAIN];

/// Whether an error came about because this process ran out of something.
pub(super) fn caused(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<io::Error>().is_some_and(is_exhausted) {
            return true;
        }
        next = error.source();
    }
    false
}

/// Whether this process can open nothing now.
pub(super) fn holds_now() -> bool {
    std::fs::File::open("/dev/null").is_err_and(|error| is_exhausted(&error))
}

fn is_exhausted(error: &io::Error) -> bool {
    if let Some(number) = Errno::from_io_error(error) {
        return EXHAUSTED.contains(&number);
    }
    // What an error is made of stands beside its sources, not among them.
    error.get_ref().is_some_and(|inner| caused(inner))
}

#[cfg(test)]
mod tests {
    use super::{caused, holds_now};
    use rustix::io::Errno;
    use std::io;

    #[test]
    fn what_this_process_lacks_is_known_by_the_kernels_number() {
        let os = |errno: Errno| io::Error::from(errno);
        let wrapped = |errno| io::Error::other(sqlx::Error::Io(io::Error::other(os(errno))));
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::ADDRNOTAVAIL] {
            assert!(caused(&os(errno)), "{errno}");
            assert!(caused(&sqlx::Error::Io(os(errno))), "{errno}");
            assert!(caused(&wrapped(errno)), "{errno}");
        }
        for errno in [Errno::CONNREFUSED, Errno::TIMEDOUT, Errno::HOSTUNREACH, Errno::CONNRESET] {
            assert!(!caused(&os(errno)) && !caused(&wrapped(errno)), "{errno}");
        }
        let words = io::Error::other("Too many open files (os error 24)");
        assert!(!caused(&words), "a sentence decides nothing");
        assert!(!caused(&sqlx::Error::PoolTimedOut) && !holds_now());
    }
}
