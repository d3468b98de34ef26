//! Files into a new folder: all of them, or none.

use super::template::File;
use crate::fault::typed;
use std::fs;
use std::io;
use std::path::Path;
use toygres_plugin_api::{Error, Result};

/// Writes the files beside, and gives the folder its name when it is whole.
///
/// # Errors
/// `refused` where something is there already; `not_found` where the folder above is missing;
/// `failed` where it cannot be written.
pub(super) fn folder(path: &Path, files: &[File]) -> Result<()> {
    let path = std::path::absolute(path)?;
    check_free(&path)?;
    let (above, name) = match (path.parent(), path.file_name()) {
        (Some(above), Some(name)) => (above, name),
        _ => return Err(Error::usage(format!("`{}` cannot be made", path.display()))),
    };
    if !above.is_dir() {
        return Err(Error::not_found(format!("there is no folder {}", above.display()))
            .hint(format!("make it first: mkdir -p {}", typed(above))));
    }
    let cannot = |error: io::Error| {
        Error::failed(format!("{} cannot be written", path.display())).cause(error)
    };
    // Beside, since a name can be given only within a file system.
    let beside =
        tempfile::Builder::new().prefix(".toygres-new-").tempdir_in(above).map_err(cannot)?;
    let whole = beside.path().join(name);
    fs::create_dir(&whole).map_err(cannot)?;
    for file in files {
        write(&whole.join(file.path), &file.text).map_err(cannot)?;
    }
    // Takes the place of an empty folder, and of nothing else.
    fs::rename(&whole, &path).map_err(|error| match check_free(&path) {
        Err(filled) => filled,
        Ok(()) => cannot(error),
    })
}

fn check_free(path: &Path) -> Result<()> {
    let in_the_way = |what: &str| {
        Error::refused(format!("{} {what}", path.display()))
            .hint("name another folder with `--path`; nothing was changed")
    };
    match fs::read_dir(path).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(in_the_way("is there already, and not empty")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            Err(in_the_way("is there already, and no folder"))
        }
        Err(error) => Err(in_the_way("cannot be looked into").cause(error)),
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(above) = path.parent() {
        fs::create_dir_all(above)?;
    }
    fs::write(path, text)
}

#[cfg(test)]
mod tests {
    use super::{File, folder};
    use toygres_plugin_api::ErrorKind;

    fn one() -> Vec<File> {
        vec![File { path: "a/b", text: "whole".to_owned() }]
    }

    #[test]
    fn a_folder_is_made_whole_and_takes_nobodys_place() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("new");
        folder(&path, &one()).unwrap();
        assert_eq!(std::fs::read_to_string(path.join("a/b")).unwrap(), "whole");
        let again = folder(&path, &one()).unwrap_err();
        assert_eq!(again.kind, ErrorKind::Refused);
        assert!(again.message.contains("not empty"), "{again}");

        let empty = place.path().join("empty");
        std::fs::create_dir(&empty).unwrap();
        folder(&empty, &one()).unwrap();

        let file = place.path().join("file");
        std::fs::write(&file, "mine").unwrap();
        assert_eq!(folder(&file, &one()).unwrap_err().kind, ErrorKind::Refused);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");

        let missing = folder(&place.path().join("no/such/x"), &one()).unwrap_err();
        assert_eq!(missing.kind, ErrorKind::NotFound);
        // Nothing else is left beside.
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 3);
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing() {
        let place = tempfile::tempdir().unwrap();
        let files = [
            File { path: "a", text: String::new() },
            File { path: "a/b", text: "a folder of a file's name".to_owned() },
        ];
        assert_eq!(folder(&place.path().join("new"), &files).unwrap_err().kind, ErrorKind::Failed);
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
    }
}
