//! A control plane with instances, and the ways to change things behind its back.

use crate::support::{Ran, Toygres};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use toygres_tests::control::{Deployment, Options, Server};
use toygres_tests::wait;

/// How long two hundred instances may take.
const MANY: Duration = Duration::from_secs(600);

/// A deployment with a process that works on it.
pub(crate) struct Plane {
    pub(crate) deployment: Deployment,
    pub(crate) server: Option<Server>,
}

impl Plane {
    /// A new one; none where there is no kube-apiserver.
    pub(crate) fn new() -> Option<Self> {
        Self::with(Options::default())
    }

    /// A new one whose process has these options.
    pub(crate) fn with(options: Options) -> Option<Self> {
        let deployment = Deployment::new()?;
        let server = deployment.start(options);
        Some(Self { deployment, server: Some(server) })
    }

    /// Makes instances, and waits until all of them run and are watched; answers their names in
    /// Kubernetes, in the same order.
    pub(crate) fn instances(&self, wanted: &[Value]) -> Vec<String> {
        let api = self.server.as_ref().unwrap().api().unwrap();
        let names: Vec<String> = wanted
            .iter()
            .map(|wanted| api.create(wanted)["k8s_name"].as_str().unwrap().to_owned())
            .collect();
        // So many at once take their time on a busy machine.
        let waiting = "SELECT count(*) FROM toygres_cms.instances WHERE state = 'creating'";
        wait::until_within(MANY, "all of them to be made", || {
            Ok((self.deployment.count(waiting) == 0).then_some(()))
        })
        .unwrap();
        for name in &names {
            self.deployment.reaches(name, "running").unwrap();
        }
        self.deployment.comes_to_rest().unwrap();
        names
    }

    /// One instance, as [`Self::instances`].
    pub(crate) fn instance(&self, name: &str) -> String {
        self.instances(&[json!({"name": name, "password": "test123"})]).remove(0)
    }

    /// Ends the process, so that it repairs nothing; what runs in the workflows' records runs on.
    pub(crate) fn stop_server(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.stop().unwrap();
        }
    }

    /// A command on it.
    pub(crate) fn toygres(&self) -> Toygres {
        self.toygres_as(&self.deployment.database.url, self.deployment.world.api.kubeconfig())
    }

    /// A command of another user of the database and of Kubernetes.
    pub(crate) fn toygres_as(&self, url: &str, kubeconfig: &Path) -> Toygres {
        let toygres = Toygres::on(url)
            .env("KUBECONFIG", &kubeconfig.to_string_lossy())
            .env("AKS_NAMESPACE", &self.deployment.namespace)
            // A change of the CMS is looked at once it is made, not a minute later.
            .env("TOYGRES_LEASE_MS", "0");
        match &self.server {
            None => toygres,
            Some(server) => {
                let line = |name: &str| {
                    std::fs::read_to_string(server.home().join("toygres").join(name)).unwrap()
                };
                toygres
                    .env("TOYGRES_API_URL", line("api-url").trim())
                    .env("TOYGRES_API_TOKEN", line("api-token").trim())
            }
        }
    }

    /// `drift` as JSON, whatever it found.
    pub(crate) fn drift(&self) -> Value {
        self.run(&["drift", "-o", "json"]).json()
    }

    /// A command below `toygres server`.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.toygres().args(["server"]).args(args.iter().copied()).run()
    }

    /// What `kubectl` does in the namespace.
    #[track_caller]
    pub(crate) fn kubectl(&self, args: &[&str]) -> String {
        self.kubectl_in(&self.deployment.namespace, args, "")
    }

    /// Makes an object.
    #[track_caller]
    pub(crate) fn apply(&self, object: &Value) {
        self.kubectl_in(&self.deployment.namespace, &["create", "-f", "-"], &object.to_string());
    }

    #[track_caller]
    pub(crate) fn kubectl_in(&self, namespace: &str, args: &[&str], input: &str) -> String {
        let mut child = Command::new("kubectl")
            .env("HOME", std::env::temp_dir())
            .arg("--kubeconfig")
            .arg(self.deployment.world.api.kubeconfig())
            .args(["-n", namespace])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "kubectl {args:?}: {said}");
        String::from_utf8(ended.stdout).unwrap()
    }

    /// What SQL does in the CMS.
    #[track_caller]
    pub(crate) fn sql(&self, sql: &str) -> String {
        self.deployment.database.psql(&format!("SET search_path = toygres_cms; {sql}"))
    }

    /// Waits until Kubernetes has an object as a JSON path says.
    #[track_caller]
    pub(crate) fn has(&self, object: &str, path: &str, value: &str) {
        let path = format!("jsonpath={{{path}}}");
        let args = ["get", object, "--ignore-not-found", "-o", &path];
        wait::until(&format!("{object} to have {value}"), || {
            Ok((self.kubectl(&args) == value).then_some(()))
        })
        .unwrap();
    }
}

/// The drifts of an instance.
pub(crate) fn of<'a>(drift: &'a Value, k8s_name: &str) -> Vec<&'a Value> {
    let drifts = drift["drifts"].as_array().unwrap_or_else(|| panic!("no drifts: {drift:#}"));
    drifts.iter().filter(|found| found["k8s_name"] == k8s_name).collect()
}

/// The kind of a drift and its fields, as `mismatch:image,replicas`.
pub(crate) fn said(found: &Value) -> String {
    let mut said = found["kind"].as_str().unwrap_or_default().to_owned();
    for (n, field) in found["fields"].as_array().into_iter().flatten().enumerate() {
        let gap = if n == 0 { ':' } else { ',' };
        let _infallible = write!(said, "{gap}{}", field["field"].as_str().unwrap_or_default());
    }
    said
}
