//! Why a plugin is not used: one sentence, the file, and what to do.

mod distrust;

use std::fmt::Display;
use std::path::{Path, PathBuf};
use toygres_plugin_api::manifest::{ABI_VERSION, Manifest};
use toygres_plugin_api::shell::quote_path;
use toygres_plugin_api::{Error, ErrorKind};

/// Why a plugin is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// A stable word for machines: `abi`, `truncated`, `clash`, ….
    pub code: &'static str,
    /// The plugin's name, where it is known.
    pub name: Option<Box<str>>,
    /// The library file, or the first of several.
    pub path: PathBuf,
    /// What is wrong, naming plugin and path.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// The commands that it says it has, where its manifest could be read.
    pub claims: Box<[String]>,
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

fn lock_file(path: &Path) -> String {
    format!("the lock file {}", path.display())
}

/// A path as it is typed in a shell.
pub(crate) fn typed(path: &Path) -> String {
    quote_path(path)
}

fn rebuild_or_remove(path: &Path) -> String {
    format!("install the plugin again, or remove it: rm {}", typed(path))
}

impl Fault {
    fn new(code: &'static str, path: &Path, message: String, hint: String) -> Self {
        Self { code, name: None, path: path.to_owned(), message, hint, claims: Box::default() }
    }

    /// The same fault with the commands that the manifest names.
    pub(crate) fn claiming(mut self, manifest: &Manifest) -> Self {
        self.name = Some(manifest.name.as_str().into());
        self.claims = manifest.commands.iter().map(|command| command.name.clone()).collect();
        self
    }

    /// The same fault, of a plugin that is known by name.
    pub(crate) fn of(mut self, name: &str) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The same fault, of a file that somebody wants to install or to check: it is theirs, and not
    /// in a folder of plugins, out of which it could be removed.
    pub(crate) fn of_source(self) -> Self {
        let hint = match self.code {
            "not_a_library" => {
                "give the library that the build wrote, such as \
                                target/release/libtoygres_acme.so"
            }
            "no_manifest" => {
                "build it with `plugin!` of toygres-plugin-api and crate-type \"cdylib\""
            }
            "truncated" | "bad_manifest" | "open" => "get the file again, or build it again",
            "clash" => "give one of them instead of the folder",
            _ => return self,
        };
        Self { hint: hint.to_owned(), ..self }
    }

    pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        let message = format!("{} cannot be read: {error}", unnamed(path));
        let hint = format!("check it with: ls -l {}", typed(path));
        Self::new("unreadable", path, message, hint)
    }

    /// A folder, a pipe, a device: to read it may never end.
    pub(crate) fn no_file(path: &Path) -> Self {
        let message = format!("{} is no library: it is not a regular file", unnamed(path));
        Self::new("not_a_library", path, message, rebuild_or_remove(path))
    }

    pub(crate) fn too_large(path: &Path, size: u64, largest: u64) -> Self {
        let message = format!(
            "{} is refused: it has {size} bytes; a plugin has {largest} at most",
            unnamed(path)
        );
        let hint = "strip its debug information, with `strip = true` in the build's profile";
        Self::new("too_large", path, message, hint.to_owned())
    }

    pub(crate) fn glibc(path: &Path, needed: (u32, u32), running: (u32, u32)) -> Self {
        let message = format!(
            "{} needs glibc {}.{} or newer; this machine runs glibc {}.{}",
            unnamed(path),
            needed.0,
            needed.1,
            running.0,
            running.1
        );
        let hint = "build the plugin on a system as old as this one, or install a newer system";
        Self::new("glibc", path, message, hint.to_owned())
    }

    pub(crate) fn not_a_library(path: &Path, error: impl Display) -> Self {
        let message = format!("{} is no library: {error}", unnamed(path));
        Self::new("not_a_library", path, message, rebuild_or_remove(path))
    }

    pub(crate) fn truncated(path: &Path, error: impl Display) -> Self {
        let message = format!("{} is cut off or damaged: {error}", unnamed(path));
        Self::new("truncated", path, message, rebuild_or_remove(path))
    }

    /// A file that is shorter than its own header says.
    pub(crate) fn cut(path: &Path, expected: u64, found: u64) -> Self {
        let message = format!(
            "{} is cut off: its header tells of {expected} bytes, the file has {found}",
            unnamed(path)
        );
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
            typed(path)
        );
        Self::new("no_manifest", path, message, hint)
    }

    pub(crate) fn several(path: &Path) -> Self {
        let message = format!("{} holds several plugins: a library is one", unnamed(path));
        let hint = "build each `plugin!` as a crate of its own, with crate-type \"cdylib\"";
        Self::new("several", path, message, hint.to_owned())
    }

    /// The manifest's section is larger than it may be; `largest` and `size` are bytes.
    pub(crate) fn large_manifest(path: &Path, size: u64, largest: u64) -> Self {
        let message = format!(
            "{} is refused: its manifest has {size} bytes; a manifest has {largest} at most",
            unnamed(path)
        );
        Self::new("bad_manifest", path, message, rebuild_or_remove(path))
    }

    /// More commands, or more arguments of one, than anybody could read.
    pub(crate) fn too_many(path: &Path, manifest: &Manifest, what: &str, largest: usize) -> Self {
        let message = format!(
            "{} is refused: {what}; expected are {largest} at most",
            naming(&manifest.name, path)
        );
        let hint = "divide it into several plugins".to_owned();
        Self::new("bad_manifest", path, message, hint).of(&manifest.name)
    }

    pub(crate) fn bad_manifest(path: &Path, error: &serde_json::Error) -> Self {
        let message = format!("{} has a manifest that cannot be read: {error}", unnamed(path));
        Self::new("bad_manifest", path, message, rebuild_or_remove(path))
    }

    /// The name becomes a file's name.
    pub(crate) fn name(path: &Path, name: &str) -> Self {
        let message = format!(
            "{} calls itself `{name}`; a plugin's name has lower case letters, digits and dashes",
            unnamed(path)
        );
        let hint = "build it with `plugin!` of toygres-plugin-api";
        Self::new("bad_manifest", path, message, hint.to_owned())
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
        let hint = format!("remove one of them: rm {}", typed(second));
        Self::new("clash", second, message, hint)
    }

    pub(crate) fn clash(command: &str, owners: &[(String, PathBuf)]) -> Self {
        let all: Vec<String> = owners.iter().map(|(name, path)| naming(name, path)).collect();
        let message = format!("the command `{command}` is claimed by {}", all.join(" and by "));
        let this = crate::discover::binary::path();
        let file = owners.iter().rev().find(|(_, path)| Some(path) != this.as_ref());
        let (_, path) = file.or(owners.first()).cloned().unwrap_or_default();
        let hint = match file {
            Some((name, _)) => format!(
                "disable all but one of them, such as `toygres plugin disable {name}`; or choose \
                 one: toygres plugin exec {name} {command}"
            ),
            // All of them are linked into this binary.
            None => "build this toygres again with only one of them bundled".to_owned(),
        };
        Self::new("clash", &path, message, hint)
    }

    /// The plugin's file has another digest than the lock file says; `kept` tells whether there is a
    /// version to go back to.
    pub(crate) fn digest(name: &str, path: &Path, expected: &str, found: &str, kept: bool) -> Self {
        let message = format!(
            "{} was changed since it was installed: expected sha256 {expected}, found {found}",
            naming(name, path)
        );
        let back = if kept {
            format!("go back with `toygres plugin rollback {name}` or ")
        } else {
            String::new()
        };
        let hint = format!(
            "{back}install it again; if the change is yours, accept it: toygres plugin install {} \
             --sha256 {found}",
            typed(path)
        );
        Self::new("digest", path, message, hint).of(name)
    }

    /// It has another size than the lock file says, one that is not digested on the way.
    pub(crate) fn other_size(name: &str, path: &Path, expected: u64, found: u64) -> Self {
        let message = format!(
            "{} was changed since it was installed: expected {expected} bytes, found {found}",
            naming(name, path)
        );
        let hint = format!("install it again; see its digest with `toygres plugin verify {name}`");
        Self::new("digest", path, message, hint).of(name)
    }

    /// Its manifest is another one than a moment ago.
    pub(crate) fn altered(name: &str, path: &Path) -> Self {
        let message = format!("{} was changed while toygres started", naming(name, path));
        Self::new("digest", path, message, "run the command again".to_owned()).of(name)
    }

    /// The file is gone; `kept` tells whether there is a version to go back to.
    pub(crate) fn missing(name: &str, path: &Path, kept: bool) -> Self {
        let message = format!("{} is in the lock file, but the file is gone", naming(name, path));
        let back = if kept {
            format!(", go back with `toygres plugin rollback {name}`,")
        } else {
            String::new()
        };
        let hint =
            format!("install it again{back} or forget it with `toygres plugin remove {name}`");
        Self::new("missing", path, message, hint).of(name)
    }

    /// A version that is kept has another digest than the lock file says, or is gone.
    pub(crate) fn of_kept(self, others: &[String]) -> Self {
        let hint = match others {
            [] => "install the version that you want: toygres plugin install FILE".to_owned(),
            others => format!(
                "install the version that you want, or take another that is kept: {}",
                others.join(", ")
            ),
        };
        Self { hint, ..self }
    }

    pub(crate) fn other_name(name: &str, path: &Path, found: &str) -> Self {
        let message = format!(
            "{} is the plugin `{found}`; expected is `{name}`, as the lock file says",
            naming(name, path)
        );
        Self::new("digest", path, message, format!("install `{name}` again")).of(name)
    }

    /// Nothing is opened but what is locked; `why` is what says so, `to_mend` the file that cannot be
    /// read, where that is why.
    pub(crate) fn unlocked(name: &str, path: &Path, why: &str, to_mend: Option<&Path>) -> Self {
        let message = format!(
            "{} is refused: it is in no lock file, and only what is locked is opened ({why})",
            naming(name, path)
        );
        let hint = match to_mend {
            Some(file) => format!(
                "correct {} (`toygres plugin list` shows what is wrong with it), or move it away",
                file.display()
            ),
            None => format!(
                "if you know its digest, lock it: toygres plugin install {} --sha256 DIGEST",
                typed(path)
            ),
        };
        Self::new("unlocked", path, message, hint).of(name)
    }

    /// This system has no memory that can be sealed, or runs nothing from it.
    pub(crate) fn unsealed(name: &str, path: &Path, error: impl Display) -> Self {
        let message = format!(
            "{} is refused: this system cannot hold what was checked unchanged until it is \
             opened: {error}",
            naming(name, path)
        );
        let hint = "without `--strict` and `plugins.strict` it is opened from its file";
        Self::new("unsealed", path, message, hint.to_owned()).of(name)
    }

    /// No signature, where one of `keys` has to have signed.
    pub(crate) fn unsigned(path: &Path, keys: &str) -> Self {
        let message = format!(
            "{} is not signed: expected a signature of {keys} in {}.minisig",
            unnamed(path),
            path.display()
        );
        let hint = "get the signature from whoever built it, and put it beside the file";
        Self::new("signature", path, message, hint.to_owned())
    }

    pub(crate) fn bad_signature(path: &Path, keys: &str, error: impl Display) -> Self {
        let message = format!(
            "{} has a signature that is no good: expected one of {keys}; {error}",
            unnamed(path)
        );
        let hint = "get file and signature again: one of them was damaged or changed";
        Self::new("signature", path, message, hint.to_owned())
    }

    pub(crate) fn signature_file(path: &Path, error: impl Display) -> Self {
        let message = format!("the signature {} cannot be read: {error}", path.display());
        let hint = format!("check it with: ls -l {}", typed(path));
        Self::new("signature", path, message, hint)
    }

    /// A signature of the file itself instead of its digest, as minisign made them long ago.
    pub(crate) fn legacy_signature(path: &Path) -> Self {
        let message = format!(
            "{} has a signature of an old kind: expected one of the file's digest",
            unnamed(path)
        );
        let hint = "have it signed again by a minisign from 0.8 on, without `-l`";
        Self::new("signature", path, message, hint.to_owned())
    }

    /// A signature of somebody whose key is not pinned; `found` is the key's id.
    pub(crate) fn other_signer(path: &Path, keys: &str, found: Option<&str>) -> Self {
        let message = format!(
            "{} is signed by a key that is not pinned: expected {keys}, found the key {}",
            unnamed(path),
            found.unwrap_or("of nobody known")
        );
        let hint = "if you trust that signer, pin its key: [[plugins.keys]] in config.toml";
        Self::new("signer", path, message, hint.to_owned())
    }

    /// It is not what the operator asked for.
    pub(crate) fn not_as_asked(path: &Path, expected: &str, found: &str) -> Self {
        let message = format!(
            "{} has another digest than you gave: expected sha256 {expected}, found {found}",
            unnamed(path)
        );
        let hint = "get the file again, or ask whoever gave you the digest";
        Self::new("digest", path, message, hint.to_owned())
    }

    /// Its commands are another plugin's already.
    pub(crate) fn taken(new: (&str, &Path), command: &str, owner: (&str, &Path)) -> Self {
        let message = format!(
            "{} has the command `{command}`, which {} has already",
            naming(new.0, new.1),
            naming(owner.0, owner.1)
        );
        let hint = format!(
            "disable that one with `toygres plugin disable {}`; or install it beside it with \
             `--force`, and choose with `toygres plugin exec {} {command}`",
            owner.0, new.0
        );
        Self::new("clash", new.1, message, hint).of(new.0)
    }

    pub(crate) fn disabled(name: &str, path: &Path) -> Self {
        let message = format!("{} is disabled", naming(name, path));
        let hint = format!("enable it with `toygres plugin enable {name}`");
        Self::new("disabled", path, message, hint).of(name)
    }

    /// The lock file cannot be read.
    pub(crate) fn lock(path: &Path, error: impl Display) -> Self {
        let message = format!("{} cannot be read: {error}", lock_file(path));
        let hint = "put it right or remove it, and install the plugins it named again";
        Self::new("lock", path, message, hint.to_owned())
    }

    pub(crate) fn newer_lock(path: &Path, found: i64, known: i64) -> Self {
        let message =
            format!("{} has format {found}; this toygres reads {known} at most", lock_file(path));
        Self::new("lock", path, message, "install a newer toygres".to_owned())
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
