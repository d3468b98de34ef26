//! The environment variables that toygres reads, for `env`: what each of them says, and what is in
//! force where it says nothing.

use super::known::{KNOWN, Known};
use super::{Environment, Settings};
use toygres_plugin_api::protocol::{Source, Variable};

/// Variables of the sample that something needs, or that tell which deployment is meant.
const REQUIRED: &[&str] = &["DATABASE_URL", "AKS_CLUSTER_NAME", "AKS_RESOURCE_GROUP"];

/// Paths that hold whether they are set or not.
const COMPUTED: &[&str] = &["HOME", "TOYGRES_HOME", "KUBECONFIG"];

/// Those that no setting reads, in the order they are shown: name, default, secret.
const WITHOUT_SETTING: &[(&str, Option<&str>, bool)] = &[
    ("TOYGRES_PASSWORD", None, true),
    ("TOYGRES_CONTEXT", None, false),
    ("TOYGRES_PLUGIN_PATH", None, false),
    ("TOYGRES_PLUGINS_STRICT", None, false),
    ("TOYGRES_COMPLETION_MS", Some("1000"), false),
    ("PGPASSWORD", None, true),
    ("PGSSLMODE", Some("prefer"), false),
    ("HTTPS_PROXY", None, false),
    ("HTTP_PROXY", None, false),
    ("ALL_PROXY", None, false),
    ("NO_PROXY", None, false),
    ("SSL_CERT_FILE", None, false),
    ("SSL_CERT_DIR", None, false),
    ("NO_COLOR", None, false),
    ("CLICOLOR_FORCE", None, false),
    ("TERM", None, false),
    ("TZ", None, false),
    ("HOME", None, false),
];

/// Variables that are read in lower case too.
const EITHER_CASE: &[&str] = &["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"];

/// The first ones of the optional group, as the sample has them.
const FIRST: &[&str] = &["AKS_NAMESPACE", "RUST_LOG", "TOYGRES_API_URL", "TOYGRES_API_TOKEN"];

pub(super) fn list(settings: &Settings, show_secrets: bool) -> Vec<Variable> {
    let reading = Reading { settings, show_secrets };
    let with_setting = KNOWN.iter().filter_map(|known| Some(reading.of_setting(known, known.env?)));
    let without = WITHOUT_SETTING
        .iter()
        .map(|(name, default, secret)| reading.of_environment(name, *default, *secret));
    let mut variables: Vec<Variable> = with_setting.chain(without).collect();
    variables.sort_by_key(|variable| {
        // The sample's order, then that of the settings.
        let place = |names: &[&str]| names.iter().position(|name| *name == variable.name);
        place(&[REQUIRED, FIRST].concat()).unwrap_or(usize::MAX)
    });
    for variable in variables.iter_mut().filter(|variable| COMPUTED.contains(&&*variable.name)) {
        let paths = variable.value.as_ref().or(variable.default.as_ref());
        variable.exists = paths.map(|paths| {
            std::env::split_paths(paths).any(|path| !path.as_os_str().is_empty() && path.exists())
        });
    }
    variables
}

struct Reading<'a> {
    settings: &'a Settings,
    show_secrets: bool,
}

impl Reading<'_> {
    /// A variable that a setting reads. Where it is not set, what holds instead, and from where.
    fn of_setting(&self, known: &Known, name: &str) -> Variable {
        // A URL that may hold a password is hidden as a whole.
        let secret = known.secret || name == "DATABASE_URL";
        let mut variable = self.of_environment(name, None, secret);
        let Ok((value, source)) = self.settings.raw(known.key) else { return variable };
        let from_variable = matches!(source, Source::Environment | Source::DotEnv);
        if !variable.set || !from_variable {
            let value = value.map(|value| value.to_string_lossy().into_owned());
            variable.default = value.map(|value| self.shown(value, secret));
            variable.source = match (source, &variable.default) {
                (_, None) => None,
                (Source::Default, _) => self.settings.place(known, source),
                _ => Some(self.settings.describe_source(known.key, source).replace('`', "")),
            };
        }
        variable.group = self.group(name, variable.set, variable.default.is_some());
        variable
    }

    /// A variable as the environment has it.
    fn of_environment(&self, name: &str, default: Option<&str>, secret: bool) -> Variable {
        let environment = self.settings.environment_of();
        let lower = name.to_ascii_lowercase();
        let read = match environment.path(name) {
            None if EITHER_CASE.contains(&name) => environment.path(&lower),
            found => found,
        };
        let source = read.map(|(_, source)| describe(source, environment));
        // Shown only: whoever needs it as text is told that it is none.
        let value = read.map(|(value, _)| value.to_string_lossy().into_owned());
        Variable {
            name: name.to_owned(),
            group: self.group(name, read.is_some(), default.is_some()),
            set: read.is_some(),
            value: value.map(|value| self.shown(value, secret)),
            default: default.map(str::to_owned),
            secret,
            source,
            exists: None,
        }
    }

    /// Where a variable is shown: as required where it is missing and needed.
    fn group(&self, name: &str, set: bool, supplied: bool) -> String {
        let group = match name {
            _ if COMPUTED.contains(&name) => "computed",
            // A server answers for the database where there is a token for one.
            "DATABASE_URL" if set || !supplied && !self.has_api() => "required",
            _ if REQUIRED.contains(&name) && set => "required",
            _ => "optional",
        };
        group.to_owned()
    }

    fn has_api(&self) -> bool {
        self.settings.get("api.token").is_ok_and(|(token, _)| token.is_some())
    }

    fn shown(&self, value: String, secret: bool) -> String {
        if secret && !self.show_secrets { crate::redact::MASK.to_owned() } else { value }
    }
}

/// `environment`, or the path of the file.
fn describe(source: Source, environment: &Environment) -> String {
    match (source, environment.dotenv_path()) {
        (Source::DotEnv, Some(path)) => path.display().to_string(),
        _ => "environment".to_owned(),
    }
}
