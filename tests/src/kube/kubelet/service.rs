//! The load balancer: every service with a selector leads to the one PostgreSQL.

use super::{Cluster, Reconciled, settled, unless_gone};
use k8s_openapi::api::core::v1::Service;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;
use std::sync::Arc;

pub(super) async fn reconcile(service: Arc<Service>, cluster: Arc<Cluster>) -> Reconciled {
    let namespace = service.metadata.namespace.as_deref().unwrap_or_default();
    let name = service.metadata.name.as_deref().unwrap_or_default();
    let Some(spec) = &service.spec else { return settled() };
    // The API server's own service selects nothing.
    if spec.selector.is_none() || service.metadata.deletion_timestamp.is_some() {
        return settled();
    }
    let api: Api<Service> = Api::namespaced(cluster.client.clone(), namespace);
    let port = spec.ports.as_deref().and_then(|ports| ports.first()).map(|port| port.port);
    if port.is_some_and(|port| port != i32::from(cluster.port)) {
        let operations = json!([
            { "op": "test", "path": "/spec/ports/0/port", "value": port },
            { "op": "replace", "path": "/spec/ports/0/port", "value": cluster.port },
        ]);
        let operations = serde_json::from_value(operations).map_err(kube::Error::SerdeError)?;
        let change = Patch::Json::<()>(operations);
        unless_gone(api.patch(name, &PatchParams::default(), &change).await)?;
    }
    let balanced =
        service.status.as_ref().and_then(|it| it.load_balancer.as_ref()?.ingress.as_ref());
    if spec.type_.as_deref() == Some("LoadBalancer") && balanced.is_none_or(Vec::is_empty) {
        let ingress = json!([{ "ip": "127.0.0.1" }]);
        let change = Patch::Merge(json!({ "status": { "loadBalancer": { "ingress": ingress } } }));
        unless_gone(api.patch_status(name, &PatchParams::default(), &change).await)?;
    }
    settled()
}
