//! Where this binary lies.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The file of this binary, links followed: as the system knows it, else as it was called. Where
/// `/proc` is not there, as in a root that was just made, only the latter is known.
pub(crate) fn path() -> Option<PathBuf> {
    let known = std::env::current_exe().ok().or_else(|| {
        called(std::env::args_os().next()?.as_os_str(), std::env::var_os("PATH")?.as_os_str())
    });
    known.and_then(|path| path.canonicalize().ok())
}

/// The file that a shell takes for a name: the path it is, or the first in the folders of `PATH`.
fn called(name: &OsStr, path: &OsStr) -> Option<PathBuf> {
    if name.as_encoded_bytes().contains(&b'/') {
        return Some(Path::new(name).to_owned());
    }
    std::env::split_paths(path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::called;
    use std::path::PathBuf;

    #[test]
    fn a_name_is_looked_for_and_a_path_is_taken() {
        assert_eq!(called("./x/y".as_ref(), "/bin".as_ref()), Some(PathBuf::from("./x/y")));
        let found = called("sh".as_ref(), "/nosuch:/bin".as_ref());
        assert_eq!(found, Some(PathBuf::from("/bin/sh")));
        assert_eq!(called("nosuch-at-all".as_ref(), "/bin".as_ref()), None);
    }
}
