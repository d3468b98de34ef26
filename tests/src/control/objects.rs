//! What the API server has of instances: the truth that every test looks at.

use crate::kube::client;
use crate::{Result, wait};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Secret, Service};
use kube::api::ListParams;
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::future::Future;
use std::path::Path;

/// The objects of one namespace.
#[derive(Debug)]
pub struct Objects<'a> {
    kubeconfig: &'a Path,
    namespace: &'a str,
}

impl<'a> Objects<'a> {
    pub(super) fn new(kubeconfig: &'a Path, namespace: &'a str) -> Self {
        Self { kubeconfig, namespace }
    }

    /// What there is of an instance, or of all of them: `kind/name`, in order.
    ///
    /// # Errors
    /// The server's message.
    pub fn of(&self, k8s_name: Option<&str>) -> Result<Vec<String>> {
        let selector = k8s_name.map_or_else(
            || "app=postgres".to_owned(),
            |name| format!("app=postgres,instance={name}"),
        );
        self.ask(async |client| {
            let mut names = Vec::new();
            names.extend(list::<StatefulSet>(&client, self.namespace, &selector).await?);
            names.extend(list::<Pod>(&client, self.namespace, &selector).await?);
            names.extend(list::<Service>(&client, self.namespace, &selector).await?);
            names.extend(list::<Secret>(&client, self.namespace, &selector).await?);
            names.extend(list::<PersistentVolumeClaim>(&client, self.namespace, &selector).await?);
            names.sort();
            Ok(names)
        })
    }

    /// Everything that an instance consists of, in the same order.
    pub fn complete(k8s_name: &str) -> Vec<String> {
        vec![
            format!("persistentvolumeclaims/{k8s_name}-pvc"),
            format!("pods/{k8s_name}-0"),
            format!("secrets/{k8s_name}-credentials"),
            format!("services/{k8s_name}-svc"),
            format!("statefulsets/{k8s_name}"),
        ]
    }

    /// Waits until nothing is left of an instance, or of all of them.
    ///
    /// # Errors
    /// After a minute, with what is left.
    pub fn vanish(&self, k8s_name: Option<&str>) -> Result {
        let mut left = Vec::new();
        let waited = wait::until("everything of it to go", || {
            left = self.of(k8s_name)?;
            Ok(left.is_empty().then_some(()))
        });
        waited.map_err(|error| format!("{error}; left are {left:?}").into())
    }

    /// Runs something with a client of a user that may do everything.
    ///
    /// # Errors
    /// What it answers.
    pub fn ask<T, F>(&self, question: impl FnOnce(Client) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async { question(client(self.kubeconfig).await?).await })
    }
}

async fn list<K>(client: &Client, namespace: &str, selector: &str) -> Result<Vec<String>>
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    K::DynamicType: Default,
{
    let objects: Api<K> = Api::namespaced(client.clone(), namespace);
    let kind = K::plural(&K::DynamicType::default()).into_owned();
    let found = objects.list(&ListParams::default().labels(selector)).await?;
    Ok(found.into_iter().map(|object| format!("{kind}/{}", object.name_any())).collect())
}
