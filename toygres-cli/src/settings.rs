//! The configuration in force: flag, environment, `.env` file, the current context of the
//! configuration file, default; each value with its source.

mod credentials;
mod database;
pub mod dotenv;
mod environment;
mod file;
mod home;
mod known;
mod numbers;
mod variables;

pub(crate) use credentials::is_loopback;
pub use environment::Environment;
pub use home::Home;
pub(crate) use numbers::MAX_MILLISECONDS;

use crate::cli::Options;
use crate::redact::Redactor;
use file::ConfigFile;
use known::{KNOWN, Known};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use toygres_plugin_api::protocol::{Config, Setting, Source, Variable};
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Error, Result};
use url::Url;

/// The name of the configuration file in the home folder.
pub(crate) const CONFIG_FILE: &str = "config.toml";

/// The configuration in force.
#[derive(Debug, Clone)]
pub struct Settings {
    environment: Environment,
    flags: BTreeMap<&'static str, OsString>,
    file: std::result::Result<ConfigFile, Error>,
    show_secrets: bool,
}

/// The names of the contexts in the configuration file of this home folder; none where it cannot
/// be read.
#[must_use]
pub fn contexts(home: &Home) -> Vec<String> {
    file::contexts(&home.read_file(CONFIG_FILE).ok().flatten().unwrap_or_default())
}

impl Settings {
    /// The settings for what was typed. A broken configuration file is an error only for what
    /// needs it.
    #[must_use]
    pub fn new(environment: Environment, options: &Options) -> Self {
        let file = config_file(&environment, options);
        let text = |value: &Option<String>| value.clone().map(OsString::from);
        let mut flags = BTreeMap::new();
        for (key, value) in [
            ("database.url", text(&options.database_url)),
            ("kubernetes.namespace", text(&options.namespace)),
            ("kubernetes.kubeconfig", options.kubeconfig.clone().map(OsString::from)),
        ] {
            flags.extend(value.map(|value| (key, value)));
        }
        Self { environment, flags, file, show_secrets: options.show_secrets }
    }

    /// One setting's value and source, unmasked.
    ///
    /// # Errors
    /// When the configuration file is needed and broken, or the value is not UTF-8.
    pub fn get(&self, key: &str) -> Result<(Option<String>, Source)> {
        let (value, source) = self.raw(key)?;
        let text = value.map(|value| value.into_string().map_err(|_| self.not_text(key, source)));
        Ok((text.transpose()?, source))
    }

    /// The same for a path, which need not be UTF-8.
    ///
    /// # Errors
    /// When the configuration file is needed and broken.
    pub fn path(&self, key: &str) -> Result<(Option<PathBuf>, Source)> {
        let (value, source) = self.raw(key)?;
        Ok((value.map(PathBuf::from), source))
    }

    fn raw(&self, key: &str) -> Result<(Option<OsString>, Source)> {
        if let Some(value) = self.flags.get(key) {
            return Ok((Some(value.clone()), Source::Flag));
        }
        let known = KNOWN.iter().find(|known| known.key == key);
        if key == "paths.home"
            && let Some((_, source)) = self.environment.path("TOYGRES_HOME")
        {
            // Absolute, whatever was the current folder when it was set.
            let home = self.environment.home().map(|home| home.path().as_os_str().to_owned());
            return Ok((home, source));
        }
        if let Some((value, source)) =
            known.and_then(|known| known.env).and_then(|name| self.environment.path(name))
        {
            return Ok((Some(value.to_owned()), source));
        }
        let file = self.file.as_ref().map_err(Clone::clone)?;
        if let Some(value) = file.get(key) {
            return Ok((Some(value.into()), Source::File));
        }
        Ok((known.map(|known| self.default(known)).transpose()?.flatten(), Source::Default))
    }

    /// A value that is not UTF-8, named by what sets it.
    fn not_text(&self, key: &str, source: Source) -> Error {
        let known = KNOWN.iter().find(|known| known.key == key);
        let name = match source {
            Source::Flag => key.rsplit('.').next().map(|name| format!("--{name}")),
            Source::Default => self.environment.home().map(|home| home.variable().to_owned()),
            _ => known.and_then(|known| known.env).map(str::to_owned),
        };
        let name = name.unwrap_or_else(|| key.to_owned());
        let hint = match known.is_some_and(|known| known.path) {
            true => "plugins get paths as text: give one in UTF-8, such as a link to that place",
            false => "give text in UTF-8",
        };
        Error::usage(format!("invalid value of `{name}`: not UTF-8")).hint(hint)
    }

    /// The same with a value that goes before every other.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: &str) -> Self {
        self.flags.insert(key, value.into());
        self
    }

    /// The environment.
    #[must_use]
    pub fn environment_of(&self) -> &Environment {
        &self.environment
    }

    /// Everything, as a plugin sees it: secrets masked.
    ///
    /// # Errors
    /// When the configuration file is broken, or a path that plugins use is not UTF-8.
    pub fn config(&self) -> Result<Config> {
        let file = self.file.as_ref().map_err(Clone::clone)?;
        let settings = KNOWN.iter().map(|known| {
            let (value, source) = self.lent(known)?;
            Ok(Setting {
                key: known.key.to_owned(),
                label: known.label.to_owned(),
                place: self.place(known, source),
                value: value.map_or(Value::Null, |value| self.shown(known, value)),
                source,
                env: known.env.map(str::to_owned),
                secret: known.secret,
            })
        });
        let mut settings: Vec<Setting> = settings.collect::<Result<_>>()?;
        // What the database's string stands for comes right behind it.
        let behind = settings.iter().position(|setting| setting.key == "database.url");
        let behind = behind.map_or(settings.len(), |at| at + 1);
        settings.splice(behind..behind, self.database_parts());
        let path = file.path.to_str().map(str::to_owned);
        Ok(Config {
            settings,
            context: file.context.clone(),
            file: path.ok_or_else(|| self.not_text("paths.home", Source::Default))?,
            file_exists: file.exists,
            unknown_keys: file.unknown_keys(),
        })
    }

    /// A setting as plugins see it.
    fn lent(&self, known: &Known) -> Result<(Option<String>, Source)> {
        let write_only = self.environment.home().is_some_and(Home::is_write_only);
        match self.raw(known.key) {
            // What a server left in a folder that others may write is as good as not there; whoever
            // needs it is refused.
            Err(_) if write_only && self.file.is_ok() => Ok((None, Source::Default)),
            // Plugins show it; the host alone opens it.
            Ok((Some(path), source)) if known.key == "kubernetes.kubeconfig" => {
                Ok((Some(path.to_string_lossy().into_owned()), source))
            }
            _ => self.get(known.key),
        }
    }

    /// The environment variables that toygres reads.
    ///
    /// # Errors
    /// None today.
    pub fn environment(&self) -> Result<Vec<Variable>> {
        Ok(variables::list(self, self.show_secrets))
    }

    /// What masks secrets in this run's output; with `show` it masks nothing.
    #[must_use]
    pub fn redactor(&self, show: bool) -> Redactor {
        let (own, foreign) = self.secrets();
        Redactor::new(&own, show).with_foreign(&foreign)
    }

    /// Every secret value that is known: our own, and those of variables of other programs.
    pub(crate) fn secrets(&self) -> (Vec<String>, Vec<String>) {
        let (mut own, mut foreign) = (Vec::new(), Vec::new());
        for (name, value) in self.environment.all() {
            let secrets = if is_own_variable(name) { &mut own } else { &mut foreign };
            if crate::redact::names::is_secret(name) && !is_place(name, value) {
                secrets.push(value.to_owned());
            }
            secrets.extend(password_of(value));
        }
        for known in KNOWN {
            let Ok((Some(value), _)) = self.get(known.key) else { continue };
            own.extend(password_of(&value));
            if known.secret {
                own.push(value);
            }
        }
        // Those of password and service files, and of `key=value` pairs, too.
        if let Ok(Some(target)) = self.database() {
            own.extend(target.hosts.iter().filter_map(|host| host.password()).map(str::to_owned));
        }
        for secrets in [&mut own, &mut foreign] {
            secrets.sort();
            secrets.dedup();
        }
        (own, foreign)
    }

    /// A remark where the configuration file holds a secret and others may read it.
    #[must_use]
    pub fn remark(&self) -> Option<String> {
        use std::os::unix::fs::PermissionsExt;
        let file = self.file.as_ref().ok()?;
        let mode = std::fs::metadata(&file.path).ok()?.permissions().mode();
        let secret = KNOWN.iter().any(|known| {
            file.get(known.key).is_some_and(|value| known.secret || password_of(&value).is_some())
        });
        (secret && mode & 0o044 != 0).then(|| {
            format!(
                "others may read {}, which holds a secret; run: {}",
                file.path.display(),
                ShellCommand::new("chmod 600").arg(&file.path)
            )
        })
    }

    /// The file that the value comes from, where one other than the configuration file does.
    fn place(&self, known: &Known, source: Source) -> Option<String> {
        match source {
            Source::DotEnv => Some(self.environment.dotenv_path()?.display().to_string()),
            Source::Default => {
                let known::Default::LineInHome(name, _) = known.default else { return None };
                let home = self.environment.home()?;
                home.first_line(name).ok().flatten()?;
                Some(home.path().join(name).display().to_string())
            }
            _ => None,
        }
    }

    /// The place that a value comes from, for messages.
    pub(crate) fn describe_source(&self, key: &str, source: Source) -> String {
        let known = KNOWN.iter().find(|known| known.key == key);
        let variable = known.and_then(|known| known.env).unwrap_or(key);
        let file = self.file.as_ref().map(|file| file.path.display().to_string());
        match source {
            Source::Flag if key == "kubernetes.kubeconfig" => "`--kubeconfig`".to_owned(),
            Source::Flag => "the command line".to_owned(),
            Source::Environment => format!("`{variable}`"),
            Source::File => file.unwrap_or_else(|_| CONFIG_FILE.to_owned()),
            Source::DotEnv | Source::Default => known
                .and_then(|known| self.place(known, source))
                .unwrap_or_else(|| "the default".to_owned()),
        }
    }

    /// What the configuration file says of a setting.
    fn file_value(&self, key: &str) -> Option<String> {
        self.file.as_ref().ok()?.get(key)
    }

    /// What a server of this machine left of a setting in the home folder.
    fn server_value(&self, key: &str) -> Option<String> {
        let known = KNOWN.iter().find(|known| known.key == key)?;
        let known::Default::LineInHome(name, _) = known.default else { return None };
        self.environment.home()?.first_line(name).ok()?
    }

    fn is_default_of_server(&self, key: &str) -> bool {
        self.server_value(key).is_some()
    }

    fn is_home_foreign(&self) -> bool {
        self.environment.home().is_some_and(Home::is_foreign)
    }

    fn default(&self, known: &Known) -> Result<Option<OsString>> {
        let home = self.environment.home();
        Ok(match known.default {
            known::Default::None => None,
            known::Default::Value(value) => Some(value.into()),
            known::Default::InHome("") => home.map(|home| home.path().into()),
            known::Default::InHome(name) => home.map(|home| home.path().join(name).into()),
            known::Default::LineInHome(name, otherwise) => {
                let line = home.map(|home| home.first_line(name)).transpose()?.flatten();
                line.or_else(|| otherwise.map(str::to_owned)).map(OsString::from)
            }
            known::Default::Kubeconfig => {
                let home = self.environment.path("HOME");
                home.map(|(home, _)| Path::new(home).join(".kube/config").into())
            }
        })
    }

    fn shown(&self, known: &Known, value: String) -> Value {
        if known.secret && !self.show_secrets {
            return Value::from(crate::redact::MASK);
        }
        match known.number {
            true => value.parse::<i64>().map_or(Value::from(value), Value::from),
            false => Value::from(value),
        }
    }
}

/// Whether toygres, or a library in it, reads this variable.
fn is_own_variable(name: &str) -> bool {
    let known = KNOWN.iter().any(|known| known.env == Some(name));
    known || name.starts_with("TOYGRES_") || name.starts_with("PG")
}

/// A folder or a file: where the shell is (`PWD` reads like a password), or where a secret lies.
fn is_place(name: &str, value: &str) -> bool {
    matches!(name, "PWD" | "OLDPWD") || (value.starts_with('/') && Path::new(value).exists())
}

/// The configuration file of the home folder; an empty one where there is none.
fn config_file(environment: &Environment, options: &Options) -> Result<ConfigFile> {
    let context = match &options.context {
        Some(name) => Some(name.clone()),
        None => environment.text("TOYGRES_CONTEXT")?.map(|(name, _)| name.to_owned()),
    };
    let (path, text) = match environment.home() {
        Some(home) => (home.path().join(CONFIG_FILE), home.read_file(CONFIG_FILE)?),
        None => (PathBuf::new(), None),
    };
    ConfigFile::read(&path, text.as_deref(), context.as_deref())
}

/// The password within a URL, decoded.
fn password_of(value: &str) -> Option<String> {
    let url = Url::parse(value).ok()?;
    let password = url.password()?;
    let decoded = percent_decoded(password);
    (!decoded.is_empty()).then_some(decoded)
}

/// `%40` becomes `@`; what is no UTF-8 stays encoded.
pub(crate) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}
