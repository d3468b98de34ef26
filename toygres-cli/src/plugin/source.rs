//! Where libraries are installed from: a file, a folder of them, or a URL.

use super::{examine, fetch};
use crate::discover::libraries;
use crate::discover::opening::{open_any_file, open_library, read_bytes};
use crate::fault::Fault;
use crate::settings::Environment;
use crate::trusted::TrustedOwners;
use std::path::{Path, PathBuf};
use toygres_plugin_api::{Error, Result};
use url::Url;

/// One library with its signature, not yet examined.
#[derive(Debug)]
pub(super) struct Offered {
    /// What faults name: the file, or the URL.
    pub(super) path: PathBuf,
    /// What keys are pinned for and the lock file names: the file's absolute path, or the URL
    /// without what may be secret in it.
    pub(super) source: String,
    /// The library.
    pub(super) bytes: Vec<u8>,
    /// What `FILE.minisig` holds, if there is one; why that is not known, where nobody says.
    pub(super) signature: Result<Option<String>>,
    /// It came from elsewhere: somebody has to answer for it.
    pub(super) remote: bool,
}

/// What was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// `FILE` or `file://…`.
    File(PathBuf),
    /// `FOLDER`.
    Folder(PathBuf),
    /// `https://…`, or `http://…` where a digest says what has to come.
    Url(Url),
}

impl Source {
    /// # Errors
    /// When there is no such file, or the URL is of a kind that is not fetched.
    pub(super) fn of(typed: &str, digest: bool) -> Result<Self> {
        let url = typed.contains("://").then(|| Url::parse(typed));
        let path = match url {
            None => PathBuf::from(typed),
            Some(Err(error)) => {
                return Err(Error::usage("the URL cannot be read").cause(error));
            }
            Some(Ok(url)) => match url.scheme() {
                "https" => return Ok(Self::Url(url)),
                "http" if digest => return Ok(Self::Url(url)),
                "http" => {
                    return Err(Error::usage("anybody on the way can change what comes over http")
                        .hint("use https, or say what has to come: --sha256 DIGEST"));
                }
                "file" => url.to_file_path().map_err(|()| Error::usage("the URL names no file"))?,
                other => {
                    return Err(Error::usage(format!("plugins are not fetched by `{other}`"))
                        .hint("give a file, a folder, or an https URL"));
                }
            },
        };
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => Ok(Self::Folder(path)),
            Ok(_) => Ok(Self::File(path)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(Error::not_found(format!("there is no file `{}`", path.display()))
                    .hint("give a library, a folder of them, or an https URL"))
            }
            Err(error) => Err(Fault::unreadable(&path, &error).into()),
        }
    }

    /// Reads everything. Without `owners` a digest was given, which stands for who may write the
    /// file.
    ///
    /// # Errors
    /// When something cannot be read, others may write it, or there is no library.
    pub(super) fn read(
        &self,
        owners: Option<&TrustedOwners>,
        environment: &Environment,
    ) -> Result<Vec<Offered>> {
        match self {
            Self::File(path) => Ok(vec![local(path, owners).map_err(Fault::of_source)?]),
            Self::Folder(folder) => {
                let paths = libraries(folder);
                if paths.is_empty() {
                    return Err(Error::not_found(format!(
                        "there is no library in {}",
                        folder.display()
                    ))
                    .hint("give the folder that the build wrote, such as target/release"));
                }
                let offered: Result<_, Fault> =
                    paths.iter().map(|path| local(path, owners)).collect();
                Ok(offered.map_err(Fault::of_source)?)
            }
            Self::Url(url) => Ok(vec![remote(url, environment)?]),
        }
    }
}

fn local(path: &Path, owners: Option<&TrustedOwners>) -> Result<Offered, Fault> {
    let (file, source) = match owners {
        Some(owners) => {
            let library = open_library(path, owners)?;
            (library.file, library.path)
        }
        None => {
            let real = path.canonicalize().map_err(|error| Fault::unreadable(path, &error))?;
            (open_any_file(path).map_err(|error| error.of_library(path))?, real)
        }
    };
    Ok(Offered {
        path: path.to_owned(),
        source: source.display().to_string(),
        bytes: read_bytes(&file, examine::LARGEST).map_err(|error| error.of_library(path))?,
        signature: Ok(signature_beside(path)?),
        remote: false,
    })
}

/// What `FILE.minisig` holds, whoever put it there: it is worth what the key that made it is.
fn signature_beside(path: &Path) -> Result<Option<String>, Fault> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".minisig");
    let beside = Path::new(&beside);
    if matches!(beside.try_exists(), Ok(false)) {
        return Ok(None);
    }
    let bytes = open_any_file(beside).and_then(|file| read_bytes(&file, fetch::LARGEST_SIGNATURE));
    let bytes = bytes.map_err(|error| Fault::signature_file(beside, error))?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn remote(url: &Url, environment: &Environment) -> Result<Offered> {
    let shown = fetch::shown(url);
    let mut beside = url.clone();
    beside.set_path(&format!("{}.minisig", url.path()));
    let (bytes, signature) = fetch::both(url, &beside, environment)?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let signature = signature.map(|signature| signature.map(text));
    Ok(Offered { path: PathBuf::from(&shown), source: shown, bytes, signature, remote: true })
}
