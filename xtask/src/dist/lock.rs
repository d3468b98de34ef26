//! `plugins.lock` beside the folder of the plugins: the host opens them by these digests alone
//! (docs/plugin-manager.md).

use super::tree::Tree;
use crate::run::Result;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt::Write;

const FOLDER: &str = "lib/toygres/plugins/";

/// Adds it; `list` is what the installed host says of its plugins, as JSON.
pub(crate) fn add(tree: &mut Tree, list: &[u8]) -> Result {
    let list: Value = serde_json::from_slice(list)?;
    let mut text = "# The plugins of this package, and the digests of their files.\n\n\
                    version = 1\n"
        .to_owned();
    for (path, library) in tree.files() {
        let Some(file) = path.strip_prefix(FOLDER) else { continue };
        let mut rows = list.as_array().into_iter().flatten();
        let row = rows.find(|row| row["path"].as_str().is_some_and(|path| path.ends_with(file)));
        let said = |key: &str| row.and_then(|row| row[key].as_str());
        let (Some(name), Some(version), Some("ok")) =
            (said("name"), said("version"), said("status"))
        else {
            return Err(format!("the host does not take {file}: {:?}", said("message")).into());
        };
        let digest = Sha256::digest(&library.bytes);
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        write!(
            text,
            "\n[[plugin]]\nname = \"{name}\"\nversion = \"{version}\"\nfile = \"{file}\"\n\
             sha256 = \"{digest}\"\nsize = {}\ntarget = \"{}-unknown-linux-gnu\"\n",
            library.bytes.len(),
            std::env::consts::ARCH
        )?;
    }
    tree.add("lib/toygres/plugins.lock", 0o644, text);
    Ok(())
}
