//! A real kube-apiserver for tests, with an etcd of its own.
//!
//! `KUBEBUILDER_ASSETS` names the folder with both programs; without it there is no server and the
//! tests that need one say so and pass over. With `TOYGRES_TEST_CLUSTER=stand-in` it is the stand-in
//! of `toygres local`, for suites that have to hold on both. No kubelet runs: [`Kubelet`] plays the parts of a
//! cluster that the control plane waits for.

mod assets;
mod blocking;
mod kubeconfig;
mod kubelet;
mod process;
mod users;

pub use kubeconfig::client;
pub use kubelet::{Kubelet, open_postgres};
pub use users::{Rule, User};

use crate::Result;
use assets::Programs;
use blocking::blocking;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, ObjectMeta, PostParams};
use process::Processes;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use users::Users;

/// An API server that nobody else uses. Dropping it, or the end of the process however that comes,
/// ends its programs and removes their folder.
#[derive(Debug)]
pub struct ApiServer {
    users: Users,
    admin: PathBuf,
    is_real: bool,
    // Last: it removes the folder.
    processes: Processes,
}

impl ApiServer {
    /// Starts a server and waits until it is ready; none where `KUBEBUILDER_ASSETS` is not set.
    ///
    /// # Errors
    /// When the folder lacks a program, or when a program does not start; its log is in the message.
    pub fn start() -> Result<Option<Self>> {
        let Some(programs) = assets::find()? else { return Ok(None) };
        let folder = tempfile::Builder::new().prefix("toygres-kube-").tempdir()?.keep();
        let users = Users::new(&folder)?;
        let processes = Processes::start(&programs, &folder, &users)?;
        let admin = match programs {
            Programs::Real(_) => users.write_kubeconfig(processes.server(), users::ADMIN)?,
            Programs::StandIn(_) => folder.join(process::STAND_IN),
        };
        let is_real = matches!(programs, Programs::Real(_));
        Ok(Some(Self { users, admin, is_real, processes }))
    }

    /// One server for all tests of this process, because a start costs seconds. None, and a word on
    /// stderr, where `KUBEBUILDER_ASSETS` is not set.
    ///
    /// # Panics
    /// When it is set and the server cannot be started: no test could go on.
    pub fn shared() -> Option<&'static Self> {
        // A failure is kept too: no test needs to find it out again.
        static SHARED: OnceLock<Result<Option<ApiServer>, String>> = OnceLock::new();
        let server = SHARED.get_or_init(|| Self::start().map_err(|error| error.to_string()));
        let server = match server {
            Ok(server) => server.as_ref(),
            Err(error) => panic!("no kube-apiserver: {error}"),
        };
        if server.is_none() {
            eprintln!("passed over: `{}` names no folder with kube-apiserver", assets::VARIABLE);
        }
        server
    }

    /// The kubeconfig of a user that may do everything.
    pub fn kubeconfig(&self) -> &Path {
        &self.admin
    }

    /// Where the server listens.
    pub fn url(&self) -> &str {
        &self.processes.server().url
    }

    /// Makes a namespace whose name begins with `prefix`, and answers its name.
    ///
    /// # Errors
    /// The server's message.
    pub fn namespace(&self, prefix: &str) -> Result<String> {
        blocking(async {
            let api: Api<Namespace> = Api::all(client(&self.admin).await?);
            let generate_name = Some(format!("{prefix}-"));
            let metadata = ObjectMeta { generate_name, ..ObjectMeta::default() };
            let namespace = Namespace { metadata, ..Namespace::default() };
            let made = api.create(&PostParams::default(), &namespace).await?;
            Ok(made.metadata.name.ok_or("the server gave the namespace no name")?)
        })
    }

    /// Whether it knows users with few rights and keeps a record of what they ask: the stand-in
    /// does not.
    pub fn has_rights(&self) -> bool {
        self.is_real
    }

    /// A user that has exactly these rights in one namespace, and none elsewhere.
    ///
    /// # Errors
    /// The server's message; or when all users that the server was started with are given away.
    pub fn user_with(&self, namespace: &str, rules: &[Rule<'_>]) -> Result<User> {
        let user = self.users.next(self.processes.server())?;
        blocking(async { users::allow(&self.admin, namespace, &user.name, rules).await })?;
        Ok(user)
    }

    /// Forgets every version of every object but the latest, as a server does in time: who asks for
    /// an older one, in a list's next page or in a watch, is told that it has expired. Watches of
    /// network policies only: the server caches what else was watched lately.
    ///
    /// # Errors
    /// When etcd refuses it.
    pub fn forget_history(&self) -> Result {
        self.processes.compact()
    }

    /// What a user with few rights asked of the server: each request with its verb and its path.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn asked_by(&self, user: &str) -> Result<Vec<(String, String)>> {
        let mut asked = Vec::new();
        for line in self.processes.audit()?.lines() {
            let event: serde_json::Value = serde_json::from_str(line)?;
            if event["user"]["username"] == user {
                let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
                asked.push((text("verb"), text("requestURI")));
            }
        }
        Ok(asked)
    }

    /// What the server wrote into its log.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn log(&self) -> Result<String> {
        self.processes.log()
    }
}
