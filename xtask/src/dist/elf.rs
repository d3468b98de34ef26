//! What a binary asks of the machine it runs on.

use crate::run::Result;
use object::Endianness;
use object::elf::{DT_NEEDED, FileHeader64};
use object::read::elf::FileHeader;
use std::collections::BTreeSet;

/// The libraries that it is linked to, and the versions of symbols that it needs of them.
pub(crate) struct Asks {
    pub(crate) libraries: BTreeSet<String>,
    /// `GLIBC_2.34`, `OPENSSL_3.0.0`, ….
    pub(crate) versions: BTreeSet<String>,
}

/// Reads them from the file's own tables.
pub(crate) fn asks(data: &[u8]) -> Result<Asks> {
    let header = FileHeader64::<Endianness>::parse(data)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, data)?;
    let mut asks = Asks { libraries: BTreeSet::new(), versions: BTreeSet::new() };
    let dynamic = sections.dynamic_table(endian, data)?;
    for entry in dynamic.iter().filter(|entry| entry.tag == DT_NEEDED) {
        asks.libraries.insert(String::from_utf8_lossy(dynamic.string(entry)?).into_owned());
    }
    if let Some((mut needs, strings)) = sections.gnu_verneed(endian, data)? {
        let strings = sections.strings(endian, data, strings)?;
        while let Some((_, mut versions)) = needs.next()? {
            while let Some(version) = versions.next()? {
                let name = version.name(endian, strings)?;
                asks.versions.insert(String::from_utf8_lossy(name).into_owned());
            }
        }
    }
    Ok(asks)
}
