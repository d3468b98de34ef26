//! The objects of an instance, as they should be.

use super::{
    APP, APP_LABEL, AZURE_DNS_ANNOTATION, ID_ANNOTATION, INSTANCE_LABEL, MANAGED_BY,
    MANAGED_BY_LABEL, PASSWORD_KEY, PORT, PORT_NAME, SUPERUSER, USER_KEY,
};
use serde_json::{Value, json};

/// The user and group of PostgreSQL in its official image.
const POSTGRES_UID: i64 = 999;

/// Everything that an instance's objects are made from. The password is not among it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired<'a> {
    /// The id of its record.
    pub id: &'a str,
    /// Its name in Kubernetes.
    pub k8s_name: &'a str,
    /// The namespace.
    pub namespace: &'a str,
    /// The version of PostgreSQL.
    pub version: &'a str,
    /// The image, complete.
    pub image: &'a str,
    /// Storage in Gi.
    pub storage_gb: i32,
    /// The storage class; the cluster's default where there is none.
    pub storage_class: Option<&'a str>,
    /// A Service of type LoadBalancer instead of ClusterIP.
    pub load_balancer: bool,
    /// The label of a public DNS name.
    pub dns_label: Option<&'a str>,
}

impl Desired<'_> {
    /// The Secret with the superuser's password.
    #[must_use]
    pub fn secret(&self, password: &str) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": self.metadata(super::secret(self.k8s_name)),
            "type": "Opaque",
            "stringData": {USER_KEY: SUPERUSER, PASSWORD_KEY: password},
        })
    }

    /// The claim on its storage.
    #[must_use]
    pub fn claim(&self) -> Value {
        let mut claim = json!({
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": self.metadata(super::claim(self.k8s_name)),
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": format!("{}Gi", self.storage_gb)}},
            },
        });
        if let Some(class) = self.storage_class {
            claim["spec"]["storageClassName"] = json!(class);
        }
        claim
    }

    /// The Service in front of its pod.
    #[must_use]
    pub fn service(&self) -> Value {
        let mut metadata = self.metadata(super::service(self.k8s_name));
        if let Some(label) = self.dns_label.filter(|_| self.load_balancer) {
            metadata["annotations"][AZURE_DNS_ANNOTATION] = json!(label);
        }
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {
                "type": if self.load_balancer { "LoadBalancer" } else { "ClusterIP" },
                "selector": self.selector(),
                "ports": [{
                    "name": PORT_NAME,
                    "port": PORT,
                    "protocol": "TCP",
                    "targetPort": PORT_NAME,
                }],
            },
        })
    }

    /// Only PostgreSQL's port may be reached, and the pod itself reaches nothing.
    #[must_use]
    pub fn network_policy(&self) -> Value {
        json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": self.metadata(super::network_policy(self.k8s_name)),
            "spec": {
                "podSelector": {"matchLabels": self.selector()},
                "policyTypes": ["Ingress", "Egress"],
                "ingress": [{"ports": [{"port": PORT, "protocol": "TCP"}]}],
            },
        })
    }

    /// The StatefulSet with its one pod.
    #[must_use]
    pub fn stateful_set(&self) -> Value {
        json!({
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": self.metadata(super::stateful_set(self.k8s_name)),
            "spec": {
                "replicas": 1,
                "serviceName": super::service(self.k8s_name),
                "selector": {"matchLabels": self.selector()},
                "template": {
                    "metadata": {
                        "labels": self.labels(),
                        "annotations": {ID_ANNOTATION: self.id},
                    },
                    "spec": self.pod(),
                },
            },
        })
    }

    fn pod(&self) -> Value {
        json!({
            "automountServiceAccountToken": false,
            // A fast shutdown writes a checkpoint, which takes a while on a busy server.
            "terminationGracePeriodSeconds": 60,
            "securityContext": {
                "runAsNonRoot": true,
                "runAsUser": POSTGRES_UID,
                "runAsGroup": POSTGRES_UID,
                "fsGroup": POSTGRES_UID,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [self.container()],
            "volumes": [{
                "name": "data",
                "persistentVolumeClaim": {"claimName": super::claim(self.k8s_name)},
            }],
        })
    }

    fn container(&self) -> Value {
        let (mount, data) = folders(self.version);
        let secret = super::secret(self.k8s_name);
        // Over TCP: while the image sets the database up, its server has a local socket only.
        let asks = json!({"command": ["pg_isready", "-h", "127.0.0.1", "-U", SUPERUSER]});
        json!({
            "name": "postgres",
            "image": self.image,
            "ports": [{"name": PORT_NAME, "containerPort": PORT, "protocol": "TCP"}],
            "env": [
                {"name": "PGDATA", "value": data},
                {"name": "POSTGRES_USER", "value": SUPERUSER},
                {
                    "name": "POSTGRES_PASSWORD",
                    "valueFrom": {"secretKeyRef": {"name": secret, "key": PASSWORD_KEY}},
                },
            ],
            "volumeMounts": [{"name": "data", "mountPath": mount}],
            "resources": {
                "requests": {"cpu": "100m", "memory": "256Mi"},
                "limits": {"cpu": "2", "memory": "1Gi"},
            },
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "capabilities": {"drop": ["ALL"]},
            },
            "readinessProbe": {
                "exec": asks, "periodSeconds": 5, "timeoutSeconds": 5, "failureThreshold": 3,
            },
            // Late and patient: recovery after a crash must not be cut short by a restart.
            "livenessProbe": {
                "exec": asks, "initialDelaySeconds": 60, "periodSeconds": 10,
                "timeoutSeconds": 5, "failureThreshold": 12,
            },
        })
    }

    fn metadata(&self, name: String) -> Value {
        json!({
            "name": name,
            "namespace": self.namespace,
            "labels": self.labels(),
            "annotations": {ID_ANNOTATION: self.id},
        })
    }

    fn labels(&self) -> Value {
        json!({APP_LABEL: APP, INSTANCE_LABEL: self.k8s_name, MANAGED_BY_LABEL: MANAGED_BY})
    }

    fn selector(&self) -> Value {
        json!({APP_LABEL: APP, INSTANCE_LABEL: self.k8s_name})
    }
}

/// Where the storage is mounted, and the folder below it that holds the data.
///
/// A volume's own folder has things of the file system in it (`lost+found`), so the data never lies
/// at its top. The official image declares its volume one folder higher from version 18 on.
fn folders(version: &str) -> (&'static str, String) {
    let major: u32 = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(18);
    if major >= 18 {
        ("/var/lib/postgresql", format!("/var/lib/postgresql/{major}/docker"))
    } else {
        ("/var/lib/postgresql/data", "/var/lib/postgresql/data/pgdata".to_owned())
    }
}
