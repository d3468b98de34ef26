//! The two servers that the contract is asserted of.

use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use toygres_tests::kube::{ApiServer, Kubelet, open_postgres};
use toygres_tests::postgres::PrivatePostgres;

/// A server under contract.
#[derive(Debug)]
pub(crate) struct Server {
    /// Of a user that may do everything.
    pub(crate) kubeconfig: PathBuf,
    parts: Parts,
}

/// What a server consists of, kept until the process ends.
#[derive(Debug)]
enum Parts {
    Real { kubelet: Kubelet, _postgres: PrivatePostgres },
    Alone(ApiServer),
    StandIn { _watcher: Child, _alive: Option<ChildStdin> },
}

impl Server {
    /// A real kube-apiserver, with a kubelet; none where the environment names none.
    pub(crate) fn kube_apiserver() -> Option<&'static Self> {
        static SERVER: OnceLock<Option<Server>> = OnceLock::new();
        let start = || {
            let kubeconfig = ApiServer::shared()?.kubeconfig().to_owned();
            let postgres = open_postgres().unwrap();
            let kubelet = Kubelet::start(&kubeconfig, postgres.port()).unwrap();
            let parts = Parts::Real { kubelet, _postgres: postgres };
            Some(Self { kubeconfig, parts })
        };
        SERVER.get_or_init(start).as_ref()
    }

    /// The kubelet of the real server.
    pub(crate) fn kubelet(&self) -> Option<&Kubelet> {
        match &self.parts {
            Parts::Real { kubelet, .. } => Some(kubelet),
            Parts::Alone(_) | Parts::StandIn { .. } => None,
        }
    }

    /// A real kube-apiserver for one case alone, without a kubelet.
    pub(crate) fn another_kube_apiserver() -> Option<&'static Self> {
        static SERVER: OnceLock<Option<Server>> = OnceLock::new();
        let start = || {
            let server = ApiServer::start().unwrap()?;
            let kubeconfig = server.kubeconfig().to_owned();
            Some(Self { kubeconfig, parts: Parts::Alone(server) })
        };
        SERVER.get_or_init(start).as_ref()
    }

    /// Lets the server forget the past, where it can be told to; others share its past, so only one
    /// that a case has alone is told.
    pub(crate) fn forget_history(&self) -> bool {
        match &self.parts {
            Parts::Alone(server) => server.forget_history().map(|()| true).unwrap(),
            Parts::Real { .. } | Parts::StandIn { .. } => false,
        }
    }

    /// The stand-in that `toygres local up` starts.
    pub(crate) fn stand_in() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        let start = || {
            let home = tempfile::Builder::new().prefix("toygres-home-").tempdir().unwrap().keep();
            let mut watcher = watcher(&home);
            let alive = watcher.stdin.take();
            let (started, said) = toygres(&home, &["local", "up"]);
            assert!(started, "{said}");
            let parts = Parts::StandIn { _watcher: watcher, _alive: alive };
            Self { kubeconfig: home.join("kubeconfig"), parts }
        };
        SERVER.get_or_init(start)
    }
}

/// Runs the binary; answers whether it succeeded, and what it said.
fn toygres(home: &Path, args: &[&str]) -> (bool, String) {
    let output = command(home, "toygres").args(args).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// Takes the stand-in down and removes its folder when this process ends, however it does.
fn watcher(home: &Path) -> Child {
    let script = r#"cat >/dev/null; "$1" local down; rm -rf "$TOYGRES_HOME""#;
    let mut command = command(home, "sh");
    command.args(["-c", script, "watcher"]).arg(toygres_tests::toygres::binary());
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn().unwrap()
}

/// A program in an environment that knows of this home only.
fn command(home: &Path, program: &str) -> Command {
    let program = match program {
        "toygres" => toygres_tests::toygres::binary(),
        other => other.into(),
    };
    let mut command = Command::new(program);
    command
        .env_remove("KUBECONFIG")
        .env_remove("DATABASE_URL")
        .env("HOME", home)
        .env("TOYGRES_HOME", home)
        .env("TOYGRES_PLUGIN_PATH", toygres_tests::toygres::plugins())
        .stdin(Stdio::null());
    command
}
