//! What the host itself says as it is installed: manual pages and completions of exactly the commands
//! that are there, and what plugins it finds.

use super::lock;
use super::tree::Tree;
use crate::run::Result;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Each shell with the place of its script. PowerShell has no folder of its own.
const SCRIPTS: &[(&str, &str)] = &[
    ("bash", "share/bash-completion/completions/toygres"),
    ("zsh", "share/zsh/site-functions/_toygres"),
    ("fish", "share/fish/vendor_completions.d/toygres.fish"),
];

/// Adds them to a tree that has its binaries.
pub(crate) fn add(tree: &mut Tree) -> Result {
    let prefix = tempfile::tempdir()?;
    install(tree, prefix.path())?;
    if tree.files().any(|(path, _)| path.starts_with("lib/")) {
        lock::add(tree, &say(prefix.path(), &["plugin", "list", "-o", "json"])?)?;
    }
    let pages = prefix.path().join("man1");
    fs::create_dir(&pages)?;
    say(prefix.path(), &["man", "--dir", &pages.display().to_string()])?;
    let mut written = 0;
    for page in fs::read_dir(&pages)? {
        let page = page?;
        let name = page.file_name().to_string_lossy().into_owned();
        tree.add(&format!("share/man/man1/{name}"), 0o644, fs::read(page.path())?);
        written += 1;
    }
    if written == 0 {
        return Err("the host wrote no manual page".into());
    }
    for (shell, path) in SCRIPTS {
        tree.add(path, 0o644, say(prefix.path(), &["completions", shell])?);
    }
    Ok(())
}

/// Writes the binaries below a prefix.
fn install(tree: &Tree, prefix: &Path) -> Result {
    for (path, file) in tree.files() {
        let path = prefix.join(path);
        let folder = path.parent().unwrap_or(prefix);
        fs::create_dir_all(folder)?;
        // The host refuses plugins in a folder that others may write.
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
        fs::write(&path, &file.bytes)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(file.mode))?;
    }
    Ok(())
}

/// What the installed host writes to stdout; nothing of this machine's configuration reaches it.
fn say(prefix: &Path, args: &[&str]) -> Result<Vec<u8>> {
    let mut command = Command::new(prefix.join("bin/toygres"));
    let home = prefix.join("home");
    command.args(args).env_clear().env("LANG", "C.UTF-8").env("TZ", "UTC");
    command.env("HOME", &home).env("TOYGRES_HOME", &home).current_dir(prefix);
    if let Ok(epoch) = std::env::var("SOURCE_DATE_EPOCH") {
        command.env("SOURCE_DATE_EPOCH", epoch);
    }
    let output = command.output()?;
    if output.status.success() && output.stderr.is_empty() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("`toygres {}` ended with {}: {said}", args.join(" "), output.status).into())
}
