//! The process's environment, and the `.env` file of the current folder below it.
//!
//! A `.env` file comes with whatever was cloned or unpacked, and is read because somebody stands in
//! its folder. So it may say which database, namespace and image are meant, and nothing of what runs
//! (plugins, home folder, kubeconfig), of where credentials go, or of how much is checked:
//! [`ALLOWED_IN_DOTENV`] is all that it can set. It is read only where nobody else could have
//! written it.

use super::dotenv::{self, DotenvLine};
use super::home::{self, Home};
use crate::trusted::{self, Distrust, DistrustReason, PlaceKind, TrustedOwners};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{ErrorKind as Io, Read};
use std::path::{Path, PathBuf};
use toygres_plugin_api::protocol::Source;
use toygres_plugin_api::{Error, Result};

/// What a `.env` file may set. Everything else that toygres reads may not be set there: not what
/// names code (plugins, home folder, kubeconfig), addresses other than the database's, credentials,
/// what is checked or hidden (strictness, TLS, network policy, ignored drift), what is thrown away
/// (retention), how much a server takes on (limits) or where files are written.
const ALLOWED_IN_DOTENV: &[&str] = &[
    "AKS_CLUSTER_NAME",
    "AKS_NAMESPACE",
    "AKS_RESOURCE_GROUP",
    "DATABASE_URL",
    "RUST_LOG",
    "TOYGRES_API_TIMEOUT_MS",
    "TOYGRES_CMS_SCHEMA",
    "TOYGRES_COMPLETION_MS",
    "TOYGRES_CONNECT_TIMEOUT_MS",
    "TOYGRES_DRAIN_MS",
    "TOYGRES_DUROXIDE_SCHEMA",
    "TOYGRES_IMAGE",
    "TOYGRES_MONITOR_INTERVAL_MS",
    "TOYGRES_READY_INTERVAL_MS",
    "TOYGRES_REQUEST_TIMEOUT_MS",
    "TOYGRES_STATEMENT_TIMEOUT_MS",
    "TOYGRES_STORAGE_CLASS",
    "TOYGRES_WORKERS",
];

/// Names that are not toygres' own and that it, or a library in it, reads from the environment.
const FOREIGN_NAMES: &[&str] = &[
    "ALL_PROXY",
    "CLICOLOR_FORCE",
    "COLUMNS",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "KUBECONFIG",
    "LANG",
    "NO_COLOR",
    "NO_PROXY",
    "PATH",
    "TERM",
    "TMPDIR",
    "TZ",
    "USER",
];

/// Beginnings of such names.
const FOREIGN_PREFIXES: &[&str] =
    &["TOYGRES_", "AKS_", "RUST_", "PG", "SSL_", "LD_", "DYLD_", "LC_", "KUBERNETES_", "DUROXIDE_"];

/// The file's name.
const DOTENV: &str = ".env";
/// No such file is longer; one that is, is another file.
const MAX_DOTENV_BYTES: u64 = 256 * 1024;
/// As many entries as are named one by one; of further ones only their number is said.
const MAX_WARNINGS: usize = 8;

/// The process's environment, the `.env` file below it, and the home folder that they name.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    process: BTreeMap<String, OsString>,
    dotenv: BTreeMap<String, String>,
    dotenv_path: Option<PathBuf>,
    warnings: Vec<String>,
    home: Option<Home>,
}

impl Environment {
    /// The process's own, with `.env` of the current folder. With `trust_home` the home folder may
    /// belong to another user.
    #[must_use]
    pub fn read(trust_home: bool) -> Self {
        let process =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        let mut environment = Self { process: process.collect(), ..Self::default() };
        environment.read_dotenv();
        environment.home = Home::find(&environment, trust_home);
        environment
    }

    /// These variables alone.
    #[cfg(test)]
    pub(crate) fn of(variables: &[(&str, &str)]) -> Self {
        let process = variables.iter().map(|(name, value)| ((*name).to_owned(), value.into()));
        Self { process: process.collect(), ..Self::default() }
    }

    /// A variable that is text; the process's own goes before that of the file. An empty one counts
    /// as not set.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub fn text(&self, name: &str) -> Result<Option<(&str, Source)>> {
        let Some((value, source)) = self.path(name) else { return Ok(None) };
        match value.to_str() {
            Some(text) => Ok(Some((text, source))),
            None => Err(Error::usage(format!("invalid value of `{name}`: not UTF-8"))
                .hint(format!("set `{name}` to text in UTF-8, or unset it"))),
        }
    }

    /// The same as it is, for paths, which need not be text.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<(&OsStr, Source)> {
        if let Some(value) = self.process.get(name).filter(|value| !value.is_empty()) {
            return Some((value, Source::Environment));
        }
        let value = self.dotenv.get(name).filter(|_| ALLOWED_IN_DOTENV.contains(&name))?;
        (!value.is_empty()).then_some((OsStr::new(value), Source::DotEnv))
    }

    /// The home folder; `None` where nothing names one.
    #[must_use]
    pub fn home(&self) -> Option<&Home> {
        self.home.as_ref()
    }

    /// The `.env` file that was read.
    #[must_use]
    pub fn dotenv_path(&self) -> Option<&Path> {
        self.dotenv_path.as_deref()
    }

    /// What was not taken from the `.env` file, each with its line.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Every value that is text, those that are not used too: any of them may be a secret.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        let process = self.process.iter().filter_map(|(name, value)| Some((name, value.to_str()?)));
        let dotenv = self.dotenv.iter().map(|(name, value)| (name, value.as_str()));
        process.chain(dotenv).map(|(name, value)| (name.as_str(), value))
    }

    fn read_dotenv(&mut self) {
        let bytes = match open_dotenv() {
            Ok(Some((path, bytes))) => {
                self.dotenv_path = Some(path);
                bytes
            }
            Ok(None) => return,
            Err(why) => return self.warnings.push(format!("./{DOTENV} was not read: {why}")),
        };
        let mut left_out = 0;
        for DotenvLine { number, assignment } in dotenv::parse(&bytes) {
            let why = match assignment {
                Ok(found) => {
                    let why = why_not(&found.name);
                    self.dotenv.insert(found.name, found.value);
                    why
                }
                Err(fault) => Some(format!("not read: {fault}")),
            };
            match why {
                None => {}
                Some(_) if self.warnings.len() == MAX_WARNINGS => left_out += 1,
                Some(why) => self.warnings.push(format!("./{DOTENV}:{number}: {why}")),
            }
        }
        if left_out > 0 {
            self.warnings.push(format!("./{DOTENV}: {left_out} more lines were not taken"));
        }
    }
}

/// Why a name of the file sets nothing. Names of other programs are nobody's business here: the
/// file may be shared with these.
fn why_not(name: &str) -> Option<String> {
    if ALLOWED_IN_DOTENV.contains(&name) {
        return None;
    }
    let upper = name.to_ascii_uppercase();
    let read = FOREIGN_NAMES.contains(&upper.as_str())
        || FOREIGN_PREFIXES.iter().any(|prefix| upper.starts_with(prefix));
    read.then(|| {
        format!(
            "`{name}` may not be set here; set it in the environment, see docs/configuration.md"
        )
    })
}

/// The file's path and contents; `None` where there is none.
///
/// # Errors
/// Why it is not trusted, or not read, and what mends that.
fn open_dotenv() -> std::result::Result<Option<(PathBuf, Vec<u8>)>, String> {
    match Path::new(DOTENV).symlink_metadata() {
        Err(error) if error.kind() == Io::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
        Ok(_) => {}
    }
    let distrusted = |distrust: Distrust| {
        format!("{distrust}; {}", home::remedy(&distrust, "set what you need in the environment"))
    };
    let owners = TrustedOwners::default();
    let folder = trusted::open_folder(Path::new("."), &owners).map_err(distrusted)?;
    let name = Path::new(DOTENV);
    // A link would be a way to have another file read: nobody needs one here.
    let entry = rustix::fs::statat(&folder, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW);
    let entry = entry.map_err(|error| error.to_string())?;
    if rustix::fs::FileType::from_raw_mode(entry.st_mode) != rustix::fs::FileType::RegularFile {
        let place = folder.path.join(name);
        let reason = DistrustReason::NotAFile;
        return Err(distrusted(Distrust { place, kind: PlaceKind::File, reason }));
    }
    let opened = match folder.open_file(name) {
        Ok(opened) => opened,
        Err(distrust) if distrust.is_missing() => return Ok(None),
        Err(distrust) => return Err(distrusted(distrust)),
    };
    let mut bytes = Vec::new();
    let read = opened.file.take(MAX_DOTENV_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_DOTENV_BYTES {
        return Err(format!("it is larger than {} KiB", MAX_DOTENV_BYTES / 1024));
    }
    Ok(Some((opened.path, bytes)))
}

#[cfg(test)]
mod tests {
    use super::{ALLOWED_IN_DOTENV, Environment, why_not};
    use crate::settings::known::KNOWN;
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    use toygres_plugin_api::protocol::Source;

    /// Every variable that has a setting is decided about by name.
    const REFUSED: &[&str] = &[
        "KUBECONFIG",
        "TOYGRES_API_TOKEN",
        "TOYGRES_API_URL",
        "TOYGRES_BIND",
        "TOYGRES_CLUSTER_NETWORK",
        "TOYGRES_DNS_SUFFIX",
        "TOYGRES_DRIFT_IGNORE",
        "TOYGRES_FOLLOW_TIMEOUT_MS",
        "TOYGRES_HOME",
        "TOYGRES_HOSTS",
        "TOYGRES_KEEP_CHECKS_DAYS",
        "TOYGRES_KEEP_EVENTS_DAYS",
        "TOYGRES_KUBE_CONTEXT",
        "TOYGRES_LEASE_MS",
        "TOYGRES_LOG_FILE",
        "TOYGRES_LOG_KEEP",
        "TOYGRES_LOG_MAX_BYTES",
        "TOYGRES_MAX_ROW_BYTES",
        "TOYGRES_MODE",
        "TOYGRES_NETWORK_POLICY",
        "TOYGRES_PID_FILE",
        "TOYGRES_PORT",
        "TOYGRES_SERVER_COMMANDS",
        "TOYGRES_SERVER_CONNECTIONS",
        "TOYGRES_SERVER_CONNECTIONS_PER_ADDRESS",
        "TOYGRES_SERVER_MAX_ROW_BYTES",
    ];

    #[test]
    fn every_setting_is_either_allowed_in_the_file_or_refused() {
        for name in KNOWN.iter().filter_map(|known| known.env) {
            let (allowed, refused) = (ALLOWED_IN_DOTENV.contains(&name), REFUSED.contains(&name));
            assert!(allowed != refused, "`{name}`: decide whether a .env file may set it");
        }
    }

    #[test]
    fn the_file_sets_only_what_it_may_and_never_goes_before_the_process() {
        let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let environment = Environment {
            process: [("RUST_LOG".to_owned(), "warn".into())].into(),
            dotenv: [
                text("RUST_LOG", "debug"),
                text("AKS_NAMESPACE", "ns"),
                text("TOYGRES_HOME", "/x"),
                text("PGPASSWORD", "x"),
                text("OTHER", "x"),
            ]
            .into(),
            ..Environment::default()
        };
        assert_eq!(environment.text("RUST_LOG").unwrap(), Some(("warn", Source::Environment)));
        assert_eq!(environment.text("AKS_NAMESPACE").unwrap(), Some(("ns", Source::DotEnv)));
        for name in ["TOYGRES_HOME", "PGPASSWORD", "OTHER"] {
            assert_eq!(environment.path(name), None, "{name}");
        }
    }

    #[test]
    fn what_toygres_would_read_elsewhere_is_said_and_other_names_are_not() {
        for name in [
            "TOYGRES_HOME",
            "TOYGRES_IMGE",
            "HOME",
            "PATH",
            "LD_PRELOAD",
            "PGPASSWORD",
            "PGSSLMODE",
            "SSL_CERT_FILE",
            "https_proxy",
            "KUBECONFIG",
        ] {
            assert!(why_not(name).is_some(), "{name}");
        }
        for name in ["DATABASE_URL", "NODE_ENV", "MY_SECRET_KEY"] {
            assert_eq!(why_not(name), None, "{name}");
        }
    }

    #[test]
    fn a_path_need_not_be_text_and_text_has_to_be() {
        let value = OsString::from_vec(b"/a\xff".to_vec());
        let process = [("KUBECONFIG".to_owned(), value.clone())].into();
        let environment = Environment { process, ..Environment::default() };
        assert_eq!(environment.path("KUBECONFIG").unwrap().0, value);
        let error = environment.text("KUBECONFIG").unwrap_err();
        assert_eq!(error.kind.exit_code(), 2);
        assert!(error.message.contains("`KUBECONFIG`"), "{error:?}");
    }
}
