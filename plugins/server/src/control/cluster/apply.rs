//! Making objects so that making them again changes nothing.

use super::Cluster;
use super::call::{call, call_opt};
use crate::control::broken::Broken;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::PostParams;
use kube::core::NamespaceResourceScope;
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Debug;
use toygres_model::kubernetes::{Desired, belongs};

impl Cluster {
    /// Makes everything of an instance but its Secret, in the order in which one needs the other.
    ///
    /// # Errors
    /// What Kubernetes refuses; an object of the same name that is somebody else's.
    pub(in crate::control) async fn deploy(
        &self,
        desired: &Desired<'_>,
        with_policy: bool,
    ) -> Result<Vec<&'static str>, Broken> {
        self.ensure::<PersistentVolumeClaim>(desired, desired.claim()).await?;
        self.ensure::<Service>(desired, desired.service()).await?;
        let mut made = vec!["PersistentVolumeClaim", "Service"];
        if with_policy {
            self.ensure::<NetworkPolicy>(desired, desired.network_policy()).await?;
            made.push("NetworkPolicy");
        }
        self.ensure::<StatefulSet>(desired, desired.stateful_set()).await?;
        made.push("StatefulSet");
        Ok(made)
    }

    /// Makes one object, or takes the one that is there where it is this instance's.
    pub(super) async fn ensure<K>(&self, desired: &Desired<'_>, object: Value) -> Result<(), Broken>
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + Serialize + DeserializeOwned,
        K::DynamicType: Default,
    {
        let object: K = serde_json::from_value(object)?;
        let objects: Api<K> = self.api(desired.namespace);
        let (kind, name) = (K::plural(&K::DynamicType::default()).into_owned(), object.name_any());
        let request = async {
            match objects.create(&PostParams::default(), &object).await {
                Ok(_) => Ok(true),
                Err(kube::Error::Api(status)) if is_taken(&status) => Ok(false),
                Err(error) => Err(error),
            }
        };
        let made = call("create", &kind, desired.namespace, request).await?;
        if made {
            return Ok(());
        }
        let there = call_opt("get", &kind, desired.namespace, objects.get(&name)).await?;
        let Some(there) = there else {
            return Err(Broken::passing(format!("`{name}` of {kind} went while it was made")));
        };
        if there.meta().deletion_timestamp.is_some() {
            return Err(Broken::passing(format!("`{name}` of {kind} is just being deleted")));
        }
        if belongs(&serde_json::to_value(&there)?, desired.k8s_name, desired.id) {
            return Ok(());
        }
        Err(Broken::lasting(format!(
            "`{name}` of {kind} in namespace `{}` is there already and is not of this instance",
            desired.namespace
        )))
    }
}

fn is_taken(status: &kube::core::Status) -> bool {
    status.code == 409 && status.reason == "AlreadyExists"
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::apps::v1::StatefulSet;
    use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Secret, Service};
    use k8s_openapi::api::networking::v1::NetworkPolicy;
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use serde_json::Value;
    use toygres_model::kubernetes::Desired;

    /// Every field is one that Kubernetes knows: reading drops those that it does not.
    fn is_known<K: Serialize + DeserializeOwned>(object: Value) {
        let read: K = serde_json::from_value(object.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), object);
    }

    #[test]
    fn every_field_of_every_object_is_one_that_kubernetes_knows() {
        let desired = Desired {
            id: "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
            k8s_name: "proddb-a1b2c3d4",
            namespace: "toygres",
            version: "18",
            image: "postgres:18",
            storage_gb: 20,
            storage_class: Some("fast"),
            load_balancer: true,
            dns_label: Some("proddb"),
        };
        is_known::<Secret>(desired.secret("x"));
        is_known::<PersistentVolumeClaim>(desired.claim());
        is_known::<Service>(desired.service());
        is_known::<NetworkPolicy>(desired.network_policy());
        is_known::<StatefulSet>(desired.stateful_set());
    }
}
