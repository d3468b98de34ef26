//! The rights that the control plane needs in Kubernetes: exactly those, in its namespace alone.
//!
//! `deploy/kubernetes` grants them, and the tests run the control plane with them and with fewer.

/// Verbs on one kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The plural name.
    pub resource: &'static str,
    /// What may be done, in alphabetical order.
    pub verbs: &'static [&'static str],
}

const fn right(
    group: &'static str,
    resource: &'static str,
    verbs: &'static [&'static str],
) -> Right {
    Right { group, resource, verbs }
}

/// Made, looked up by name, and deleted; nothing is ever changed.
const OWNED: &[&str] = &["create", "delete", "get"];

/// What is needed always. Pods are only looked at: what one that does not get ready waits for, and
/// whether it is gone.
pub const NEEDED: &[Right] = &[
    right("", "persistentvolumeclaims", OWNED),
    right("", "pods", &["list"]),
    right("", "secrets", OWNED),
    right("", "services", OWNED),
    // Listed to see whether the cluster answers.
    right("apps", "statefulsets", &["create", "delete", "get", "list"]),
];

/// What is needed where instances get a NetworkPolicy (`kubernetes.network_policy`).
pub const NEEDED_FOR_POLICIES: &[Right] = &[right("networking.k8s.io", "networkpolicies", OWNED)];

/// All of them, one verb on one resource at a time: `(group, resource, verb)`.
pub fn each(rights: &[Right]) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    rights
        .iter()
        .flat_map(|right| right.verbs.iter().map(move |verb| (right.group, right.resource, *verb)))
}

#[cfg(test)]
mod tests {
    use super::{NEEDED, NEEDED_FOR_POLICIES, each};
    use std::collections::BTreeSet;

    #[test]
    fn each_right_is_named_once_and_secrets_are_never_listed() {
        let all: Vec<_> = each(NEEDED).chain(each(NEEDED_FOR_POLICIES)).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        let lists: Vec<_> = all.iter().filter(|(_, _, verb)| *verb == "list").collect();
        assert_eq!(lists, [&("", "pods", "list"), &("apps", "statefulsets", "list")]);
        for (_, _, verb) in all {
            assert!(matches!(verb, "create" | "delete" | "get" | "list"), "{verb}");
        }
    }
}
