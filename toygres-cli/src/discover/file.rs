//! Reads the manifest out of a library file: a few hundred bytes of headers and one section.

use crate::fault::Fault;
use object::elf::{FileHeader32, FileHeader64};
use object::read::elf::{FileHeader, SectionHeader};
use object::{Endianness, FileKind, Object, ObjectSection, ReadRef};
use std::path::Path;
use toygres_plugin_api::manifest::{ABI_VERSION, MAGIC, Manifest, SECTION};

/// Far above any real one: the largest of toygres' own has some 50 KB.
const MAX_MANIFEST_BYTES: u64 = 1024 * 1024;
/// A library has some forty sections.
const MAX_SECTIONS: u32 = 2048;

/// The manifest in a library that is open; `path` is what a fault names.
///
/// # Errors
/// When the file cannot be read, is no library, is cut off, is of another architecture, or has no
/// manifest or one that is too large.
pub(crate) fn manifest_in<'a, R: ReadRef<'a>>(path: &Path, data: R) -> Result<Manifest, Fault> {
    parse(path, section(path, data)?)
}

/// The manifest in the bytes of a library file.
///
/// # Errors
/// As for a file; `path` is what the fault names.
pub fn manifest_of(path: &Path, bytes: &[u8]) -> Result<Manifest, Fault> {
    manifest_in(path, bytes)
}

fn section<'a, R: ReadRef<'a>>(path: &Path, data: R) -> Result<&'a [u8], Fault> {
    match FileKind::parse(data) {
        Ok(FileKind::Elf64) => elf::<FileHeader64<Endianness>, R>(path, data),
        Ok(FileKind::Elf32) => elf::<FileHeader32<Endianness>, R>(path, data),
        Ok(FileKind::MachO64) => {
            let file = object::File::parse(data).map_err(|error| Fault::truncated(path, error))?;
            let section =
                file.section_by_name("__toygres").ok_or_else(|| Fault::no_manifest(path))?;
            check_size(path, section.size())?;
            section.data().map_err(|error| Fault::truncated(path, error))
        }
        Ok(_) => Err(Fault::architecture(path, "another kind of file")),
        Err(error) => Err(Fault::not_a_library(path, error)),
    }
}

/// Reads section headers only: parsing the symbols of a large library would cost more than all
/// the rest of `--help`.
fn elf<'a, E: FileHeader<Endian = Endianness>, R: ReadRef<'a>>(
    path: &Path,
    data: R,
) -> Result<&'a [u8], Fault> {
    let cut = |error| Fault::truncated(path, error);
    let header = E::parse(data).map_err(cut)?;
    let endian = header.endian().map_err(cut)?;
    let machine = header.e_machine(endian);
    if machine != HOST_MACHINE {
        return Err(Fault::architecture(path, &machine_name(machine)));
    }
    whole(path, header, endian, data)?;
    if header.shnum(endian, data).map_err(cut)? > MAX_SECTIONS {
        return Err(Fault::truncated(path, format!("it has more than {MAX_SECTIONS} sections")));
    }
    let sections = header.sections(endian, data).map_err(cut)?;
    let (_, section) = sections
        .section_by_name(endian, SECTION.as_bytes())
        .ok_or_else(|| Fault::no_manifest(path))?;
    check_size(path, section.sh_size(endian).into())?;
    section.data(endian, data).map_err(cut)
}

/// Asked of the section's header, before anything of the section is read.
fn check_size(path: &Path, size: u64) -> Result<(), Fault> {
    match size > MAX_MANIFEST_BYTES {
        true => Err(Fault::large_manifest(path, size, MAX_MANIFEST_BYTES)),
        false => Ok(()),
    }
}

/// A linker writes the section headers last: without them the end is missing.
fn whole<'a, E: FileHeader<Endian = Endianness>, R: ReadRef<'a>>(
    path: &Path,
    header: &E,
    endian: Endianness,
    data: R,
) -> Result<(), Fault> {
    let headers = u64::from(header.e_shnum(endian)) * u64::from(header.e_shentsize(endian));
    let expected = header.e_shoff(endian).into().saturating_add(headers);
    match data.len() {
        Ok(found) if found < expected => Err(Fault::cut(path, expected, found)),
        _ => Ok(()),
    }
}

#[cfg(target_arch = "x86_64")]
const HOST_MACHINE: object::elf::Machine = object::elf::EM_X86_64;
#[cfg(target_arch = "aarch64")]
const HOST_MACHINE: object::elf::Machine = object::elf::EM_AARCH64;
#[cfg(target_arch = "riscv64")]
const HOST_MACHINE: object::elf::Machine = object::elf::EM_RISCV;

fn machine_name(machine: object::elf::Machine) -> String {
    match machine {
        object::elf::EM_X86_64 => "x86_64".to_owned(),
        object::elf::EM_AARCH64 => "aarch64".to_owned(),
        object::elf::EM_386 => "x86".to_owned(),
        object::elf::EM_ARM => "arm".to_owned(),
        object::elf::EM_RISCV => "riscv".to_owned(),
        object::elf::EM_S390 => "s390x".to_owned(),
        object::elf::EM_PPC64 => "powerpc64".to_owned(),
        other => format!("ELF machine {other:?}"),
    }
}

/// The manifest from the bytes of its section.
pub(super) fn parse(path: &Path, section: &[u8]) -> Result<Manifest, Fault> {
    let text = section.strip_prefix(MAGIC.as_bytes()).ok_or_else(|| Fault::no_manifest(path))?;
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    if text.windows(MAGIC.len()).any(|found| found == MAGIC.as_bytes()) {
        return Err(Fault::several(path));
    }
    let text = &text[..end];
    serde_json::from_slice(text).map_err(|error| match of_later_border(text) {
        Some((name, abi)) => Fault::abi(&name, path, &abi),
        None => Fault::bad_manifest(path, &error),
    })
}

/// The name and border of a manifest that says it is of a later border than this host's: then it
/// may hold words that this host does not know.
fn of_later_border(text: &[u8]) -> Option<(String, String)> {
    let manifest: serde_json::Value = serde_json::from_slice(text).ok()?;
    let said = |key: &str| manifest.get(key)?.as_str().map(str::to_owned);
    let (name, abi) = (said("name")?, said("abi")?);
    let numbers = |version: &str| -> Option<Vec<u32>> {
        version.split('.').map(|part| part.parse().ok()).collect()
    };
    (numbers(&abi)? > numbers(ABI_VERSION)?).then_some((name, abi))
}

#[cfg(test)]
mod tests {
    use super::{check_size, manifest_in, manifest_of, parse};
    use object::ReadCache;
    use proptest::prelude::*;
    use std::io::Write;
    use std::path::Path;

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(b"\x7fELF\x02\x01\x01").unwrap();
            file.write_all(&bytes).unwrap();
            prop_assert!(manifest_in(file.path(), &ReadCache::new(file.as_file())).is_err());
            prop_assert!(parse(Path::new("x.so"), &bytes).is_err());
        }
    }

    #[test]
    fn words_that_a_later_border_has_are_its_own_fault() {
        let of = |abi: &str| {
            let manifest = format!(
                "toygres-manifest-1\n{{\"name\":\"a\",\"abi\":\"{abi}\",\
                 \"commands\":[{{\"args\":[{{\"kind\":\"colour\"}}]}}]}}"
            );
            parse(Path::new("x.so"), manifest.as_bytes()).unwrap_err()
        };
        assert_eq!(of("1.9").code, "abi");
        assert!(of("1.9").message.contains("border 1.9"));
        assert_eq!(of("1.0").code, "bad_manifest");
    }

    #[test]
    fn a_library_with_two_plugins_is_refused_by_name() {
        let one = "toygres-manifest-1\n{\"name\":\"a\",\"abi\":\"1.0\"}\n";
        let two = format!("{one}\0\0{one}");
        assert!(parse(Path::new("x.so"), one.as_bytes()).is_ok());
        let fault = parse(Path::new("x.so"), two.as_bytes()).unwrap_err();
        assert_eq!(fault.code, "several");
    }

    /// Made of headers alone: what they tell of need not be there.
    fn library(section_bytes: u64, sections: u16) -> Vec<u8> {
        let names = b"\0.toygres.manifest\0";
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(16, 0);
        bytes.extend(3_u16.to_le_bytes());
        bytes.extend(super::HOST_MACHINE.0.to_le_bytes());
        bytes.extend(1_u32.to_le_bytes());
        bytes.extend([0; 16]);
        bytes.extend(64_u64.to_le_bytes());
        bytes.extend([0; 4]);
        for number in [64_u16, 0, 0, 64, sections, 2] {
            bytes.extend(number.to_le_bytes());
        }
        let end = 64 + 64 * u64::from(sections);
        for n in 0..sections {
            // Name, type, offset and size.
            let (name, kind, offset, size) = match n {
                1 => (1_u32, 1_u32, end, section_bytes),
                2 => (0, 3, end, names.len() as u64),
                _ => (0, 0, 0, 0),
            };
            bytes.extend(name.to_le_bytes());
            bytes.extend(kind.to_le_bytes());
            bytes.extend([0; 16]);
            bytes.extend(offset.to_le_bytes());
            bytes.extend(size.to_le_bytes());
            bytes.extend([0; 24]);
        }
        bytes.extend(names);
        bytes
    }

    #[test]
    fn a_manifest_and_its_library_have_bounds() {
        let fault = |section_bytes, sections| {
            manifest_of(Path::new("x.so"), &library(section_bytes, sections)).unwrap_err()
        };
        // The section begins with the names, which are no manifest.
        assert_eq!(fault(19, 3).code, "no_manifest", "{}", fault(19, 3).message);
        for size in [1024 * 1024 + 1, u64::MAX] {
            let fault = fault(size, 3);
            assert!(fault.message.contains("1048576 at most"), "{}", fault.message);
        }
        assert!(check_size(Path::new("x.so"), 1024 * 1024).is_ok());
        let many = fault(19, 3000);
        assert!(many.message.contains("more than 2048 sections"), "{}", many.message);
    }

    #[test]
    fn unknown_keys_of_a_newer_plugin_are_ignored() {
        let text = b"toygres-manifest-1\n{\"name\":\"a\",\"abi\":\"1.9\",\"colour\":1}\0\0";
        assert_eq!(parse(Path::new("x.so"), text).unwrap().name, "a");
    }
}
