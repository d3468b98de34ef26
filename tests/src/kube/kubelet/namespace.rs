//! The end of a namespace: first everything in it.

use super::{AGAIN, Cluster, Reconciled, settled, unless_gone};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{
    ConfigMap, Event, Namespace, PersistentVolumeClaim, Pod, Secret, Service,
};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use kube::core::NamespaceResourceScope;
use kube::runtime::controller::Action;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::sync::Arc;

pub(super) async fn reconcile(namespace: Arc<Namespace>, cluster: Arc<Cluster>) -> Reconciled {
    if namespace.metadata.deletion_timestamp.is_none() {
        return settled();
    }
    let name = namespace.metadata.name.as_deref().unwrap_or_default();
    let mut left = 0;
    left += empty::<StatefulSet>(&cluster, name).await?;
    left += empty::<Pod>(&cluster, name).await?;
    left += empty::<Service>(&cluster, name).await?;
    left += empty::<PersistentVolumeClaim>(&cluster, name).await?;
    left += empty::<Secret>(&cluster, name).await?;
    left += empty::<ConfigMap>(&cluster, name).await?;
    left += empty::<NetworkPolicy>(&cluster, name).await?;
    left += empty::<Event>(&cluster, name).await?;
    left += empty::<RoleBinding>(&cluster, name).await?;
    left += empty::<Role>(&cluster, name).await?;
    if left > 0 {
        return Ok(Action::requeue(AGAIN));
    }
    finalize(&cluster, &namespace, name).await?;
    settled()
}

/// Deletes what is in the namespace and answers how much was there.
async fn empty<K>(cluster: &Cluster, namespace: &str) -> Result<usize, kube::Error>
where
    K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    K: Clone + DeserializeOwned + Debug,
{
    let api: Api<K> = Api::namespaced(cluster.client.clone(), namespace);
    let objects = api.list_metadata(&ListParams::default()).await?.items;
    for object in &objects {
        if object.metadata.deletion_timestamp.is_none() {
            let name = object.metadata.name.as_deref().unwrap_or_default();
            unless_gone(api.delete(name, &DeleteParams::default()).await)?;
        }
    }
    Ok(objects.len())
}

/// Says that nothing keeps the namespace any more.
async fn finalize(cluster: &Cluster, namespace: &Namespace, name: &str) -> Result<(), kube::Error> {
    let mut namespace = namespace.clone();
    if let Some(spec) = &mut namespace.spec {
        spec.finalizers = None;
    }
    let api: Api<Namespace> = Api::all(cluster.client.clone());
    let parameters = PostParams::default();
    unless_gone(api.replace_subresource("finalize", name, &parameters, &namespace).await)?;
    Ok(())
}
