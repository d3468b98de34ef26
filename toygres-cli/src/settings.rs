//! The configuration in force: flag, environment, `.env` file, the current context of the
//! configuration file, default; each value with its source.

mod file;
mod known;
mod numbers;
mod variables;

pub(crate) use numbers::MAX_MILLISECONDS;

use crate::cli::Options;
use file::ConfigFile;
use known::KNOWN;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toygres_plugin_api::protocol::{Config, Setting, Source, Variable};
use toygres_plugin_api::{Error, Result};
use url::Url;

/// The configuration in force.
#[derive(Debug, Clone)]
pub struct Settings {
    environment: Environment,
    flags: BTreeMap<&'static str, String>,
    file: std::result::Result<ConfigFile, Error>,
    home: Option<PathBuf>,
    show_secrets: bool,
}

/// The process's environment and the `.env` file below it.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    process: BTreeMap<String, String>,
    dotenv: BTreeMap<String, String>,
}

impl Environment {
    /// The process's own, with `.env` of the current folder.
    #[must_use]
    pub fn read() -> Self {
        let process = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let dotenv = dotenvy::from_filename_iter(".env")
            .map(|found| found.filter_map(std::result::Result::ok).collect::<BTreeMap<_, _>>());
        Self { process: process.collect(), dotenv: dotenv.unwrap_or_default() }
    }

    /// A variable; the environment goes before the file. An empty one counts as not set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<(&str, Source)> {
        let set = |map: &'_ BTreeMap<String, String>| {
            map.get(name).filter(|value| !value.is_empty()).is_some()
        };
        if set(&self.process) {
            return Some((self.process.get(name)?.as_str(), Source::Environment));
        }
        if set(&self.dotenv) {
            return Some((self.dotenv.get(name)?.as_str(), Source::DotEnv));
        }
        None
    }

    fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.process.iter().chain(&self.dotenv).map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// The home folder: `TOYGRES_HOME`, or `~/.toygres`.
#[must_use]
pub fn home(environment: &Environment) -> Option<PathBuf> {
    if let Some((home, _)) = environment.get("TOYGRES_HOME") {
        return Some(home.into());
    }
    environment.get("HOME").map(|(home, _)| Path::new(home).join(".toygres"))
}

/// The names of the contexts in the configuration file of this home folder; none where it cannot
/// be read.
#[must_use]
pub fn contexts(home: &Path) -> Vec<String> {
    file::contexts(&home.join("config.toml"))
}

impl Settings {
    /// The settings for what was typed. A broken configuration file is an error only for what
    /// needs it.
    #[must_use]
    pub fn new(environment: Environment, options: &Options) -> Self {
        let home = home(&environment);
        let context = options
            .context
            .clone()
            .or_else(|| environment.get("TOYGRES_CONTEXT").map(|(name, _)| name.to_owned()));
        let path = home.as_ref().map(|home| home.join("config.toml")).unwrap_or_default();
        let file = ConfigFile::read(&path, context.as_deref());
        let mut flags = BTreeMap::new();
        let kubeconfig = options.kubeconfig.as_ref().map(|path| path.display().to_string());
        for (key, value) in [
            ("database.url", options.database_url.clone()),
            ("kubernetes.namespace", options.namespace.clone()),
            ("kubernetes.kubeconfig", kubeconfig),
        ] {
            flags.extend(value.map(|value| (key, value)));
        }
        Self { environment, flags, file, home, show_secrets: options.show_secrets }
    }

    /// One setting's value and source, unmasked.
    ///
    /// # Errors
    /// When the configuration file is needed and broken.
    pub fn get(&self, key: &str) -> Result<(Option<String>, Source)> {
        if let Some(value) = self.flags.get(key) {
            return Ok((Some(value.clone()), Source::Flag));
        }
        let known = KNOWN.iter().find(|known| known.key == key);
        if let Some((value, source)) =
            known.and_then(|known| known.env).and_then(|name| self.environment.get(name))
        {
            return Ok((Some(value.to_owned()), source));
        }
        let file = self.file.as_ref().map_err(Clone::clone)?;
        if let Some(value) = file.get(key) {
            return Ok((Some(value), Source::File));
        }
        Ok((known.and_then(|known| self.default(known)), Source::Default))
    }

    /// The same with a value that goes before every other.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: &str) -> Self {
        self.flags.insert(key, value.to_owned());
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
    /// When the configuration file is broken.
    pub fn config(&self) -> Result<Config> {
        let file = self.file.as_ref().map_err(Clone::clone)?;
        let settings = KNOWN.iter().map(|known| {
            let (value, source) = self.get(known.key)?;
            Ok(Setting {
                key: known.key.to_owned(),
                label: known.label.to_owned(),
                place: (source == Source::Default).then(|| self.place(known)).flatten(),
                value: value.map_or(Value::Null, |value| self.shown(known, value)),
                source,
                env: known.env.map(str::to_owned),
                secret: known.secret,
            })
        });
        Ok(Config {
            settings: settings.collect::<Result<_>>()?,
            context: file.context.clone(),
            file: file.path.display().to_string(),
            file_exists: file.exists,
            unknown_keys: file.unknown_keys(),
        })
    }

    /// The environment variables that toygres reads.
    ///
    /// # Errors
    /// None today; a `.env` file that cannot be read is as good as none.
    pub fn environment(&self) -> Result<Vec<Variable>> {
        Ok(variables::list(&self.environment, self.home.as_deref(), self.show_secrets))
    }

    /// Every secret value that is known, for the redactor.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        let mut secrets = Vec::new();
        for (name, value) in self.environment.all() {
            if crate::redact::names::is_secret(name) && !is_place(name, value) {
                secrets.push(value.to_owned());
            }
            secrets.extend(password_of(value));
        }
        for known in KNOWN {
            let Ok((Some(value), _)) = self.get(known.key) else { continue };
            secrets.extend(password_of(&value));
            if known.secret {
                secrets.push(value);
            }
        }
        // Shorter ones would mask ordinary words; where they are named, they are masked by name.
        secrets.retain(|secret| secret.len() >= 4);
        secrets.sort();
        secrets.dedup();
        secrets
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
                "others may read {path}, which holds a secret; run: chmod 600 {path}",
                path = file.path.display()
            )
        })
    }

    /// The file that the default comes from, where it does.
    fn place(&self, known: &known::Known) -> Option<String> {
        let known::Default::LineInHome(name, _) = known.default else { return None };
        let path = self.home.as_ref()?.join(name);
        first_line(&path).map(|_| path.display().to_string())
    }

    fn default(&self, known: &known::Known) -> Option<String> {
        let home = self.home.as_ref();
        match known.default {
            known::Default::None => None,
            known::Default::Value(value) => Some(value.to_owned()),
            known::Default::InHome("") => home.map(|home| home.display().to_string()),
            known::Default::InHome(name) => home.map(|home| home.join(name).display().to_string()),
            known::Default::LineInHome(name, otherwise) => home
                .and_then(|home| first_line(&home.join(name)))
                .or_else(|| otherwise.map(str::to_owned)),
            known::Default::Kubeconfig => {
                let home = self.environment.get("HOME")?.0;
                Some(Path::new(home).join(".kube/config").display().to_string())
            }
        }
    }

    fn shown(&self, known: &known::Known, value: String) -> Value {
        if known.secret && !self.show_secrets {
            return Value::from(crate::redact::MASK);
        }
        match known.number {
            true => value.parse::<i64>().map_or(Value::from(value), Value::from),
            false => Value::from(value),
        }
    }
}

/// A folder or a file: where the shell is (`PWD` reads like a password), or where a secret lies.
fn is_place(name: &str, value: &str) -> bool {
    matches!(name, "PWD" | "OLDPWD") || (value.starts_with('/') && Path::new(value).exists())
}

/// The first line of a small file, if there is one.
fn first_line(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().next()?.trim();
    (!line.is_empty()).then(|| line.to_owned())
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
