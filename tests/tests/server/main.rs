//! The server's process and its API, through the real binary on a real PostgreSQL and a real
//! kube-apiserver. Without the latter (`KUBEBUILDER_ASSETS`) most of it is passed over.

mod busy;
mod descriptors;
mod failures;
mod floods;
mod folders;
mod foreground;
mod gate;
mod instances;
mod life;
mod listening;
mod locks;
mod logs;
mod refusals;
mod secrets;
mod strangers;

use toygres_tests::control::Deployment;
use toygres_tests::server::Home;

/// A server that runs in a home of its own.
struct Served {
    home: Home,
    deployment: Deployment,
}

impl Served {
    /// Starts one; none where there is no kube-apiserver.
    #[track_caller]
    fn new(options: &[&str]) -> Option<Self> {
        let deployment = Deployment::new()?;
        let home = Home::new(&deployment);
        home.start(options);
        Some(Self { home, deployment })
    }
}
