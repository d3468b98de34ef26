//! What a library needs of the C library, read from its version needs without opening it.

use crate::fault::Fault;
use object::Endianness;
use object::elf::{FileHeader64, SHT_GNU_VERNEED, SectionHeader64};
use object::read::elf::{FileHeader, SectionHeader, SectionTable, VerneedIterator};
use object::{FileKind, ReadRef, SectionIndex};
use std::path::Path;

/// A library that needs a hundred versions of ten libraries has 2 KB.
const MAX_NEEDS_BYTES: u64 = 64 * 1024;

/// A version of glibc: major, minor.
pub(crate) type Glibc = (u32, u32);

/// Refuses a library that needs a newer glibc than the one that runs; the linker would only say
/// so when it is opened, and in words about symbols.
///
/// # Errors
/// [`Fault::glibc`], or that the file is damaged.
pub(crate) fn check<'a, R: ReadRef<'a>>(
    path: &Path,
    data: R,
    running: Option<Glibc>,
) -> Result<(), Fault> {
    let Some(running) = running else { return Ok(()) };
    match glibc(data).map_err(|error| Fault::truncated(path, error))? {
        Some(needed) if needed > running => Err(Fault::glibc(path, needed, running)),
        _ => Ok(()),
    }
}

/// The newest glibc that a library names in its version needs, if it names any.
///
/// # Errors
/// When the file is damaged.
pub(crate) fn glibc<'a, R: ReadRef<'a>>(data: R) -> Result<Option<Glibc>, String> {
    if !matches!(FileKind::parse(data), Ok(FileKind::Elf64)) {
        return Ok(None);
    }
    let (endian, sections) = sections(data).map_err(|error| error.to_string())?;
    let is_large = |section: &SectionHeader64<Endianness>| {
        section.sh_type(endian) == SHT_GNU_VERNEED && section.sh_size(endian) > MAX_NEEDS_BYTES
    };
    if sections.iter().any(is_large) {
        return Err(format!("its version needs have more than {MAX_NEEDS_BYTES} bytes"));
    }
    let found = match sections.gnu_verneed(endian, data) {
        Ok(Some((needs, strings))) => newest(endian, data, &sections, needs, strings),
        Ok(None) => Ok(None),
        Err(error) => Err(error),
    };
    found.map_err(|error| error.to_string())
}

type Sections<'a, R> = (Endianness, SectionTable<'a, FileHeader64<Endianness>, R>);

fn sections<'a, R: ReadRef<'a>>(data: R) -> object::read::Result<Sections<'a, R>> {
    let header = FileHeader64::<Endianness>::parse(data)?;
    let endian = header.endian()?;
    Ok((endian, header.sections(endian, data)?))
}

fn newest<'a, R: ReadRef<'a>>(
    endian: Endianness,
    data: R,
    sections: &SectionTable<'a, FileHeader64<Endianness>, R>,
    mut needs: VerneedIterator<'a, FileHeader64<Endianness>>,
    strings: SectionIndex,
) -> object::read::Result<Option<Glibc>> {
    let strings = sections.strings(endian, data, strings)?;
    let mut newest = None;
    while let Some((_, mut versions)) = needs.next()? {
        while let Some(version) = versions.next()? {
            newest = newest.max(version_of(version.name(endian, strings)?));
        }
    }
    Ok(newest)
}

/// `GLIBC_2.34`; what else stands there (`GLIBC_PRIVATE`, `GCC_3.0`) says nothing of an age.
fn version_of(name: &[u8]) -> Option<Glibc> {
    let text = std::str::from_utf8(name).ok()?.strip_prefix("GLIBC_")?;
    parse(text)
}

/// `2.34` or `2.2.5`.
pub(crate) fn parse(text: &str) -> Option<Glibc> {
    let mut parts = text.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::version_of;

    #[test]
    fn only_numbered_versions_of_glibc_count() {
        assert_eq!(version_of(b"GLIBC_2.34"), Some((2, 34)));
        assert_eq!(version_of(b"GLIBC_2.2.5"), Some((2, 2)));
        for other in [&b"GLIBC_PRIVATE"[..], b"GLIBC_ABI_DT_RELR", b"GCC_3.0", b"\xff"] {
            assert_eq!(version_of(other), None);
        }
        assert!(version_of(b"GLIBC_2.4") < version_of(b"GLIBC_2.34"));
    }
}
