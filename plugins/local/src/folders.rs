//! Where everything of `toygres local` lies.
//!
//! Below the home folder: `kubeconfig` and `config.toml`, which other commands read, and `local/`
//! with all the rest. What a PostgreSQL server opens lies where the account that it runs as gets
//! to: in `local/` itself, or, where we are root and the home folder is closed to others, in a
//! folder of `/var/lib/toygres` that `local/` links to.

use crate::files;
use crate::process::account::Account;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use toygres_plugin_api::{Context, Error, Result};
use uuid::Uuid;

/// A place that every account reaches and only root fills.
const SHARED_PLACE: &str = "/var/lib/toygres";

/// Names the home folder of a folder there.
const OWNER: &str = "home";

/// The folders of one home.
#[derive(Debug, Clone)]
pub(crate) struct Folders {
    /// The home folder, absolute.
    pub(crate) home: PathBuf,
}

impl Folders {
    /// Those of a home folder.
    pub(crate) fn of(home: &Path) -> Result<Self> {
        Ok(Self { home: std::path::absolute(home)? })
    }

    /// Those of the home folder in force, which holds the configuration file.
    pub(crate) async fn lent(ctx: &Context) -> Result<Self> {
        let config = ctx.config().all().await?;
        let home = Path::new(&config.file).parent().filter(|home| !home.as_os_str().is_empty());
        home.map_or_else(|| Err(no_home()), Self::of)
    }

    /// The configuration of the command line.
    pub(crate) fn config(&self) -> PathBuf {
        self.home.join("config.toml")
    }

    /// What `kubectl` and the control plane read to find the stand-in.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.home.join("kubeconfig")
    }

    /// All the rest.
    pub(crate) fn local(&self) -> PathBuf {
        self.home.join("local")
    }

    /// The private PostgreSQL's data folder.
    pub(crate) fn database(&self) -> PathBuf {
        real(self.local().join("postgres")).join("data")
    }

    /// The volumes of pods.
    pub(crate) fn volumes(&self) -> PathBuf {
        real(self.local().join("volumes"))
    }

    /// Data folders to copy new ones from.
    pub(crate) fn templates(&self) -> PathBuf {
        real(self.local().join("templates"))
    }

    /// Programs of PostgreSQL that were downloaded.
    pub(crate) fn programs(&self) -> PathBuf {
        real(self.local().join("programs"))
    }

    /// The objects of the stand-in.
    pub(crate) fn objects(&self) -> PathBuf {
        self.local().join("kubernetes")
    }

    /// What the stand-in proves to be itself with.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.local().join("certificate")
    }

    /// What the daemon, the private PostgreSQL and the pods write.
    pub(crate) fn logs(&self) -> PathBuf {
        self.local().join("logs")
    }

    /// Makes every folder that is not there, for servers that run as `account`.
    pub(crate) fn prepare(&self, account: Option<&Account>) -> Result<()> {
        // Others may pass through where a server runs as another account; what is secret is
        // closed by itself.
        let through = if account.is_some() { 0o711 } else { 0o700 };
        files::make_folder(&self.home, through, None)?;
        files::make_folder(&self.local(), through, None)?;
        files::make_folder(&self.logs(), 0o700, None)?;
        files::make_folder(&self.objects(), 0o700, None)?;
        files::make_folder(&self.certificate(), 0o700, None)?;
        for name in ["postgres", "templates"] {
            self.make_reachable(name, 0o700, account)?;
        }
        self.make_reachable("volumes", through, None)?;
        // Programs are run by the servers' account and written by us alone.
        self.make_reachable("programs", 0o755, None)
    }

    /// Removes everything but the configuration file.
    pub(crate) fn purge(&self) -> Result<()> {
        let local = self.local();
        for name in ["postgres", "volumes", "templates", "programs"] {
            let link = local.join(name);
            if let Ok(target) = fs::read_link(&link) {
                files::remove_folder(&target)?;
                // The folder of this home, which is empty now.
                if let Some(parent) = target.parent().filter(|it| it.starts_with(SHARED_PLACE)) {
                    files::remove_file(&parent.join(OWNER))?;
                    let _others = fs::remove_dir(parent);
                }
            }
        }
        files::remove_folder(&local)?;
        files::remove_file(&self.kubeconfig())
    }

    fn make_reachable(&self, name: &str, mode: u32, account: Option<&Account>) -> Result<()> {
        let path = self.local().join(name);
        if let Ok(target) = fs::read_link(&path) {
            return files::make_folder(&target, mode, account);
        }
        if path.is_dir() || !crate::process::account::is_root() || open_to_all(&self.local()) {
            return files::make_folder(&path, mode, account);
        }
        let target = self.elsewhere()?.join(name);
        files::make_folder(&target, mode, account)?;
        symlink(&target, &path).map_err(|error| files::failed("link", &path, &error))
    }

    /// The folder of this home in the shared place: that of an earlier link, or a new one.
    fn elsewhere(&self) -> Result<PathBuf> {
        let linked = ["postgres", "volumes", "templates", "programs"].iter().find_map(|name| {
            fs::read_link(self.local().join(name)).ok()?.parent()?.to_owned().into()
        });
        if let Some(folder) = linked {
            return Ok(folder);
        }
        files::make_folder(Path::new(SHARED_PLACE), 0o711, None)?;
        let folder = Path::new(SHARED_PLACE).join(Uuid::new_v4().simple().to_string());
        files::make_folder(&folder, 0o711, None)?;
        // For whoever finds it and wonders.
        files::write_secret(&folder.join(OWNER), &format!("{}\n", self.home.display()))?;
        Ok(folder)
    }
}

/// Whether every account may pass through the folder and all above it.
fn open_to_all(folder: &Path) -> bool {
    let Ok(folder) = folder.canonicalize() else { return false };
    folder.ancestors().all(|part| fs::metadata(part).is_ok_and(|part| part.mode() & 0o001 != 0))
}

/// Where a link leads: servers get names that hold after a change of the link.
fn real(path: PathBuf) -> PathBuf {
    path.canonicalize().unwrap_or(path)
}

fn no_home() -> Error {
    Error::usage("there is no home folder").hint("name one with TOYGRES_HOME")
}
