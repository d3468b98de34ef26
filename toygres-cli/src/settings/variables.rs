//! The environment variables that toygres reads, for `env`.

use super::Environment;
use std::path::Path;
use toygres_plugin_api::protocol::{Source, Variable};

/// Name, group, default, secret.
const READ: &[(&str, &str, Option<&str>, bool)] = &[
    ("DATABASE_URL", "required", None, true),
    ("AKS_CLUSTER_NAME", "required", None, false),
    ("AKS_RESOURCE_GROUP", "required", None, false),
    ("AKS_NAMESPACE", "optional", Some("toygres"), false),
    ("RUST_LOG", "optional", Some("info"), false),
    ("TOYGRES_API_URL", "optional", Some("http://localhost:8080"), false),
    ("TOYGRES_API_TOKEN", "optional", None, true),
    ("TOYGRES_PASSWORD", "optional", None, true),
    ("TOYGRES_CONTEXT", "optional", None, false),
    ("TOYGRES_PLUGIN_PATH", "optional", None, false),
    ("TOYGRES_PLUGINS_STRICT", "optional", None, false),
    ("TOYGRES_COMPLETION_MS", "optional", Some("1000"), false),
    ("PGPASSWORD", "optional", None, true),
    ("PGSSLMODE", "optional", Some("prefer"), false),
    ("NO_COLOR", "optional", None, false),
    ("CLICOLOR_FORCE", "optional", None, false),
    ("TZ", "optional", None, false),
    ("HOME", "computed", None, false),
    ("TOYGRES_HOME", "computed", None, false),
    ("KUBECONFIG", "computed", None, false),
];

/// Variables of this group are paths that have a default.
const COMPUTED: &str = "computed";

pub(super) fn list(environment: &Environment, show_secrets: bool) -> Vec<Variable> {
    let variables = READ.iter().map(|(name, group, default, secret)| {
        let found = environment.path(name);
        let source = found.map(|(_, source)| describe(source, environment));
        let value = found.map(|(value, _)| match *secret && !show_secrets {
            true => crate::redact::MASK.to_owned(),
            // Shown only: whoever needs it as text is told that it is none.
            false => value.to_string_lossy().into_owned(),
        });
        let mut variable = Variable {
            name: (*name).to_owned(),
            group: (*group).to_owned(),
            set: found.is_some(),
            value,
            default: default.map(str::to_owned),
            secret: *secret,
            source,
            exists: None,
        };
        if *group == COMPUTED {
            compute(&mut variable, environment);
        }
        variable
    });
    variables.collect()
}

/// `environment`, or the path of the file.
fn describe(source: Source, environment: &Environment) -> String {
    match (source, environment.dotenv_path()) {
        (Source::DotEnv, Some(path)) => path.display().to_string(),
        _ => "environment".to_owned(),
    }
}

/// What holds where a path is not set, and whether it exists.
fn compute(variable: &mut Variable, environment: &Environment) {
    let default = match variable.name.as_str() {
        "KUBECONFIG" => {
            environment.path("HOME").map(|(home, _)| Path::new(home).join(".kube/config"))
        }
        "TOYGRES_HOME" => environment.home().map(|home| home.path().to_owned()),
        _ => None,
    };
    variable.default = default.as_ref().map(|path| path.display().to_string());
    let set = environment.path(&variable.name).map(|(path, _)| Path::new(path));
    variable.exists = set.or(default.as_deref()).map(Path::exists);
}
