//! Licences and changes.

use super::licences;
use super::tree::Tree;
use crate::build::root;
use crate::run::Result;

/// What a static binary holds besides the crates.
const LINKED: &str = "\nThe binary is linked statically with these libraries too:\n\n\
    OpenSSL 3: Apache-2.0 https://www.openssl.org\n\
    GNU C library: LGPL-2.1-or-later https://www.gnu.org/software/libc\n\n\
    Whoever passes it on passes these on: the LGPL asks that it can be linked with another version\n\
    of the GNU C library, which the sources of toygres and `cargo xtask dist --static` allow.\n";

/// Adds the project's licences and the list of everybody else's.
pub(crate) fn add(tree: &mut Tree, plugins: &[&str], linked: bool) -> Result {
    let folder = "share/doc/toygres";
    for name in ["CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "README.md"] {
        tree.add(&format!("{folder}/{name}"), 0o644, std::fs::read(root().join(name))?);
    }
    let mut list = licences::list(plugins)?;
    if linked {
        list.push_str(LINKED);
    }
    tree.add(&format!("{folder}/THIRD-PARTY"), 0o644, list);
    Ok(())
}

/// The file `copyright` of a Debian package.
pub(crate) fn copyright() -> Result<String> {
    let mit = std::fs::read_to_string(root().join("LICENSE-MIT"))?;
    let holder = mit.lines().find(|line| line.starts_with("Copyright")).unwrap_or("toygres");
    let holder = holder.trim_start_matches("Copyright").trim_start_matches(" (c)").trim();
    let text: Vec<String> = mit
        .lines()
        .map(|line| if line.is_empty() { " .".to_owned() } else { format!(" {line}") })
        .collect();
    Ok(format!(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\
         Upstream-Name: toygres\n\nFiles: *\nCopyright: {holder}\nLicense: MIT or Apache-2.0\n\
         Comment: The crates that are linked in are listed in THIRD-PARTY beside this file.\n\n\
         License: Apache-2.0\n On Debian systems the text is in \
         /usr/share/common-licenses/Apache-2.0\n\nLicense: MIT\n{}\n",
        text.join("\n")
    ))
}

/// Debian's own record of changes; the project's lies beside it.
pub(crate) fn changelog(name: &str, version: &str, maintainer: &str, epoch: u64) -> Result<String> {
    let time =
        jiff::Timestamp::from_second(i64::try_from(epoch)?)?.to_zoned(jiff::tz::TimeZone::UTC);
    let time = time.strftime("%a, %d %b %Y %H:%M:%S +0000");
    Ok(format!(
        "{name} ({version}) unstable; urgency=medium\n\n  * What has changed is in CHANGELOG.md \
         beside this file.\n\n -- {maintainer}  {time}\n"
    ))
}
