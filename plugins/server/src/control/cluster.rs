//! An instance's objects in Kubernetes: made, looked at and unmade.

mod apply;
mod call;
mod deletion;
mod inspect;
mod observe;
mod pods;
mod remove;
mod secret;

pub(super) use inspect::Inspected;
pub(super) use observe::{Address, Awaited};
pub(super) use remove::Owner;

use super::broken::Broken;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Node;
use kube::api::ListParams;
use kube::{Api, Client};
use std::fmt;
use toygres_model::kubernetes as names;

/// Kubernetes, as the control plane uses it.
#[derive(Clone)]
pub(super) struct Cluster {
    client: Client,
    /// Whether this process reaches the addresses inside the cluster.
    inside: bool,
}

impl Cluster {
    pub(super) fn new(client: Client, inside: bool) -> Self {
        Self { client, inside }
    }

    /// Whether it answers, and lets us see what we need to.
    ///
    /// # Errors
    /// Why not, with the right that is missing.
    pub(super) async fn ping(&self, namespace: &str) -> Result<(), Broken> {
        let sets: Api<StatefulSet> = self.api(namespace);
        let one = ListParams::default().limit(1);
        call::call("list", "statefulsets", namespace, sets.list(&one)).await.map(drop)
    }

    /// The major versions of PostgreSQL that a stand-in has for its pods; none where it does not say.
    ///
    /// # Errors
    /// What Kubernetes refuses.
    pub(super) async fn local_versions(&self) -> Result<Vec<u32>, Broken> {
        let nodes: Api<Node> = Api::all(self.client.clone());
        let node = call::call_opt("get", "nodes", "", nodes.get(names::LOCAL_NODE)).await?;
        let annotations = node.and_then(|node| node.metadata.annotations).unwrap_or_default();
        let versions = annotations.get(names::LOCAL_VERSIONS_ANNOTATION);
        let versions = versions.map_or("", String::as_str).split(',');
        Ok(versions.filter_map(|version| version.trim().parse().ok()).collect())
    }

    fn api<K>(&self, namespace: &str) -> Api<K>
    where
        K: kube::Resource<Scope = kube::core::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), namespace)
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("inside", &self.inside).finish_non_exhaustive()
    }
}
