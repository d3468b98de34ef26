//! The kinds that are served: one row each, which discovery, paths and tables read.

use std::fmt;
use std::hash::{Hash, Hasher};

/// One served resource.
#[derive(Debug)]
pub(crate) struct Resource {
    /// API group; empty for the core group.
    pub(crate) group: &'static str,
    /// The only version that is served.
    pub(crate) version: &'static str,
    /// Name of the type (`StatefulSet`).
    pub(crate) kind: &'static str,
    /// Name in paths (`statefulsets`).
    pub(crate) plural: &'static str,
    /// Name of one on a command line (`statefulset`).
    pub(crate) singular: &'static str,
    /// Abbreviations on a command line (`sts`).
    pub(crate) short_names: &'static [&'static str],
    /// Groups of kinds on a command line (`all`).
    pub(crate) categories: &'static [&'static str],
    /// Whether objects live in a namespace.
    pub(crate) namespaced: bool,
    /// What can be done besides the whole object.
    pub(crate) subresources: &'static [Subresource],
    /// Whether it is only ever asked (`POST`) and never stored.
    pub(crate) question: bool,
}

/// A part of an object with a path of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subresource {
    /// The `status` alone.
    Status,
    /// The number of replicas alone.
    Scale,
    /// What a container wrote.
    Log,
}

impl Subresource {
    /// Its name in a path.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Scale => "scale",
            Self::Log => "log",
        }
    }
}

/// What most rows share.
const PLAIN: Resource = Resource {
    group: "",
    version: "v1",
    kind: "",
    plural: "",
    singular: "",
    short_names: &[],
    categories: &[],
    namespaced: true,
    subresources: &[],
    question: false,
};

macro_rules! resources {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $value:expr),+ $(,)? })+) => {
        $($(#[$doc])* pub(crate) static $name: Resource = Resource { $($field: $value,)+ ..PLAIN };)+
        /// Every served resource, in the order of discovery.
        pub(crate) static ALL: &[&Resource] = &[$(&$name),+];
    };
}

resources! {
    /// Settings as plain data.
    CONFIG_MAP {
        kind: "ConfigMap", plural: "configmaps", singular: "configmap", short_names: &["cm"],
    }
    /// The addresses behind a Service.
    ENDPOINTS {
        kind: "Endpoints", plural: "endpoints", singular: "endpoints", short_names: &["ep"],
    }
    /// What happened to an object.
    EVENT {
        kind: "Event", plural: "events", singular: "event", short_names: &["ev"],
    }
    /// A scope for names.
    NAMESPACE {
        kind: "Namespace", plural: "namespaces", singular: "namespace", short_names: &["ns"],
        namespaced: false, subresources: &[Subresource::Status],
    }
    /// A machine.
    NODE {
        kind: "Node", plural: "nodes", singular: "node", short_names: &["no"],
        namespaced: false, subresources: &[Subresource::Status],
    }
    /// A request for storage.
    CLAIM {
        kind: "PersistentVolumeClaim", plural: "persistentvolumeclaims",
        singular: "persistentvolumeclaim", short_names: &["pvc"],
        subresources: &[Subresource::Status],
    }
    /// A piece of storage.
    VOLUME {
        kind: "PersistentVolume", plural: "persistentvolumes", singular: "persistentvolume",
        short_names: &["pv"], namespaced: false, subresources: &[Subresource::Status],
    }
    /// A group of processes.
    POD {
        kind: "Pod", plural: "pods", singular: "pod", short_names: &["po"],
        categories: &["all"], subresources: &[Subresource::Log, Subresource::Status],
    }
    /// Limits of a namespace.
    QUOTA {
        kind: "ResourceQuota", plural: "resourcequotas", singular: "resourcequota",
        short_names: &["quota"], subresources: &[Subresource::Status],
    }
    /// Data that is not for everyone's eyes.
    SECRET { kind: "Secret", plural: "secrets", singular: "secret" }
    /// The name of a process.
    SERVICE_ACCOUNT {
        kind: "ServiceAccount", plural: "serviceaccounts", singular: "serviceaccount",
        short_names: &["sa"],
    }
    /// A stable address.
    SERVICE {
        kind: "Service", plural: "services", singular: "service", short_names: &["svc"],
        categories: &["all"], subresources: &[Subresource::Status],
    }
    /// Pods with an identity and storage.
    STATEFUL_SET {
        group: "apps", kind: "StatefulSet", plural: "statefulsets", singular: "statefulset",
        short_names: &["sts"], categories: &["all"],
        subresources: &[Subresource::Scale, Subresource::Status],
    }
    /// Who may talk to whom.
    NETWORK_POLICY {
        group: "networking.k8s.io", kind: "NetworkPolicy", plural: "networkpolicies",
        singular: "networkpolicy", short_names: &["netpol"],
    }
    /// A kind of storage.
    STORAGE_CLASS {
        group: "storage.k8s.io", kind: "StorageClass", plural: "storageclasses",
        singular: "storageclass", short_names: &["sc"], namespaced: false,
    }
    /// May I do this?
    ACCESS_REVIEW {
        group: "authorization.k8s.io", kind: "SelfSubjectAccessReview",
        plural: "selfsubjectaccessreviews", singular: "selfsubjectaccessreview",
        namespaced: false, question: true,
    }
    /// What may I do?
    RULES_REVIEW {
        group: "authorization.k8s.io", kind: "SelfSubjectRulesReview",
        plural: "selfsubjectrulesreviews", singular: "selfsubjectrulesreview",
        namespaced: false, question: true,
    }
}

impl Resource {
    /// The `apiVersion` of its objects.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The resource with this place in paths.
    pub(crate) fn find(group: &str, version: &str, plural: &str) -> Option<&'static Self> {
        ALL.iter()
            .find(|row| row.group == group && row.version == version && row.plural == plural)
            .copied()
    }

    /// The resource that a stored object belongs to.
    pub(crate) fn of_object(object: &serde_json::Value) -> Option<&'static Self> {
        let api_version = object.get("apiVersion")?.as_str()?;
        let kind = object.get("kind")?.as_str()?;
        ALL.iter().find(|row| row.kind == kind && row.api_version() == api_version).copied()
    }

    /// Its name with the group, as error messages have it (`statefulsets.apps`).
    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.plural.to_owned()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }

    /// The kind with the group, as validation messages have it (`StatefulSet.apps`).
    pub(crate) fn qualified_kind(&self) -> String {
        if self.group.is_empty() {
            self.kind.to_owned()
        } else {
            format!("{}.{}", self.kind, self.group)
        }
    }

    /// Whether it has this part.
    pub(crate) fn has(&self, part: Subresource) -> bool {
        self.subresources.contains(&part)
    }

    /// The verbs on whole objects, as discovery lists them.
    pub(crate) fn verbs(&self) -> &'static [&'static str] {
        if self.question {
            return &["create"];
        }
        &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
    }
}

/// Rows are statics: the same row is the same resource.
impl PartialEq for Resource {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Resource {}

impl Hash for Resource {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.group, self.plural).hash(state);
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.qualified())
    }
}

/// Where one object is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// What it is.
    pub(crate) resource: &'static Resource,
    /// Its namespace; empty where the resource has none.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
}

impl Key {
    /// The key of `name`; the namespace is dropped where the resource has none.
    pub(crate) fn new(resource: &'static Resource, namespace: &str, name: &str) -> Self {
        let namespace = if resource.namespaced { namespace } else { "" };
        Self { resource, namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// The key of a whole object of a known resource.
    pub(crate) fn of(resource: &'static Resource, object: &serde_json::Value) -> Self {
        use super::object::{name, namespace};
        Self::new(resource, namespace(object), name(object))
    }
}
