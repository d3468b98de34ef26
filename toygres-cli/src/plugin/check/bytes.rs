//! What the installation asks of a file, each question a row.

use super::row::Row;
use crate::discover::opening::{open_any_file, open_library, read_bytes};
use crate::discover::{file, needs, usable};
use crate::fault::Fault;
use crate::host::ABILITIES;
use crate::plugin::examine;
use crate::trusted::TrustedOwners;
use std::path::Path;
use toygres_plugin_api::manifest::{ABI_VERSION, Manifest};

/// The questions whose answers lie in the file's headers, in the order in which they are asked,
/// each with the faults that answer it.
const OF_FILE: &[(&str, &[&str])] = &[
    ("readable", &["unreadable", "too_large"]),
    ("library", &["not_a_library"]),
    ("architecture", &["architecture"]),
    ("whole", &["truncated"]),
    ("manifest", &["no_manifest", "bad_manifest", "several"]),
];

/// Those that the manifest answers.
const OF_MANIFEST: &[(&str, &[&str])] =
    &[("abi", &["abi"]), ("abilities", &["ability"]), ("reserved", &["clash"])];

/// The rows, and the manifest where it can be read. What others may write is read too, for its other
/// rows, but not opened.
pub(super) fn check(path: &Path, owners: &TrustedOwners) -> (Vec<Row>, Option<Manifest>) {
    let (file, permissions) = match open_library(path, owners).map_err(Fault::of_source) {
        Ok(library) => {
            (Ok(library.file), Row::ok("permissions", "only you and root may change it"))
        }
        Err(fault) => (open_any_file(path), Row::fault("permissions", &fault)),
    };
    let mut rows = vec![permissions];
    let bytes = file.and_then(|file| read_bytes(&file, examine::LARGEST));
    let bytes = bytes.map_err(|error| error.of_library(path));
    let read = bytes.as_ref().map_err(Clone::clone);
    let manifest = read.and_then(|bytes| file::manifest_of(path, bytes));
    let manifest = manifest.map_err(Fault::of_source);
    rows.extend(answered(OF_FILE, manifest.as_ref().err(), file_is_well));
    let (Ok(manifest), Ok(bytes)) = (manifest, bytes) else {
        let later = OF_MANIFEST.iter().map(|(check, _)| *check).chain(["glibc", "opens"]);
        rows.extend(later.map(|check| Row::skipped(check, "there is no manifest to read")));
        return (rows, None);
    };
    let usable = usable(path, manifest.clone());
    let well = |check: &str| manifest_is_well(check, &manifest);
    rows.extend(answered(OF_MANIFEST, usable.as_ref().err(), well));
    rows.push(glibc(path, &bytes));
    (rows, Some(manifest))
}

/// One row a question: what stands before the fault is well, what stands behind it was not asked.
fn answered(
    questions: &[(&'static str, &[&str])],
    fault: Option<&Fault>,
    well: impl Fn(&str) -> String,
) -> Vec<Row> {
    let of_fault = |fault: &Fault| {
        let asked = questions.iter().position(|(_, codes)| codes.contains(&fault.code));
        // A fault that is none of these is the last question's.
        asked.unwrap_or(questions.len() - 1)
    };
    let place = fault.map(of_fault);
    let row = |(n, (check, _)): (usize, &(&'static str, &[&str]))| match (place, fault) {
        (Some(place), Some(fault)) if n == place => Row::fault(check, fault),
        (Some(place), _) if n > place => Row::skipped(check, "the check before it failed"),
        _ => Row::ok(check, well(check)),
    };
    questions.iter().enumerate().map(row).collect()
}

fn file_is_well(check: &str) -> String {
    match check {
        "readable" => "it can be read",
        "library" => "it is a library",
        "architecture" => std::env::consts::ARCH,
        "whole" => "nothing is cut off",
        _ => "it can be read without opening the library",
    }
    .to_owned()
}

fn manifest_is_well(check: &str, manifest: &Manifest) -> String {
    match check {
        "abi" => format!("{}; this toygres has {ABI_VERSION}", manifest.abi),
        "abilities" if manifest.needs.is_empty() => "it needs none".to_owned(),
        "abilities" => {
            format!("{} of {}", manifest.needs.join(", "), ABILITIES.join(", "))
        }
        _ => "no command of toygres itself is claimed".to_owned(),
    }
}

/// The floor that the library has, beside what runs here.
fn glibc(path: &Path, bytes: &[u8]) -> Row {
    let running = crate::load::running_glibc();
    if let Err(fault) = needs::check(path, bytes, running) {
        return Row::fault("glibc", &fault);
    }
    let text = |(major, minor): needs::Glibc| format!("{major}.{minor}");
    let here = running.map_or_else(|| "another C library".to_owned(), text);
    match needs::glibc(bytes) {
        Ok(Some(floor)) => Row::ok("glibc", format!("needs {}, here is {here}", text(floor))),
        _ => Row::ok("glibc", format!("needs no version of it, here is {here}")),
    }
}
