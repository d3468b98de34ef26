//! Serves the Kubernetes stand-in alone, to try it with kubectl:
//! `cargo run -p toygres-local --example kube-server -- FOLDER [PORT]`.
//!
//! Writes `FOLDER/kubeconfig` and goes on until it is interrupted. No pod ever runs: nobody here
//! makes them.

// The module is the plugin's; what only the plugin uses is unused here.
#[allow(dead_code, unused_imports)]
#[path = "../src"]
mod local {
    pub(crate) mod kube;
}

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use local::kube;
use local::kube::tls::Identity;
use local::kube::{ApiServer, Tokens};
use std::error::Error;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

const TOKEN: &str = "example";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("say in which folder the store is")?;
    let port: u16 = arguments.next().map_or(Ok(0), |text| text.parse())?;
    let folder = Path::new(&folder);
    let server = ApiServer::open(&folder.join("store"), Tokens::new([TOKEN]))?;
    let identity = Identity::open(folder)?;
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    std::fs::write(
        folder.join("kubeconfig"),
        kubeconfig(listener.local_addr()?, &identity.certificate),
    )?;
    let stop = async {
        // Without the signal there is no way to ask for an end: then there is none.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    server.serve(listener, Some(identity.config), stop).await?;
    Ok(())
}

fn kubeconfig(address: SocketAddr, certificate: &str) -> String {
    let authority = BASE64_STANDARD.encode(certificate);
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: local\n\
         clusters:\n- name: local\n  cluster:\n    server: https://{address}\n    \
         certificate-authority-data: {authority}\n\
         users:\n- name: local\n  user:\n    token: {TOKEN}\n\
         contexts:\n- name: local\n  context:\n    cluster: local\n    user: local\n    \
         namespace: toygres\n"
    )
}
