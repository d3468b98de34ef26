//! Kubernetes, by the `kube` crate.

// region: pods
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};
use serde::{Deserialize, Serialize};
use toygres_plugin_api::{Args, Context, Report, Result, Schema};

/// List the pods of databases.
#[derive(Args)]
#[command(category = "Databases", watchable, rows = DatabasePod)]
pub(crate) struct DatabasePods;

#[derive(Serialize, Deserialize, Schema)]
struct DatabasePod {
    pod: String,
    phase: Option<String>,
}

pub(crate) async fn database_pods(ctx: &Context, _: DatabasePods) -> Result<Report> {
    let pods: Api<Pod> = Api::default_namespaced(ctx.kube().await?);
    let found = pods.list(&ListParams::default().labels("app=postgres")).await?;
    Ok(Report::list(found.items.into_iter().map(|pod| DatabasePod {
        pod: pod.metadata.name.unwrap_or_default(),
        phase: pod.status.and_then(|status| status.phase),
    }))
    .empty("No database has a pod"))
}
// endregion
