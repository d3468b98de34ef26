//! Files that the operator names for a library to read as a whole: kubeconfig, certificates.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// No kubeconfig and no bundle of certificates is larger.
const MAX_BYTES: u64 = 16 << 20;

/// Refuses what would be read for ever or into more memory than there is. A pipe is taken, as a
/// shell's `<(…)` is one; a file that is missing is told by whoever reads it.
///
/// # Errors
/// What it is instead of a file, or how large it is.
pub(super) fn check_size(path: &Path) -> io::Result<()> {
    let found = match std::fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if found.file_type().is_fifo() {
        return Ok(());
    }
    if !found.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    if found.len() > MAX_BYTES {
        let message = format!("larger than {} MiB", MAX_BYTES >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{MAX_BYTES, check_size};
    use std::path::Path;

    #[test]
    fn devices_folders_and_huge_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        let sized = |bytes| std::fs::File::create(&file).unwrap().set_len(bytes).unwrap();
        sized(MAX_BYTES);
        assert!(check_size(&file).is_ok());
        sized(MAX_BYTES + 1);
        assert!(check_size(&file).is_err());
        assert!(check_size(folder.path()).is_err());
        assert!(check_size(Path::new("/dev/zero")).is_err());
        assert!(check_size(&folder.path().join("none")).is_ok());
    }
}
