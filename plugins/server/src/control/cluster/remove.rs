//! Unmaking an instance's objects so that unmaking them again changes nothing.

use super::Cluster;
use super::call::call_opt;
use super::deletion::deletion;
use crate::control::broken::Broken;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Secret, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, Preconditions};
use kube::core::NamespaceResourceScope;
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use toygres_model::cluster_reading::look_at_deletion;
use toygres_model::kubernetes as names;

/// Whose objects are to go.
#[derive(Debug, Clone, Copy)]
pub(in crate::control) struct Owner<'a> {
    pub(in crate::control) id: &'a str,
    pub(in crate::control) k8s_name: &'a str,
    pub(in crate::control) namespace: &'a str,
}

/// An object that is still there after its deletion was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::control) struct Remaining {
    /// Its sort and its name, and what holds it where it does not go by itself.
    pub(in crate::control) text: String,
    /// The command that shows what holds it, where something does.
    pub(in crate::control) look: Option<String>,
}

impl Remaining {
    fn of(kind: &str, namespace: &str, name: &str, metadata: &ObjectMeta) -> Self {
        let now_ms = jiff::Timestamp::now().as_millisecond();
        match deletion(metadata).filter(|deletion| deletion.is_stuck(now_ms)) {
            None => Self { text: format!("{kind} {name}"), look: None },
            Some(stuck) => Self {
                text: format!("{kind} {name} ({})", stuck.text(now_ms)),
                look: Some(look_at_deletion(kind, namespace, name).into()),
            },
        }
    }
}

impl Cluster {
    /// Deletes what is there of an instance; answers what still is, which goes by itself.
    ///
    /// An object that has the name of an instance's and is somebody else's stays.
    ///
    /// # Errors
    /// What Kubernetes refuses.
    pub(in crate::control) async fn remove(
        &self,
        owner: Owner<'_>,
        with_policy: bool,
    ) -> Result<Vec<Remaining>, Broken> {
        let name = owner.k8s_name;
        let mut rest = Vec::new();
        // The StatefulSet first, or it would make its pod again.
        rest.extend(self.delete::<StatefulSet>(owner, &names::stateful_set(name)).await?);
        rest.extend(self.delete::<Service>(owner, &names::service(name)).await?);
        rest.extend(self.delete_policy(owner, with_policy).await?);
        rest.extend(self.delete::<Secret>(owner, &names::secret(name)).await?);
        rest.extend(self.delete::<PersistentVolumeClaim>(owner, &names::claim(name)).await?);
        let pods = self.pods(owner.namespace, name).await?;
        rest.extend(pods.into_iter().filter_map(|pod| {
            let name = pod.metadata.name.clone()?;
            Some(Remaining::of("pod", owner.namespace, &name, &pod.metadata))
        }));
        Ok(rest)
    }

    /// Deletes one object where it is the instance's; answers it while it is still there.
    async fn delete<K>(&self, owner: Owner<'_>, name: &str) -> Result<Option<Remaining>, Broken>
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + Serialize + DeserializeOwned,
        K::DynamicType: Default,
    {
        let objects: Api<K> = self.api(owner.namespace);
        let kind = K::plural(&K::DynamicType::default()).into_owned();
        let Some(there) = call_opt("get", &kind, owner.namespace, objects.get(name)).await? else {
            return Ok(None);
        };
        let object = serde_json::to_value(&there)?;
        if !names::belongs(&object, owner.k8s_name, owner.id) {
            return Ok(None);
        }
        if there.meta().deletion_timestamp.is_none() {
            // Only this very object, not one that came under its name in the meantime.
            let this = Preconditions { uid: there.meta().uid.clone(), resource_version: None };
            let parameters = DeleteParams::background().preconditions(this);
            let request = objects.delete(name, &parameters);
            call_opt("delete", &kind, owner.namespace, request).await?;
        }
        let rest = call_opt("get", &kind, owner.namespace, objects.get(name)).await?;
        let same = rest.filter(|rest| rest.meta().uid == there.meta().uid);
        Ok(same.map(|rest| Remaining::of(&kind, owner.namespace, name, rest.meta())))
    }

    /// A NetworkPolicy may be there from a time when they were asked for; where they are not, the
    /// right to delete one may be missing without harm.
    async fn delete_policy(
        &self,
        owner: Owner<'_>,
        asked_for: bool,
    ) -> Result<Option<Remaining>, Broken> {
        let name = names::network_policy(owner.k8s_name);
        match self.delete::<NetworkPolicy>(owner, &name).await {
            Err(broken) if !asked_for && broken.is_forbidden() => Ok(None),
            answer => answer,
        }
    }
}
