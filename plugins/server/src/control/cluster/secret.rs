//! The password: written once, and read where a connection is made or somebody asks for it.

use super::Cluster;
use super::call::call_opt;
use crate::control::broken::Broken;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use toygres_model::kubernetes::{Desired, PASSWORD_KEY, secret};

impl Cluster {
    /// Makes the Secret of an instance.
    ///
    /// # Errors
    /// What Kubernetes refuses.
    pub(in crate::control) async fn keep_password(
        &self,
        desired: &Desired<'_>,
        password: &str,
    ) -> Result<(), Broken> {
        self.ensure::<Secret>(desired, desired.secret(password)).await
    }

    /// The password of an instance; `None` where there is no Secret, as in old deployments.
    ///
    /// # Errors
    /// What Kubernetes refuses; a Secret that holds no text.
    pub(in crate::control) async fn password(
        &self,
        namespace: &str,
        k8s_name: &str,
    ) -> Result<Option<String>, Broken> {
        let secrets: Api<Secret> = self.api(namespace);
        let name = secret(k8s_name);
        let found = call_opt("get", "secrets", namespace, secrets.get(&name)).await?;
        let bytes = found.and_then(|secret| secret.data?.remove(PASSWORD_KEY));
        let text = bytes.map(|bytes| String::from_utf8(bytes.0)).transpose();
        text.map_err(|_| Broken::lasting(format!("the password in the Secret `{name}` is no text")))
    }
}
