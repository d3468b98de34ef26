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

pub(super) fn list(
    environment: &Environment,
    home: Option<&Path>,
    show_secrets: bool,
) -> Vec<Variable> {
    let variables = READ.iter().map(|(name, group, default, secret)| {
        let found = environment.get(name);
        let value = found.map(|(value, _)| match *secret && !show_secrets {
            true => crate::redact::MASK.to_owned(),
            false => value.to_owned(),
        });
        let mut variable = Variable {
            name: (*name).to_owned(),
            group: (*group).to_owned(),
            set: found.is_some(),
            value,
            default: default.map(str::to_owned),
            secret: *secret,
            source: found.map(|(_, source)| match source {
                Source::DotEnv => ".env".to_owned(),
                _ => "environment".to_owned(),
            }),
            exists: None,
        };
        if *group == "computed" {
            compute(&mut variable, environment, home);
        }
        variable
    });
    variables.collect()
}

/// What holds where a path is not set, and whether it exists.
fn compute(variable: &mut Variable, environment: &Environment, home: Option<&Path>) {
    if variable.name == "KUBECONFIG" {
        let user = environment.get("HOME").map(|(home, _)| home);
        variable.default = user.map(|home| format!("{home}/.kube/config"));
    } else if variable.name == "TOYGRES_HOME" {
        variable.default = home.map(|home| home.display().to_string());
    }
    let path = variable.value.as_ref().or(variable.default.as_ref());
    variable.exists = path.map(|path| Path::new(path).exists());
}
