//! What the binaries need of the system, held against what is declared.

use super::binaries::Binaries;
use super::elf::asks;
use crate::run::Result;
use std::collections::BTreeSet;

/// The Debian packages of the libraries that a binary may be linked to. glibc has a version of its
/// own.
const PACKAGES: &[(&str, &str)] = &[
    ("libgcc_s.so.1", "libgcc-s1"),
    ("libssl.so.3", "libssl3 | libssl3t64"),
    ("libcrypto.so.3", "libssl3 | libssl3t64"),
];

const GLIBC: &[&str] = &["libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "ld-linux"];

/// What all binaries together need.
pub(crate) struct Needs {
    pub(crate) packages: BTreeSet<&'static str>,
    pub(crate) glibc: bool,
    /// The binary that needs the latest glibc, and which.
    latest: Option<(String, Vec<u32>)>,
}

impl Needs {
    /// Reads them from the binaries.
    pub(crate) fn of(built: &Binaries) -> Result<Self> {
        let mut needs = Self { packages: BTreeSet::new(), glibc: false, latest: None };
        needs.add("toygres", &built.host)?;
        for (name, library) in &built.plugins {
            needs.add(name, library)?;
        }
        Ok(needs)
    }

    fn add(&mut self, name: &str, binary: &[u8]) -> Result {
        let asks = asks(binary).map_err(|error| format!("{name}: {error}"))?;
        for library in &asks.libraries {
            if GLIBC.iter().any(|known| library.starts_with(known)) {
                self.glibc = true;
                continue;
            }
            let known = PACKAGES.iter().find(|(known, _)| known == library);
            let (_, package) = known
                .ok_or_else(|| format!("{name} needs {library}, of which no package is known"))?;
            self.packages.insert(package);
        }
        for version in asks.versions.iter().filter_map(|version| version.strip_prefix("GLIBC_")) {
            let Some(version) = numbers(version) else {
                return Err(format!("{name} needs GLIBC_{version}, a private part of it").into());
            };
            if self.latest.as_ref().is_none_or(|(_, latest)| *latest < version) {
                self.latest = Some((name.to_owned(), version));
            }
        }
        Ok(())
    }

    /// Refuses binaries that need a later glibc than the declared one.
    pub(crate) fn check(&self, declared: &str) -> Result {
        let floor = numbers(declared).ok_or_else(|| format!("`{declared}` is no version"))?;
        match &self.latest {
            Some((name, version)) if *version > floor => {
                let version: Vec<String> = version.iter().map(ToString::to_string).collect();
                Err(format!(
                    "{name} needs glibc {}, later than the declared {declared}: build it on an \
                     older system, or declare it with --glibc",
                    version.join(".")
                )
                .into())
            }
            _ => Ok(()),
        }
    }

    /// The field `Depends` of the Debian package.
    pub(crate) fn depends(&self, glibc: &str) -> Option<String> {
        let libc = self.glibc.then(|| format!("libc6 (>= {glibc})"));
        let all: Vec<String> =
            libc.into_iter().chain(self.packages.iter().map(ToString::to_string)).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}

fn numbers(version: &str) -> Option<Vec<u32>> {
    version.split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::Needs;
    use crate::dist::binaries::Binaries;

    /// This very binary is linked to glibc.
    #[test]
    fn a_binary_that_needs_more_than_declared_is_refused() {
        let host = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let needs = Needs::of(&Binaries { host, plugins: Vec::new() }).unwrap();
        assert!(needs.depends("2.99").unwrap().contains("libc6 (>= 2.99)"));
        needs.check("2.99").unwrap();
        let refused = needs.check("2.2").unwrap_err().to_string();
        assert!(refused.starts_with("toygres needs glibc 2."), "{refused}");
    }
}
