//! Opens libraries by the rules of [`trusted`], and says in a fault what is wrong.
//!
//! A folder of plugins is walked to once; its files are opened below its descriptor. A library that
//! is needed later in the run is not kept open until then: it is walked to again, by the same rules,
//! and has to be the file that was found ([`FileIdentity`]).

use crate::fault::Fault;
use crate::trusted::{self, Distrust, TrustedFile, TrustedFolder, TrustedOwners};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Which file it was, and in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileIdentity {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
}

/// A library that was checked and is open.
#[derive(Debug)]
pub(crate) struct OpenLibrary {
    /// For reading.
    pub(crate) file: File,
    /// Where it really lies.
    pub(crate) path: PathBuf,
    /// Which file it is.
    pub(crate) identity: FileIdentity,
}

impl FileIdentity {
    fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        })
    }
}

impl OpenLibrary {
    /// The size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.identity.size
    }

    fn of(path: &Path, opened: TrustedFile) -> Result<Self, Fault> {
        let identity = FileIdentity::of(&opened.file);
        let identity = identity.map_err(|error| Fault::unreadable(path, &error))?;
        Ok(Self { file: opened.file, path: opened.path, identity })
    }

    /// Where the linker finds exactly this file: by its descriptor, which has to stay open as long as
    /// the library does. Where the system has no such names, by the path that was checked: nobody else
    /// may write any folder on it.
    pub(crate) fn linker_path(&self) -> PathBuf {
        descriptor_path(&self.file).unwrap_or_else(|| self.path.clone())
    }
}

/// The name of a descriptor in `/proc`, if that leads to the same file.
#[cfg(target_os = "linux")]
fn descriptor_path(file: &File) -> Option<PathBuf> {
    use std::os::fd::AsRawFd;
    let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    let (named, opened) = (std::fs::metadata(&path).ok()?, file.metadata().ok()?);
    ((named.dev(), named.ino()) == (opened.dev(), opened.ino())).then_some(path)
}

#[cfg(not(target_os = "linux"))]
fn descriptor_path(_: &File) -> Option<PathBuf> {
    None
}

/// Opens a library, checked with everything on the way to it.
///
/// # Errors
/// The place that is at fault, with the command that mends it.
pub(crate) fn open_library(path: &Path, owners: &TrustedOwners) -> Result<OpenLibrary, Fault> {
    let opened = trusted::open_file(path, owners);
    OpenLibrary::of(path, opened.map_err(|distrust| Fault::distrusted(path, &distrust, owners))?)
}

/// A folder of plugins, opened once for all that is in it.
pub(crate) struct PluginFolder<'a> {
    path: &'a Path,
    owners: &'a TrustedOwners,
    opened: Result<TrustedFolder, Distrust>,
}

impl<'a> PluginFolder<'a> {
    pub(crate) fn open(path: &'a Path, owners: &'a TrustedOwners) -> Self {
        Self { path, owners, opened: trusted::open_folder(path, owners) }
    }

    /// The names of the libraries in it, in order. Those of a folder that is not trusted are only
    /// named, by the fault that each of them gets.
    pub(crate) fn libraries(&self) -> Vec<PathBuf> {
        let Ok(folder) = &self.opened else { return super::libraries(self.path) };
        let names = folder.names().unwrap_or_default();
        let paths = names.into_iter().map(|name| self.path.join(name));
        super::sorted_libraries(paths)
    }

    /// Opens a library in it; `path` is that of the folder with the library's own behind it.
    ///
    /// # Errors
    /// `None` where it does not exist; else the place that is at fault.
    pub(crate) fn open_library(&self, path: &Path) -> Result<OpenLibrary, Option<Fault>> {
        let below = path.strip_prefix(self.path).unwrap_or(path);
        let fault = |distrust: &Distrust| {
            let gone = matches!(&distrust.reason, trusted::DistrustReason::Io(error)
                if error.kind() == io::ErrorKind::NotFound);
            (!gone).then(|| Fault::distrusted(path, distrust, self.owners))
        };
        let folder = self.opened.as_ref().map_err(fault)?;
        let opened = folder.open_file(below).map_err(|distrust| fault(&distrust))?;
        OpenLibrary::of(path, opened).map_err(Some)
    }
}

/// Why a file cannot be read.
#[derive(Debug)]
pub(crate) enum FileError {
    /// The system's answer.
    Io(io::Error),
    /// A pipe, a device or a folder.
    NotAFile,
    /// Its size and the largest that it may have, in bytes.
    TooLarge(u64, u64),
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::NotAFile => f.write_str("not a regular file"),
            Self::TooLarge(size, largest) => {
                write!(f, "it has {size} bytes; expected are {largest} at most")
            }
        }
    }
}

impl FileError {
    /// The same about a library.
    pub(crate) fn of_library(self, path: &Path) -> Fault {
        match self {
            Self::Io(error) => Fault::unreadable(path, &error),
            Self::NotAFile => Fault::no_file(path),
            Self::TooLarge(size, largest) => Fault::too_large(path, size, largest),
        }
    }
}

/// Opens whatever regular file a path leads to, whoever may have put it there: for bytes that are
/// held against a digest or a signature. A pipe or a device is never opened, since that acts already.
///
/// # Errors
/// When it does not exist, cannot be read, or is no regular file.
pub(crate) fn open_any_file(path: &Path) -> Result<File, FileError> {
    use rustix::fs::{Mode, OFlags};
    let open = |path: &Path, flags| {
        let opened = rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty());
        opened.map(File::from).map_err(io::Error::from)
    };
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    // It is looked at before it is opened; on Linux what was looked at is what is opened.
    #[cfg(target_os = "linux")]
    let file = {
        let seen = open(path, OFlags::PATH)?;
        check_regular(&seen)?;
        open(descriptor_path(&seen).as_deref().unwrap_or(path), flags)?
    };
    #[cfg(not(target_os = "linux"))]
    let file = {
        if !std::fs::metadata(path)?.is_file() {
            return Err(FileError::NotAFile);
        }
        open(path, flags)?
    };
    check_regular(&file)?;
    Ok(file)
}

fn check_regular(file: &File) -> Result<(), FileError> {
    if file.metadata()?.is_file() { Ok(()) } else { Err(FileError::NotAFile) }
}

/// The bytes of a file that may have so many at most.
///
/// # Errors
/// When it is larger, or cannot be read.
pub(crate) fn read_bytes(file: &File, largest: u64) -> Result<Vec<u8>, FileError> {
    let size = file.metadata()?.size();
    if size > largest {
        return Err(FileError::TooLarge(size, largest));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    // It may grow while it is read.
    file.take(largest + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 {
        size if size > largest => Err(FileError::TooLarge(size, largest)),
        _ => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::{FileError, open_any_file, open_library, read_bytes};
    use crate::trusted::TrustedOwners;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    #[test]
    fn the_linker_gets_the_file_that_was_checked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.so");
        fs::write(&path, "abc").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let opened = open_library(&path, &TrustedOwners::default()).unwrap();
        let again = open_library(&path, &TrustedOwners::default()).unwrap();
        assert_eq!(opened.identity, again.identity);
        fs::rename(&path, folder.path().join("b.so")).unwrap();
        fs::write(&path, "other").unwrap();
        assert_eq!(fs::read_to_string(opened.linker_path()).unwrap(), "abc");
        let other = open_library(&path, &TrustedOwners::default()).unwrap();
        assert_ne!(opened.identity, other.identity);
    }

    #[test]
    fn nothing_but_a_regular_file_of_a_bounded_size_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "abcd").unwrap();
        let file = || open_any_file(&path).unwrap();
        assert_eq!(read_bytes(&file(), 4).unwrap(), b"abcd");
        assert!(matches!(read_bytes(&file(), 3), Err(FileError::TooLarge(4, 3))));
        for other in [Path::new("/dev/null"), folder.path()] {
            assert!(matches!(open_any_file(other), Err(FileError::NotAFile)));
        }
        let none = open_any_file(&folder.path().join("none"));
        assert!(matches!(none, Err(FileError::Io(_))));
    }
}
