//! The Debian package: an `ar` archive of two tar archives.

use super::archive::{smallest, tar_gz};
use super::needs::Needs;
use super::tree::Tree;
use super::{Package, doc};
use crate::run::Result;

/// The package of the binary that is linked to nothing.
const STATIC: &str = "toygres-static";

/// What Debian's checker takes for a fault and is none.
const OVERRIDES: &str = "# A static binary that is loaded anywhere looks like a library to the \
    checker.\ntoygres-static: shared-library-lacks-prerequisites [usr/bin/toygres]\n";

/// `toygres_0.1.0_amd64.deb`.
pub(crate) fn file_name(package: &Package, linked: bool) -> String {
    let name = if linked { STATIC } else { "toygres" };
    format!("{name}_{}_{}.deb", package.version, architecture(package.architecture))
}

/// Debian's name of an architecture.
fn architecture(rust: &str) -> &str {
    match rust {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// The package's bytes.
pub(crate) fn build(
    package: &Package,
    needs: &Needs,
    glibc: &str,
    maintainer: &str,
) -> Result<Vec<u8>> {
    // What is linked to nothing is the static binary: another package, in place of this one.
    let depends = needs.depends(glibc);
    let name = if depends.is_some() { "toygres" } else { STATIC };
    let data = data(package, name, maintainer)?;
    let mut control = Tree::default();
    let text = self::control(package, &data, depends, maintainer);
    control.add("control", 0o644, text);
    let parts = [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar.gz", tar_gz(&control, ".", package.epoch)?),
        ("data.tar.gz", tar_gz(&data, ".", package.epoch)?),
    ];
    let mut builder = ar::Builder::new(Vec::new());
    for (name, bytes) in parts {
        let mut header = ar::Header::new(name.into(), bytes.len() as u64);
        header.set_mtime(package.epoch);
        header.set_mode(0o100_644);
        builder.append(&header, &bytes[..])?;
    }
    Ok(builder.into_inner()?)
}

/// The files below `/usr`, where and how Debian wants them.
fn data(package: &Package, name: &str, maintainer: &str) -> Result<Tree> {
    let mut data = Tree::default();
    for (path, file) in package.tree.files() {
        let path = path
            .replace("share/zsh/site-functions/", "share/zsh/vendor-completions/")
            .replace("share/doc/toygres/", &format!("share/doc/{name}/"));
        if path.starts_with("share/man/") {
            data.add(&format!("usr/{path}.gz"), file.mode, smallest(&file.bytes)?);
        } else if !path.contains("/LICENSE") {
            data.add(&format!("usr/{path}"), file.mode, file.bytes.clone());
        }
    }
    let folder = format!("usr/share/doc/{name}");
    data.add(&format!("{folder}/copyright"), 0o644, doc::copyright()?);
    let changelog = doc::changelog(name, &package.version, maintainer, package.epoch)?;
    data.add(&format!("{folder}/changelog.gz"), 0o644, smallest(changelog.as_bytes())?);
    if name == STATIC {
        data.add(&format!("usr/share/lintian/overrides/{name}"), 0o644, OVERRIDES);
    }
    Ok(data)
}

fn control(package: &Package, data: &Tree, depends: Option<String>, maintainer: &str) -> String {
    let (name, others) = match &depends {
        Some(depends) => ("toygres", format!("Depends: {depends}\nConflicts: toygres-static\n")),
        None => (STATIC, "Provides: toygres\nConflicts: toygres\n".to_owned()),
    };
    format!(
        "Package: {name}\nVersion: {}\nArchitecture: {}\nMaintainer: {maintainer}\n\
         Installed-Size: {}\n{others}Section: database\nPriority: optional\n\
         Description: operator's command line for PostgreSQL as a service\n \
         See into a control plane of PostgreSQL databases on Kubernetes: its metadata,\n \
         its durable workflows and the cluster, one plugin for each group of commands.\n",
        package.version,
        architecture(package.architecture),
        data.size().div_ceil(1024),
    )
}
