//! Finds plugins and reads their manifests without opening a library or running any code.

pub(crate) mod binary;
pub mod file;
pub(crate) mod locked;
pub(crate) mod needs;
pub(crate) mod opening;

use crate::fault::Fault;
use crate::plugin::lock::is_name;
use crate::plugin::policy::Policy;
use crate::trusted::TrustedOwners;
use opening::FileIdentity;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toygres_plugin_api::Error;
use toygres_plugin_api::bundle::{Bundled, Run};
use toygres_plugin_api::manifest::{ABI_VERSION, Command, Manifest, Scope};

/// The names that belong to the host; no plugin's command can take them.
pub const RESERVED: &[&str] =
    &["plugin", "completions", "version", "help", "man", "server", "local"];

/// Commands of one plugin, far above any real one.
const MAX_COMMANDS: usize = 1000;
/// Arguments of one command.
const MAX_ARGUMENTS: usize = 200;

/// Whether this binary can open libraries: one that is linked statically has no loader.
pub const OPENS_LIBRARIES: bool = !cfg!(target_feature = "crt-static");

/// Where plugins are looked for, in order.
#[derive(Debug, Clone, Default)]
pub struct Folders {
    bundled: &'static [Bundled],
    folders: Vec<(Origin, PathBuf)>,
    home: Option<PathBuf>,
    policy: Arc<Policy>,
}

/// Where a plugin comes from: why a folder is looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Linked into this binary. No file takes its place: who packaged the binary chose it.
    Bundled,
    /// `--plugin-dir`.
    Flag,
    /// `TOYGRES_PLUGIN_PATH`.
    Environment,
    /// `plugins` in the home folder (`~/.toygres`, or `TOYGRES_HOME`).
    Home,
    /// `lib/toygres/plugins` beside the binary's folder.
    System,
}

impl Origin {
    /// As people and machines read it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bundled => "bundled",
            Self::Flag => "--plugin-dir",
            Self::Environment => "TOYGRES_PLUGIN_PATH",
            Self::Home => "home",
            Self::System => "system",
        }
    }

    /// Whether a lock file beside the folder says what is in it.
    #[must_use]
    pub fn has_lock(self) -> bool {
        matches!(self, Self::Home | Self::System)
    }

    /// Whether what lies there goes before what `plugin install` puts into the home folder.
    #[must_use]
    pub fn is_before_home(self) -> bool {
        matches!(self, Self::Bundled | Self::Flag | Self::Environment)
    }
}

impl Folders {
    /// The folders in the order of precedence: flags, environment, home, system.
    #[must_use]
    pub fn new(flags: &[PathBuf], path: Option<&OsStr>, home: Option<&Path>) -> Self {
        let plugins = home.map(|home| home.join("plugins"));
        if !OPENS_LIBRARIES {
            return Self { home: plugins, ..Self::default() };
        }
        let mut folders: Vec<(Origin, PathBuf)> =
            flags.iter().map(|folder| (Origin::Flag, folder.clone())).collect();
        if let Some(path) = path {
            let named = std::env::split_paths(path).filter(|folder| !folder.as_os_str().is_empty());
            folders.extend(named.map(|folder| (Origin::Environment, folder)));
        }
        if let Some(plugins) = &plugins {
            folders.push((Origin::Home, plugins.clone()));
        }
        let binary = binary::path();
        let prefix = binary.as_deref().and_then(Path::parent).and_then(Path::parent);
        if let Some(prefix) = prefix {
            folders.push((Origin::System, prefix.join("lib/toygres/plugins")));
        }
        Self { bundled: &[], folders, home: plugins, policy: Arc::default() }
    }

    /// With what the owner of the machine and the operator allow.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = Arc::new(policy);
        self
    }

    /// What is allowed.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Whose files are trusted besides the operator's and root's.
    #[must_use]
    pub fn owners(&self) -> &TrustedOwners {
        &self.policy.owners
    }

    /// What says that nothing is opened but what is locked, if anything does.
    #[must_use]
    pub fn why_strict(&self) -> Option<&str> {
        self.policy.strict.as_deref()
    }

    /// The file that has to be mended before anything that is not locked is opened.
    #[must_use]
    pub fn to_mend(&self) -> Option<&Path> {
        self.policy.to_mend.as_deref()
    }

    /// The folders, and why each is looked into.
    pub fn places(&self) -> impl Iterator<Item = (Origin, &Path)> {
        self.folders.iter().map(|(origin, path)| (*origin, path.as_path()))
    }

    /// The folder that `plugin install` fills: `plugins` in the home folder.
    #[must_use]
    pub fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// With plugins that are linked into this binary. They come before all folders.
    #[must_use]
    pub fn with_bundled(mut self, bundled: &'static [Bundled]) -> Self {
        self.bundled = bundled;
        self
    }

    /// The folders, for messages.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.folders.iter().map(|(_, path)| path.as_path())
    }
}

/// One plugin: a library file, or part of this binary.
#[derive(Debug, Clone)]
pub struct Found {
    /// The file: the library, or this binary.
    pub path: PathBuf,
    /// Which folder it lies in.
    pub origin: Origin,
    /// What it says of itself, or why it is not used.
    pub manifest: Result<Manifest, Fault>,
    /// The file that is used instead: one of the same name in an earlier folder.
    pub shadowed_by: Option<PathBuf>,
    /// What runs its commands, where it is linked into this binary.
    pub(crate) linked: Option<Run>,
    /// What the lock file says of the file, where it names it.
    pub locked: Option<Expected>,
    /// The operator wants it not to be used: `toygres plugin disable`.
    pub disabled: bool,
    /// Which file the manifest was read from; none where nothing was opened.
    pub identity: Option<FileIdentity>,
    /// Whose files are trusted besides the operator's and root's.
    pub owners: TrustedOwners,
}

/// What a lock file says of a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The digest, 64 hexadecimal digits.
    pub sha256: String,
    /// The size in bytes.
    pub size: u64,
    /// It is opened only where what was digested cannot be changed any more.
    pub strict: bool,
    /// An earlier version is kept.
    pub kept: bool,
}

impl Found {
    fn new(path: PathBuf, origin: Origin, manifest: Result<Manifest, Fault>) -> Self {
        Self {
            path,
            origin,
            manifest,
            shadowed_by: None,
            linked: None,
            locked: None,
            disabled: false,
            identity: None,
            owners: TrustedOwners::default(),
        }
    }

    /// Whether its commands are there: usable, the first of its name, not disabled.
    #[must_use]
    pub fn is_used(&self) -> bool {
        self.manifest.is_ok() && self.shadowed_by.is_none() && !self.disabled
    }

    /// The plugin's name; that of its file where it says none.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.manifest {
            Ok(manifest) => manifest.name.clone(),
            Err(fault) => fault.name.as_deref().map(str::to_owned).unwrap_or_else(|| {
                let stem = self.path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
                stem.unwrap_or_default()
            }),
        }
    }
}

/// Everything that was found.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    /// In the order of the folders, by file name within each.
    pub plugins: Vec<Found>,
    commands: BTreeMap<(Place, String), Vec<Claim>>,
}

/// Where a command hangs, as a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Server,
    Local,
    Top,
}

impl From<Scope> for Place {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Server => Self::Server,
            Scope::Local => Self::Local,
            Scope::Top => Self::Top,
        }
    }
}

/// A plugin that says it has a command: indices into the catalogue.
#[derive(Debug, Clone, Copy)]
struct Claim {
    plugin: usize,
    command: usize,
}

/// One command and the plugin that owns it.
#[derive(Debug, Clone, Copy)]
pub struct Owned<'a> {
    /// The library file.
    pub plugin: &'a Found,
    /// What the plugin says of itself.
    pub manifest: &'a Manifest,
    /// The command.
    pub command: &'a Command,
    /// Its place: the plugin's in the catalogue, the command's in the manifest.
    pub place: (usize, usize),
}

impl Catalogue {
    /// Looks into every folder. A folder that does not exist is no fault.
    #[must_use]
    pub fn read(folders: &Folders) -> Self {
        let mut plugins: Vec<Found> = folders.bundled.iter().map(linked).collect();
        let mut disabled = BTreeSet::new();
        for (origin, folder) in &folders.folders {
            let lock = locked::lock_of(*origin, folder, folders.owners());
            disabled.extend(lock.iter().flat_map(|lock| lock.disabled.clone()));
            plugins.extend(locked::plugins(*origin, folder, lock, &folders.policy));
        }
        if let (false, Some(home)) = (OPENS_LIBRARIES, &folders.home) {
            let lock = locked::lock_of(Origin::Home, home, folders.owners());
            disabled.extend(lock.into_iter().flat_map(|lock| lock.disabled));
        }
        for found in &mut plugins {
            found.disabled = disabled.contains(&found.name());
        }
        let mut catalogue = Self { plugins, commands: BTreeMap::new() };
        catalogue.settle_names();
        catalogue.collect_commands();
        catalogue
    }

    /// The commands of a scope that exactly one plugin has, by name.
    pub fn commands(&self, scope: Scope) -> impl Iterator<Item = Owned<'_>> {
        let place = Place::from(scope);
        let claims = self.commands.iter().filter(move |((found, _), _)| *found == place);
        claims.filter_map(|(_, claims)| match claims.as_slice() {
            [only] => self.owned(*only),
            _ => None,
        })
    }

    /// The fault of the disabled plugin that would have a command of this name or alias.
    #[must_use]
    pub fn disabled(&self, name: &str) -> Option<Fault> {
        let has = |command: &Command| {
            command.name == name || command.aliases.iter().any(|alias| alias == name)
        };
        self.plugins.iter().filter(|found| found.disabled).find_map(|found| {
            let manifest = found.manifest.as_ref().ok()?;
            let claims = manifest.commands.iter().any(has);
            claims.then(|| Fault::disabled(&manifest.name, &found.path))
        })
    }

    /// The plugins that could not be used.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        let wanted = self.plugins.iter().filter(|found| !found.disabled);
        wanted.filter_map(|found| found.manifest.as_ref().err())
    }

    /// The one plugin that has a command of this name or alias.
    ///
    /// # Errors
    /// When several claim it: which of them should run is not the host's to guess.
    pub fn find(&self, scope: Scope, name: &str) -> Result<Option<Owned<'_>>, Fault> {
        let place = Place::from(scope);
        if let Some(claims) = self.commands.get(&(place, name.to_owned())) {
            return match claims.as_slice() {
                [only] => Ok(self.owned(*only)),
                several => Err(self.clash(name, several)),
            };
        }
        Ok(self
            .commands(scope)
            .find(|owned| owned.command.aliases.iter().any(|alias| alias == name)))
    }

    /// The names that several plugins claim.
    #[must_use]
    pub fn clashes(&self) -> Vec<(Scope, String, Fault)> {
        let several = self.commands.iter().filter(|(_, claims)| claims.len() > 1);
        several
            .map(|((place, name), claims)| {
                let scope = match place {
                    Place::Server => Scope::Server,
                    Place::Local => Scope::Local,
                    Place::Top => Scope::Top,
                };
                (scope, name.clone(), self.clash(name, claims))
            })
            .collect()
    }

    /// This plugin alone, given by name or path: the one that is used, else one that is shadowed.
    /// `None` where there is none; why it is not used where there is one.
    #[must_use]
    pub fn alone(&self, name: &str) -> Option<Result<Self, Error>> {
        let named = |found: &&Found| found.name() == name || found.path == Path::new(name);
        let mut all: Vec<&Found> = self.plugins.iter().filter(named).collect();
        // What can be used goes before what cannot; otherwise the order stays.
        all.sort_by_key(|found| (found.manifest.is_err(), found.shadowed_by.is_some()));
        let found = *all.first()?;
        match &found.manifest {
            Err(fault) => return Some(Err(fault.clone().into())),
            Ok(manifest) if found.disabled => {
                return Some(Err(Fault::disabled(&manifest.name, &found.path).into()));
            }
            Ok(_) => {}
        }
        let plugins = vec![Found { shadowed_by: None, ..found.clone() }];
        let mut alone = Self { plugins, commands: BTreeMap::new() };
        alone.collect_commands();
        Some(Ok(alone))
    }

    /// The command at a place that [`Owned::place`] named.
    #[must_use]
    pub fn at(&self, (plugin, command): (usize, usize)) -> Option<Owned<'_>> {
        self.owned(Claim { plugin, command })
    }

    fn owned(&self, claim: Claim) -> Option<Owned<'_>> {
        let plugin = self.plugins.get(claim.plugin)?;
        let manifest = plugin.manifest.as_ref().ok()?;
        let command = manifest.commands.get(claim.command)?;
        Some(Owned { plugin, manifest, command, place: (claim.plugin, claim.command) })
    }

    fn clash(&self, name: &str, claims: &[Claim]) -> Fault {
        let owners = claims.iter().filter_map(|claim| self.owned(*claim));
        let owners: Vec<(String, PathBuf)> =
            owners.map(|owned| (owned.manifest.name.clone(), owned.plugin.path.clone())).collect();
        Fault::clash(name, &owners)
    }

    /// Of several files with the same plugin name, the one in the earliest folder is used.
    fn settle_names(&mut self) {
        let mut first: BTreeMap<String, usize> = BTreeMap::new();
        for n in 0..self.plugins.len() {
            let Ok(manifest) = &self.plugins[n].manifest else { continue };
            let Some(&before) = first.get(&manifest.name) else {
                first.insert(manifest.name.clone(), n);
                continue;
            };
            let (name, winner) = (manifest.name.clone(), self.plugins[before].path.clone());
            if winner.parent() == self.plugins[n].path.parent() {
                let fault =
                    Fault::same_name(&name, &winner, &self.plugins[n].path).claiming(manifest);
                self.plugins[n].manifest = Err(fault);
            } else {
                self.plugins[n].shadowed_by = Some(winner);
            }
        }
    }

    fn collect_commands(&mut self) {
        for (plugin, found) in self.plugins.iter().enumerate() {
            let Ok(manifest) = &found.manifest else { continue };
            if !found.is_used() {
                continue;
            }
            for (command, said) in manifest.commands.iter().enumerate() {
                let key = (Place::from(said.scope), said.name.clone());
                self.commands.entry(key).or_default().push(Claim { plugin, command });
            }
        }
    }
}

/// A plugin that is linked in. Its manifest is read as a file's is, so that both say the same.
fn linked(bundled: &Bundled) -> Found {
    let path = binary::path().unwrap_or_else(|| PathBuf::from("toygres"));
    let manifest = file::parse(&path, bundled.manifest());
    let manifest = manifest.and_then(|manifest| usable(&path, manifest));
    Found { linked: Some(bundled.entry()), ..Found::new(path, Origin::Bundled, manifest) }
}

/// The library files of a folder, by name.
pub(crate) fn libraries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    sorted_libraries(entries.filter_map(|entry| entry.ok().map(|entry| entry.path())))
}

/// Those of the paths that are named as libraries are, in order.
fn sorted_libraries(paths: impl Iterator<Item = PathBuf>) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = paths.filter(|path| is_library(path)).collect();
    paths.sort();
    paths
}

/// `.so` is taken on macOS too, where some tools make it.
fn is_library(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    extension == Some("so") || (cfg!(target_os = "macos") && extension == Some("dylib"))
}

/// Refuses what this host could not run, from the manifest alone.
pub(crate) fn usable(path: &Path, manifest: Manifest) -> Result<Manifest, Fault> {
    if !is_name(&manifest.name) {
        return Err(Fault::name(path, &manifest.name));
    }
    check_counts(path, &manifest)?;
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    if major(&manifest.abi) != major(ABI_VERSION) {
        return Err(Fault::abi(&manifest.name, path, &manifest.abi).claiming(&manifest));
    }
    let unknown =
        manifest.needs.iter().find(|need| !crate::host::ABILITIES.contains(&need.as_str()));
    if let Some(need) = unknown {
        return Err(Fault::ability(&manifest.name, path, need).claiming(&manifest));
    }
    let taken = manifest
        .commands
        .iter()
        .find(|command| command.scope == Scope::Top && RESERVED.contains(&command.name.as_str()));
    if let Some(command) = taken {
        return Err(Fault::reserved(&manifest.name, path, &command.name).claiming(&manifest));
    }
    Ok(manifest)
}

/// A command line, its help and its completion are made of all that a manifest says.
fn check_counts(path: &Path, manifest: &Manifest) -> Result<(), Fault> {
    let commands = manifest.commands.len();
    if commands > MAX_COMMANDS {
        let what = format!("it has {commands} commands");
        return Err(Fault::too_many(path, manifest, &what, MAX_COMMANDS));
    }
    let large = manifest.commands.iter().find(|command| command.args.len() > MAX_ARGUMENTS);
    match large {
        Some(command) => {
            let what =
                format!("its command `{}` has {} arguments", command.name, command.args.len());
            Err(Fault::too_many(path, manifest, &what, MAX_ARGUMENTS))
        }
        None => Ok(()),
    }
}
