//! A copy of a library that nobody can change any more: what is digested is what is opened.

use crate::digest;
use crate::discover::Expected;
use crate::discover::opening::OpenLibrary;
use crate::fault::Fault;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

/// A library whose digest was compared.
#[derive(Debug)]
pub(super) struct Checked {
    /// What was digested.
    pub(super) file: File,
    /// What the linker opens.
    pub(super) path: PathBuf,
}

/// Copies the file into sealed memory and compares the copy's digest.
///
/// # Errors
/// When the file cannot be read or has another digest; where nothing is opened but what is locked,
/// besides when this system has no sealed memory.
pub(super) fn check(
    name: &str,
    path: &Path,
    expected: &Expected,
    library: OpenLibrary,
) -> Result<Checked, Fault> {
    let unreadable = |error: io::Error| Fault::unreadable(path, &error);
    let mut source = &library.file;
    source.rewind().map_err(unreadable)?;
    // One byte more shows a file that has grown; the rest of it is not wanted.
    let checked = match sealed(name, &mut source.take(expected.size.saturating_add(1))) {
        Ok(checked) => checked,
        // A file that only the operator and root may write is what is left to open.
        Err(Unsealed::System(_)) if !expected.strict => {
            source.rewind().map_err(unreadable)?;
            Checked { path: library.linker_path(), file: library.file }
        }
        Err(Unsealed::System(error)) => return Err(Fault::unsealed(name, path, error)),
        Err(Unsealed::Source(error)) => return Err(unreadable(error)),
    };
    let (found, _) = digest::of_reader(&checked.file).map_err(unreadable)?;
    if found != expected.sha256 {
        return Err(Fault::digest(name, path, &expected.sha256, &found, expected.kept));
    }
    Ok(checked)
}

/// Why there is no sealed copy.
enum Unsealed {
    /// The file cannot be read.
    Source(io::Error),
    /// The system has no such memory, forbids to run what is in it, or has no `/proc`.
    System(io::Error),
}

#[cfg(target_os = "linux")]
fn sealed(name: &str, source: &mut impl io::Read) -> Result<Checked, Unsealed> {
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
    use std::os::fd::AsRawFd;

    let system = |error: rustix::io::Errno| Unsealed::System(error.into());
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Kernels before 6.3 do not know `EXEC`, and run such memory without it.
    let memory = memfd_create(name, flags | MemfdFlags::EXEC)
        .or_else(|_| memfd_create(name, flags))
        .map_err(system)?;
    let mut memory = File::from(memory);
    io::copy(source, &mut memory).map_err(Unsealed::Source)?;
    let all = SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
    fcntl_add_seals(&memory, all).map_err(system)?;
    memory.rewind().map_err(Unsealed::System)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", memory.as_raw_fd()));
    std::fs::metadata(&path).map_err(Unsealed::System)?;
    Ok(Checked { file: memory, path })
}

#[cfg(not(target_os = "linux"))]
fn sealed(_: &str, _: &mut impl io::Read) -> Result<Checked, Unsealed> {
    Err(Unsealed::System(io::ErrorKind::Unsupported.into()))
}

#[cfg(test)]
mod tests {
    use crate::discover::Expected;
    use crate::discover::opening::open_library;
    use crate::trusted::TrustedOwners;
    use std::io::Write;

    #[test]
    fn what_was_checked_cannot_be_changed_and_what_changed_is_refused() {
        let mut source = tempfile::NamedTempFile::new().unwrap();
        source.write_all(b"abc").unwrap();
        let sha256 = crate::digest::of(b"abc");
        let expected = Expected { sha256, size: 3, strict: true, kept: false };
        let check = |path: &std::path::Path| {
            let library = open_library(path, &TrustedOwners::default())?;
            super::check("a", path, &expected, library)
        };
        let mut checked = check(source.path()).unwrap();
        assert!(checked.file.write_all(b"x").is_err());
        // By its name it can be opened, but not written either.
        let again = std::fs::OpenOptions::new().write(true).open(&checked.path);
        assert!(again.and_then(|mut again| again.write_all(b"x")).is_err());
        source.write_all(b"d").unwrap();
        let fault = check(source.path()).unwrap_err();
        assert_eq!(fault.code, "digest");
        for digest in [crate::digest::of(b"abc"), crate::digest::of(b"abcd")] {
            assert!(fault.message.contains(&digest), "{}", fault.message);
        }
        assert_eq!(std::fs::read(&checked.path).unwrap(), b"abc");
    }
}
