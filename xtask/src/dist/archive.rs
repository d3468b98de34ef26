//! Tar archives that are the same whenever they are made: sorted, root's, of one time.

use super::{Package, tree::Tree};
use crate::run::Result;
use flate2::{Compression, GzBuilder};
use std::collections::BTreeSet;
use std::io::Write;
use tar::{Builder, EntryType, Header};

/// The tarball: everything below one folder that is named after it.
pub(crate) fn tarball(package: &Package) -> Result<Vec<u8>> {
    let top = format!("toygres-{}", package.version);
    tar_gz(&package.tree, &top, package.epoch)
}

/// The files of a tree below `top`, with the folders that they need.
pub(crate) fn tar_gz(tree: &Tree, top: &str, epoch: u64) -> Result<Vec<u8>> {
    let mut builder = Builder::new(Vec::new());
    let mut made = BTreeSet::new();
    for (path, file) in tree.files() {
        let path = format!("{top}/{path}");
        for folder in folders(&path) {
            if made.insert(folder.clone()) {
                append(&mut builder, &folder, EntryType::Directory, 0o755, &[], epoch)?;
            }
        }
        append(&mut builder, &path, EntryType::Regular, file.mode, &file.bytes, epoch)?;
    }
    gzip(&builder.into_inner()?, Compression::default())
}

/// The folders above a path, the outermost first, each with a slash at its end.
fn folders(path: &str) -> Vec<String> {
    let ends = path.match_indices('/').map(|(at, _)| path[..=at].to_owned());
    ends.collect()
}

fn append(
    builder: &mut Builder<Vec<u8>>,
    path: &str,
    kind: EntryType,
    mode: u32,
    bytes: &[u8],
    epoch: u64,
) -> Result {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_username("root")?;
    header.set_groupname("root")?;
    header.set_mtime(epoch);
    header.set_size(bytes.len() as u64);
    // A leading `./` is how Debian's tools write it; the library would take it away.
    let name = header.as_gnu_mut().map(|gnu| &mut gnu.name).ok_or("no GNU header")?;
    let room = name.get_mut(..path.len()).ok_or_else(|| format!("`{path}` is too long"))?;
    room.copy_from_slice(path.as_bytes());
    header.set_cksum();
    Ok(builder.append(&header, bytes)?)
}

/// A text as small as it gets, as Debian wants its pages.
pub(crate) fn smallest(bytes: &[u8]) -> Result<Vec<u8>> {
    gzip(bytes, Compression::best())
}

/// Without a time or a name of its own.
fn gzip(bytes: &[u8], how: Compression) -> Result<Vec<u8>> {
    let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), how);
    gzip.write_all(bytes)?;
    Ok(gzip.finish()?)
}

#[cfg(test)]
mod tests {
    use super::{folders, tar_gz};
    use crate::dist::tree::Tree;
    use std::io::Read;

    #[test]
    fn entries_are_sorted_and_say_nothing_of_who_made_them() {
        let mut tree = Tree::default();
        tree.add("share/b", 0o644, "b");
        tree.add("bin/a", 0o755, "a");
        let bytes = tar_gz(&tree, ".", 7).unwrap();
        let mut read = Vec::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut read).unwrap();
        let mut archive = tar::Archive::new(&read[..]);
        let entries = archive.entries().unwrap().map(|entry| {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
            assert_eq!(header.mtime().unwrap(), 7);
            let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
            (path, header.mode().unwrap())
        });
        let expected = [
            ("./", 0o755),
            ("./bin/", 0o755),
            ("./bin/a", 0o755),
            ("./share/", 0o755),
            ("./share/b", 0o644),
        ];
        let expected = expected.map(|(path, mode)| (path.to_owned(), mode));
        assert_eq!(entries.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_outermost_folder_comes_first() {
        assert_eq!(folders("a/b/c"), ["a/", "a/b/"]);
    }
}
