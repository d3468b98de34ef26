//! The pod of an instance whose password is set anew.
//!
//! Nobody can connect who does not know the password, and neither the control plane nor this command
//! has another way into a pod. While PostgreSQL is stopped, its programs can change the data, though:
//! the pod gets a container that runs before PostgreSQL does, and gives the superuser the password of
//! the Secret. It stays in the template, so that the two agree after every restart.

use serde_json::{Value, json};
use toygres_model::cluster_reading::POSTGRES_CONTAINER;
use toygres_model::kubernetes::RESET_CONTAINER;
use toygres_plugin_api::{Error, Result};

/// Changes with every reset, so that the pod is replaced.
const RESET_ANNOTATION: &str = "toygres.io/password-reset";

/// Gives the superuser the password, where there is data. In single-user mode a line is a statement,
/// and no statement is logged.
const SCRIPT: &str = r#"set -eu
[ -s "$PGDATA/PG_VERSION" ] || exit 0
quoted=$(printf %s "$POSTGRES_PASSWORD" | sed "s/'/''/g")
printf "ALTER ROLE \"%s\" PASSWORD '%s'\n" "$POSTGRES_USER" "$quoted" |
  postgres --single -c log_min_error_statement=panic -c exit_on_error=on -D "$PGDATA" postgres >/dev/null
"#;

/// What is changed of a StatefulSet. `number` tells this reset from others.
///
/// # Errors
/// `failed` where it has no container that is PostgreSQL.
pub(super) fn patch(set: &Value, number: &str) -> Result<Value> {
    let containers = set["spec"]["template"]["spec"]["containers"].as_array();
    let mut containers = containers.into_iter().flatten();
    let container = containers.find(|container| container["name"] == POSTGRES_CONTAINER);
    let container = container.ok_or_else(|| {
        Error::failed("the StatefulSet has no container `postgres`")
            .hint("set the password by hand, with `kubectl exec`")
    })?;
    let mut first = json!({"name": RESET_CONTAINER, "command": ["sh", "-c", SCRIPT]});
    for field in ["image", "imagePullPolicy", "env", "volumeMounts", "resources", "securityContext"]
    {
        if let Some(value) = container.get(field) {
            first[field] = value.clone();
        }
    }
    Ok(json!({"spec": {"template": {
        "metadata": {"annotations": {RESET_ANNOTATION: number}},
        "spec": {"initContainers": [first]},
    }}}))
}

#[cfg(test)]
mod tests {
    use super::patch;
    use serde_json::json;
    use toygres_model::kubernetes::Desired;

    #[test]
    fn the_password_is_set_by_the_same_programs_on_the_same_data() {
        let desired = Desired {
            id: "1",
            k8s_name: "a-00000001",
            namespace: "toygres",
            version: "18",
            image: "postgres:18",
            storage_gb: 1,
            storage_class: None,
            load_balancer: false,
            dns_label: None,
        };
        let set = desired.stateful_set();
        let patch = patch(&set, "1").unwrap();
        let container = &set["spec"]["template"]["spec"]["containers"][0];
        let first = &patch["spec"]["template"]["spec"]["initContainers"][0];
        for field in ["image", "env", "volumeMounts"] {
            assert_eq!(first[field], container[field], "{field}");
        }
        assert!(super::patch(&json!({}), "1").is_err());
    }
}
