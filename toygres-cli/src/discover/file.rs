//! Reads the manifest out of a library file: a few hundred bytes of headers and one section.

use crate::fault::Fault;
use object::elf::{FileHeader32, FileHeader64};
use object::read::elf::{FileHeader, SectionHeader};
use object::{Endianness, FileKind, Object, ObjectSection, ReadCache, ReadRef};
use std::fs::File;
use std::path::Path;
use toygres_plugin_api::manifest::{ABI_VERSION, MAGIC, Manifest, SECTION};

/// The manifest of a library file.
///
/// # Errors
/// When the file cannot be read, is no library, is cut off, is of another architecture, or has no
/// manifest.
pub(super) fn manifest(path: &Path) -> Result<Manifest, Fault> {
    // Whether it is a file at all was asked with who may write it.
    let file = File::open(path).map_err(|error| Fault::unreadable(path, &error))?;
    manifest_in(path, &ReadCache::new(file))
}

/// The manifest in a library that is open.
///
/// # Errors
/// As for a file; `path` is what the fault names.
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
    let sections = header.sections(endian, data).map_err(cut)?;
    let (_, section) = sections
        .section_by_name(endian, SECTION.as_bytes())
        .ok_or_else(|| Fault::no_manifest(path))?;
    section.data(endian, data).map_err(cut)
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
    use super::{manifest, parse};
    use proptest::prelude::*;
    use std::io::Write;
    use std::path::Path;

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(b"\x7fELF\x02\x01\x01").unwrap();
            file.write_all(&bytes).unwrap();
            prop_assert!(manifest(file.path()).is_err());
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

    #[test]
    fn unknown_keys_of_a_newer_plugin_are_ignored() {
        let text = b"toygres-manifest-1\n{\"name\":\"a\",\"abi\":\"1.9\",\"colour\":1}\0\0";
        assert_eq!(parse(Path::new("x.so"), text).unwrap().name, "a");
    }
}
