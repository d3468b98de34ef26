//! An instance's objects in Kubernetes: their names, their labels, and what they should be.
//!
//! The objects are plain JSON documents, so that whoever compares them with what there is need not
//! care for the version of an API library.

pub mod objects;

pub use objects::Desired;

/// The label whose value is [`APP`] on everything that belongs to an instance.
pub const APP_LABEL: &str = "app";
/// The value of [`APP_LABEL`].
pub const APP: &str = "postgres";
/// The label whose value is the instance's name in Kubernetes.
pub const INSTANCE_LABEL: &str = "instance";
/// The label that says who manages an object; absent on those of old deployments.
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";
/// The value of [`MANAGED_BY_LABEL`].
pub const MANAGED_BY: &str = "toygres";
/// The annotation that holds the id of the instance's record; absent on objects of old deployments.
pub const ID_ANNOTATION: &str = "toygres.io/instance-id";
/// The annotation by which Azure gives a load balancer its DNS label.
pub const AZURE_DNS_ANNOTATION: &str = "service.beta.kubernetes.io/azure-dns-label-name";
/// The only node of the stand-in of `toygres local`.
pub const LOCAL_NODE: &str = "local";
/// The annotation by which that node tells the major versions of PostgreSQL that its pods can have.
pub const LOCAL_VERSIONS_ANNOTATION: &str = "toygres.dev/postgres-versions";
/// The port that a Service is asked for; which one it has is in the object.
pub const PORT: u16 = 5432;
/// The name of that port.
pub const PORT_NAME: &str = "postgres";
/// The superuser of every instance.
pub const SUPERUSER: &str = "postgres";
/// The container that gives PostgreSQL the password of the Secret before it starts, in pods whose
/// password was set anew.
pub const RESET_CONTAINER: &str = "reset-password";
/// The key of the password in the Secret.
pub const PASSWORD_KEY: &str = "password";
/// The key of the user's name in the Secret.
pub const USER_KEY: &str = "username";

/// The name in Kubernetes: the user's name and eight hex digits.
#[must_use]
pub fn k8s_name(user_name: &str, suffix: u32) -> String {
    format!("{user_name}-{suffix:08x}")
}

/// The name of an instance's StatefulSet.
#[must_use]
pub fn stateful_set(k8s_name: &str) -> String {
    k8s_name.to_owned()
}

/// The name of its one pod.
#[must_use]
pub fn pod(k8s_name: &str) -> String {
    format!("{k8s_name}-0")
}

/// The name of its Service.
#[must_use]
pub fn service(k8s_name: &str) -> String {
    format!("{k8s_name}-svc")
}

/// The name of its PersistentVolumeClaim.
#[must_use]
pub fn claim(k8s_name: &str) -> String {
    format!("{k8s_name}-pvc")
}

/// The name of its Secret.
#[must_use]
pub fn secret(k8s_name: &str) -> String {
    format!("{k8s_name}-credentials")
}

/// The name of its NetworkPolicy, where it has one.
#[must_use]
pub fn network_policy(k8s_name: &str) -> String {
    format!("{k8s_name}-access")
}

/// The label selector of everything that belongs to an instance.
#[must_use]
pub fn selector(k8s_name: &str) -> String {
    format!("{APP_LABEL}={APP},{INSTANCE_LABEL}={k8s_name}")
}

/// The orchestration that makes an instance.
#[must_use]
pub fn create_orchestration(k8s_name: &str) -> String {
    format!("create-{k8s_name}")
}

/// The orchestration that unmakes an instance.
#[must_use]
pub fn delete_orchestration(k8s_name: &str) -> String {
    format!("delete-{k8s_name}")
}

/// The orchestration that watches over an instance.
#[must_use]
pub fn health_orchestration(k8s_name: &str) -> String {
    format!("health-{k8s_name}")
}

/// The image of a version, after a template such as `postgres:{version}`.
#[must_use]
pub fn image(template: &str, version: &str) -> String {
    template.replace("{version}", version)
}

/// Whether an object is an instance's: by its id where it has one, else by its labels, as the
/// objects of old deployments are known.
#[must_use]
pub fn belongs(object: &serde_json::Value, k8s_name: &str, id: &str) -> bool {
    let metadata = &object["metadata"];
    match metadata["annotations"][ID_ANNOTATION].as_str() {
        Some(owner) => owner == id,
        None => {
            metadata["labels"][APP_LABEL] == APP && metadata["labels"][INSTANCE_LABEL] == k8s_name
        }
    }
}

#[cfg(test)]
mod tests;
