//! Why a plugin is not used: one sentence, the file, and what to do.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use toygres_plugin_api::manifest::{ABI_VERSION, Manifest};
use toygres_plugin_api::{Error, ErrorKind};

/// Why a plugin is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// A stable word for machines: `abi`, `truncated`, `clash`, ….
    pub code: &'static str,
    /// The library file, or the first of several.
    pub path: PathBuf,
    /// What is wrong, naming plugin and path.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// The commands that it says it has, where its manifest could be read.
    pub claims: Vec<String>,
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Error::new(ErrorKind::Plugin, fault.message).hint(fault.hint).retryable(false)
    }
}

/// `plugin `NAME` (PATH)`.
pub(crate) fn naming(name: &str, path: &Path) -> String {
    format!("plugin `{name}` ({})", path.display())
}

/// What a file is called before its manifest is known.
fn unnamed(path: &Path) -> String {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    naming(&stem.unwrap_or_default(), path)
}

fn rebuild_or_remove(path: &Path) -> String {
    format!("install the plugin again, or remove it: rm {}", path.display())
}

impl Fault {
    fn new(code: &'static str, path: &Path, message: String, hint: String) -> Self {
        Self { code, path: path.to_owned(), message, hint, claims: Vec::new() }
    }

    /// The same fault with the commands that the manifest names.
    pub(crate) fn claiming(mut self, manifest: &Manifest) -> Self {
        self.claims = manifest.commands.iter().map(|command| command.name.clone()).collect();
        self
    }

    pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        let message = format!("{} cannot be read: {error}", unnamed(path));
        let hint = format!("check it with: ls -l {}", path.display());
        Self::new("unreadable", path, message, hint)
    }

    pub(crate) fn writable(path: &Path, what: &str, place: &Path) -> Self {
        let message = format!(
            "{} is refused: others may write its {what} {}",
            unnamed(path),
            place.display()
        );
        let hint = format!("if you trust it, run: chmod go-w {}", place.display());
        Self::new("permissions", path, message, hint)
    }

    pub(crate) fn foreign(path: &Path, what: &str, place: &Path, owner: u32) -> Self {
        let message = format!(
            "{} is refused: its {what} {} belongs to user {owner}, neither you nor root",
            unnamed(path),
            place.display()
        );
        let hint = format!("if you trust it, run: chown \"$(id -u)\" {}", place.display());
        Self::new("permissions", path, message, hint)
    }

    pub(crate) fn not_a_library(path: &Path, error: impl Display) -> Self {
        let message = format!("{} is no library: {error}", unnamed(path));
        Self::new("not_a_library", path, message, rebuild_or_remove(path))
    }

    pub(crate) fn truncated(path: &Path, error: impl Display) -> Self {
        let message = format!("{} is cut off or damaged: {error}", unnamed(path));
        Self::new("truncated", path, message, rebuild_or_remove(path))
    }

    pub(crate) fn architecture(path: &Path, found: &str) -> Self {
        let message = format!(
            "{} is built for {found}; this toygres runs on {}",
            unnamed(path),
            std::env::consts::ARCH
        );
        let hint = format!("install the plugin's {} build", std::env::consts::ARCH);
        Self::new("architecture", path, message, hint)
    }

    pub(crate) fn no_manifest(path: &Path) -> Self {
        let message = format!("{} has no manifest: it is no toygres plugin", unnamed(path));
        let hint = format!(
            "build it with `plugin!` of toygres-plugin-api, or remove it: rm {}",
            path.display()
        );
        Self::new("no_manifest", path, message, hint)
    }

    pub(crate) fn several(path: &Path) -> Self {
        let message = format!("{} holds several plugins: a library is one", unnamed(path));
        let hint = "build each `plugin!` as a crate of its own, with crate-type \"cdylib\"";
        Self::new("several", path, message, hint.to_owned())
    }

    pub(crate) fn bad_manifest(path: &Path, error: &serde_json::Error) -> Self {
        let message = format!("{} has a manifest that cannot be read: {error}", unnamed(path));
        Self::new("bad_manifest", path, message, rebuild_or_remove(path))
    }

    pub(crate) fn abi(name: &str, path: &Path, found: &str) -> Self {
        let message = format!(
            "{} is built for plugin border {found}; this toygres has {ABI_VERSION}",
            naming(name, path)
        );
        let hint = "rebuild the plugin with the toygres-plugin-api of this toygres, or install \
                    the toygres it was built for";
        Self::new("abi", path, message, hint.to_owned())
    }

    pub(crate) fn ability(name: &str, path: &Path, need: &str) -> Self {
        let message = format!(
            "{} needs the ability `{need}`, which this toygres {} does not have",
            naming(name, path),
            env!("CARGO_PKG_VERSION")
        );
        Self::new("ability", path, message, "install a newer toygres".to_owned())
    }

    pub(crate) fn reserved(name: &str, path: &Path, command: &str) -> Self {
        let message = format!(
            "{} claims the command `{command}`, which belongs to toygres itself",
            naming(name, path)
        );
        Self::new("clash", path, message, "give the plugin's command another name".to_owned())
    }

    pub(crate) fn same_name(name: &str, first: &Path, second: &Path) -> Self {
        let message = format!(
            "{} is refused: {} in the same folder has the same name",
            naming(name, second),
            first.display()
        );
        let hint = format!("remove one of them: rm {}", second.display());
        Self::new("clash", second, message, hint)
    }

    pub(crate) fn clash(command: &str, owners: &[(String, PathBuf)]) -> Self {
        let all: Vec<String> = owners.iter().map(|(name, path)| naming(name, path)).collect();
        let message = format!("the command `{command}` is claimed by {}", all.join(" and by "));
        let this = std::env::current_exe().ok();
        let file = owners.iter().rev().find(|(_, path)| Some(path) != this.as_ref());
        let (_, path) = file.or(owners.first()).cloned().unwrap_or_default();
        let hint = match file {
            Some(_) => format!("remove all but one of them, such as: rm {}", path.display()),
            // All of them are linked into this binary.
            None => "build this toygres again with only one of them bundled".to_owned(),
        };
        Self::new("clash", &path, message, hint)
    }

    pub(crate) fn does_not_open(name: &str, path: &Path, error: impl Display) -> Self {
        let message = format!("{} cannot be opened: {error}", naming(name, path));
        Self::new("open", path, message, rebuild_or_remove(path))
    }

    pub(crate) fn missing_symbol(name: &str, path: &Path) -> Self {
        let message = format!(
            "{} does not export `{}`: it was built wrongly",
            naming(name, path),
            toygres_plugin_api::abi::symbol(name)
        );
        let hint = "build it with `plugin!` of toygres-plugin-api and crate-type \"cdylib\"";
        Self::new("missing_symbol", path, message, hint.to_owned())
    }

    pub(crate) fn layout(name: &str, path: &Path, error: impl Display) -> Self {
        let message = format!("{} does not fit this toygres: {error}", naming(name, path));
        let hint = "rebuild the plugin with the toygres-plugin-api of this toygres";
        Self::new("layout", path, message, hint.to_owned())
    }
}
