//! Kubeconfig files, and clients made of them.

use crate::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;
use std::fs;
use std::path::Path;

/// Where a server listens, and the certificate that it shows.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) url: String,
    /// PEM.
    pub(super) certificate: String,
}

/// Writes the kubeconfig of one user. It is JSON, which is YAML too.
pub(super) fn write(file: &Path, server: &Server, user: &str, token: &str) -> Result {
    let authority = STANDARD.encode(&server.certificate);
    let kubeconfig = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [{ "name": "test", "context": { "cluster": "test", "user": user } }],
        "clusters": [{
            "name": "test",
            "cluster": { "server": server.url, "certificate-authority-data": authority },
        }],
        "users": [{ "name": user, "user": { "token": token } }],
    });
    fs::write(file, serde_json::to_string_pretty(&kubeconfig)?)?;
    Ok(())
}

/// Where the server of a kubeconfig's first cluster listens.
pub(super) fn url(kubeconfig: &Path) -> Result<String> {
    let read = Kubeconfig::read_from(kubeconfig)?;
    let cluster = read.clusters.into_iter().next().and_then(|named| named.cluster);
    Ok(cluster.and_then(|cluster| cluster.server).ok_or("the kubeconfig names no server")?)
}

/// A client of the server that a kubeconfig names, for the runtime that calls this.
///
/// # Errors
/// When the file is no kubeconfig.
pub async fn client(kubeconfig: &Path) -> Result<Client> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}
