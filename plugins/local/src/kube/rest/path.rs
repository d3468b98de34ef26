//! Paths: `/api/v1/namespaces/toygres/pods/db-0/log`.

use crate::kube::resource::{self, Key, Resource, Subresource};

/// What a path means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Path {
    /// `/api`: versions of the core group.
    Core,
    /// `/apis`: the other groups.
    Groups,
    /// `/apis/GROUP`.
    Group(&'static str),
    /// `/api/v1` (an empty group) and `/apis/GROUP/v1`.
    Resources(&'static str),
    /// All objects of a resource, of one namespace or of all.
    Collection {
        /// What they are.
        resource: &'static Resource,
        /// Where they are.
        namespace: Option<String>,
    },
    /// One object.
    Object(Key),
    /// A part of one object.
    Part(Key, Subresource),
    /// `/openapi/v2`.
    OpenApi,
    /// `/version`.
    Version,
    /// `/healthz`, `/livez`, `/readyz`.
    Health,
}

impl Path {
    /// Reads a path as it stands in a request, percent signs and all.
    pub(super) fn parse(path: &str) -> Option<Self> {
        let trimmed = path.strip_prefix('/')?;
        let trimmed = trimmed.strip_suffix('/').unwrap_or(trimmed);
        let parts: Vec<String> = trimmed.split('/').map(decode).collect::<Option<_>>()?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match parts.as_slice() {
            ["healthz" | "livez" | "readyz"] => Some(Self::Health),
            ["version"] => Some(Self::Version),
            ["openapi", "v2"] => Some(Self::OpenApi),
            ["api"] => Some(Self::Core),
            ["api", "v1"] => Some(Self::Resources("")),
            ["api", "v1", rest @ ..] => below("", rest),
            ["apis"] => Some(Self::Groups),
            ["apis", group] => known_group(group).map(Self::Group),
            ["apis", group, "v1"] => known_group(group).map(Self::Resources),
            ["apis", group, "v1", rest @ ..] => below(known_group(group)?, rest),
            _ => None,
        }
    }

    /// Whether no token is needed.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Health | Self::Version)
    }
}

fn known_group(group: &str) -> Option<&'static str> {
    let mut groups = resource::ALL.iter().map(|row| row.group);
    groups.find(|known| !known.is_empty() && *known == group)
}

/// What comes after the version of a group.
fn below(group: &'static str, rest: &[&str]) -> Option<Path> {
    let find = |plural: &str| Resource::find(group, "v1", plural);
    match rest {
        ["namespaces", space, plural, rest @ ..]
            if find(plural).is_some_and(|row| row.namespaced) =>
        {
            within(find(plural)?, Some(space), rest)
        }
        [plural, rest @ ..] => within(find(plural)?, None, rest),
        [] => None,
    }
}

/// What comes after the name of a resource.
fn within(resource: &'static Resource, namespace: Option<&str>, rest: &[&str]) -> Option<Path> {
    let key = |name: &str| {
        // Objects of a namespace are not found without it.
        let fits = resource.namespaced == namespace.is_some() && !resource.question;
        fits.then(|| Key::new(resource, namespace.unwrap_or_default(), name))
    };
    match rest {
        [] => Some(Path::Collection { resource, namespace: namespace.map(str::to_owned) }),
        [name] => key(name).map(Path::Object),
        [name, part] => {
            let part = resource.subresources.iter().find(|known| known.name() == *part)?;
            Some(Path::Part(key(name)?, *part))
        }
        _ => None,
    }
}

/// Decodes percent signs; a part that is empty or would be two parts is none.
fn decode(part: &str) -> Option<String> {
    let text = super::query::decode(part, false)?;
    let fits = !text.is_empty() && !text.contains(['/', '%', '\0']) && text != "." && text != "..";
    fits.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::resource::{NAMESPACE, NODE, POD, STATEFUL_SET};
    use proptest::prelude::*;

    fn pods(namespace: Option<&str>) -> Path {
        Path::Collection { resource: &POD, namespace: namespace.map(str::to_owned) }
    }

    #[test]
    fn each_form_means_what_it_says() {
        let pod = Key::new(&POD, "toygres", "db-0");
        let set = Key::new(&STATEFUL_SET, "toygres", "db");
        for (path, expected) in [
            ("/api", Path::Core),
            ("/api/", Path::Core),
            ("/api/v1", Path::Resources("")),
            ("/apis", Path::Groups),
            ("/apis/apps", Path::Group("apps")),
            ("/apis/apps/v1", Path::Resources("apps")),
            ("/api/v1/pods", pods(None)),
            ("/api/v1/namespaces/toygres/pods", pods(Some("toygres"))),
            ("/api/v1/namespaces/toygres/pods/db-0", Path::Object(pod.clone())),
            ("/api/v1/namespaces/toygres/pods/db%2D0", Path::Object(pod.clone())),
            ("/api/v1/namespaces/toygres/pods/db-0/log", Path::Part(pod, Subresource::Log)),
            ("/apis/apps/v1/namespaces/toygres/statefulsets/db", Path::Object(set.clone())),
            (
                "/apis/apps/v1/namespaces/toygres/statefulsets/db/scale",
                Path::Part(set, Subresource::Scale),
            ),
            ("/api/v1/namespaces", Path::Collection { resource: &NAMESPACE, namespace: None }),
            ("/api/v1/namespaces/toygres", Path::Object(Key::new(&NAMESPACE, "", "toygres"))),
            (
                "/api/v1/namespaces/toygres/status",
                Path::Part(Key::new(&NAMESPACE, "", "toygres"), Subresource::Status),
            ),
            ("/api/v1/nodes/local", Path::Object(Key::new(&NODE, "", "local"))),
            ("/healthz", Path::Health),
            ("/version", Path::Version),
            ("/openapi/v2", Path::OpenApi),
        ] {
            assert_eq!(Path::parse(path), Some(expected), "{path}");
        }
    }

    #[test]
    fn what_is_not_served_is_not_found() {
        for path in [
            "",
            "/",
            "//",
            "/api/v2",
            "/apis/apps/v1beta1",
            "/apis/batch/v1",
            "/apis/batch",
            "/api/v1/pods/db-0",
            "/api/v1/deployments",
            "/apis/apps/v1/pods",
            "/api/v1/namespaces/toygres/nodes",
            "/api/v1/namespaces/toygres/pods/db-0/exec",
            "/api/v1/namespaces/a/pods/b/log/c",
            "/api/v1//pods",
            "/api/v1/namespaces/%2e%2e/pods/x",
            "/api/v1/namespaces/a%2Fb/pods",
            "/api/v1/namespaces/a/pods/%ff",
            "/openapi/v3",
            "/api/v1/nodes/local/%",
            "/api/v1/namespaces/a/pods/%252e",
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews/x",
        ] {
            assert_eq!(Path::parse(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(path in "[/a-z0-9%.-]{0,60}") {
            let _ = Path::parse(&path);
        }

        #[test]
        fn names_survive_the_way(namespace in "[a-z0-9-]{1,20}", name in "[a-z0-9.-]{1,20}") {
            prop_assume!(name != "." && name != "..");
            let path = format!("/api/v1/namespaces/{namespace}/pods/{name}");
            let expected = Path::Object(Key::new(&POD, &namespace, &name));
            prop_assert_eq!(Path::parse(&path), Some(expected));
        }
    }
}
