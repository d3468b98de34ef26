//! Which lists are merged, and by which key.

use crate::kube::resource::{self, Resource};

/// How a list of a patch meets the list that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lists {
    /// It takes its place.
    Replace,
    /// Its entries are merged with those that have the same value of this field.
    ByKey(&'static str),
    /// Its values are added.
    Values,
}

/// How the list at `path` (field names, without positions in lists) is merged.
pub(super) fn of(resource: &Resource, path: &[&str]) -> Lists {
    match path {
        ["metadata", "ownerReferences"] => return Lists::ByKey("uid"),
        ["metadata", "finalizers"] => return Lists::Values,
        ["status", "conditions"] => return Lists::ByKey("type"),
        _ => {}
    }
    if *resource == resource::POD {
        return match path {
            ["spec", inner @ ..] => in_pod(inner),
            ["status", "podIPs"] => Lists::ByKey("ip"),
            ["status", "hostIPs"] => Lists::Replace,
            _ => Lists::Replace,
        };
    }
    if *resource == resource::STATEFUL_SET {
        return match path {
            ["spec", "template", "spec", inner @ ..] => in_pod(inner),
            ["spec", "template", "metadata", "ownerReferences"] => Lists::ByKey("uid"),
            ["spec", "template", "metadata", "finalizers"] => Lists::Values,
            _ => Lists::Replace,
        };
    }
    elsewhere(resource, path)
}

fn elsewhere(resource: &Resource, path: &[&str]) -> Lists {
    if *resource == resource::SERVICE && path == ["spec", "ports"] {
        return Lists::ByKey("port");
    }
    if *resource == resource::SERVICE_ACCOUNT && matches!(path, ["secrets" | "imagePullSecrets"]) {
        return Lists::ByKey("name");
    }
    if *resource == resource::NODE {
        return match path {
            ["status", "addresses"] => Lists::ByKey("type"),
            ["spec", "podCIDRs"] => Lists::Values,
            _ => Lists::Replace,
        };
    }
    Lists::Replace
}

/// Lists below a pod's `spec`.
fn in_pod(path: &[&str]) -> Lists {
    match path {
        ["containers" | "initContainers" | "ephemeralContainers", inner @ ..] => match inner {
            [] | ["env"] => Lists::ByKey("name"),
            ["ports"] => Lists::ByKey("containerPort"),
            ["volumeMounts"] => Lists::ByKey("mountPath"),
            ["volumeDevices"] => Lists::ByKey("devicePath"),
            _ => Lists::Replace,
        },
        ["volumes" | "imagePullSecrets" | "schedulingGates" | "resourceClaims"] => {
            Lists::ByKey("name")
        }
        ["hostAliases"] => Lists::ByKey("ip"),
        ["topologySpreadConstraints"] => Lists::ByKey("topologyKey"),
        _ => Lists::Replace,
    }
}
