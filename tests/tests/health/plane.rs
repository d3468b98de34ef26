//! A control plane to be looked at: whole, or only what it left.

use crate::support::{Ran, Toygres};
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use toygres_tests::control::{Deployment, Options, Server, World};
use toygres_tests::kube::client;
use toygres_tests::{Result, wait};

/// A deployment, and the process on it while it runs.
pub(crate) struct Plane {
    pub(crate) deployment: Deployment,
    pub(crate) server: Option<Server>,
}

/// What of a node and a storage class an API server alone lacks; the stand-in has them.
fn furnish(world: &World) {
    static ONCE: OnceLock<()> = OnceLock::new();
    if !world.api.has_rights() {
        return;
    }
    ONCE.get_or_init(|| {
        on_cluster(world.api.kubeconfig(), async |client| {
            let nodes: Api<Node> = Api::all(client.clone());
            let node = json!({"metadata": {"name": "node-1",
                "labels": {"topology.kubernetes.io/region": "westus3"}}});
            nodes.create(&PostParams::default(), &serde_json::from_value(node)?).await?;
            let classes: Api<StorageClass> = Api::all(client);
            let class = json!({"metadata": {"name": "default", "annotations":
                {"storageclass.kubernetes.io/is-default-class": "true"}}, "provisioner": "test"});
            classes.create(&PostParams::default(), &serde_json::from_value(class)?).await?;
            Ok(())
        });
        node_is_ready(world, true);
    });
}

/// Makes the node ready, or not.
pub(crate) fn node_is_ready(world: &World, ready: bool) {
    let status = if ready { "True" } else { "False" };
    on_cluster(world.api.kubeconfig(), async |client| {
        let nodes: Api<Node> = Api::all(client);
        let patch = json!({"status": {"conditions": [{"type": "Ready", "status": status}]}});
        nodes.patch_status("node-1", &PatchParams::default(), &Patch::Merge(patch)).await?;
        Ok(())
    });
}

/// Runs something on the API server, with every right.
#[track_caller]
pub(crate) fn on_cluster<T>(
    kubeconfig: &Path,
    work: impl AsyncFnOnce(kube::Client) -> Result<T>,
) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime
        .block_on(async { work(client(kubeconfig).await?).await })
        .unwrap_or_else(|error: toygres_tests::Error| panic!("{error}"))
}

impl Plane {
    /// A process that is ready, without an instance.
    pub(crate) fn empty() -> Option<Self> {
        let deployment = Deployment::new()?;
        furnish(deployment.world);
        let server = deployment.start(Options::default());
        Some(Self { deployment, server: Some(server) })
    }

    /// A process with an instance that runs and was checked.
    pub(crate) fn with_instance() -> Option<(Self, String)> {
        let plane = Self::empty()?;
        let name = plane.create("proddb");
        Some((plane, name))
    }

    /// Only what a process left: nobody changes it while a test looks.
    pub(crate) fn at_rest() -> Option<Self> {
        let mut plane = Self::empty()?;
        plane.stop();
        Some(plane)
    }

    pub(crate) fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.stop().unwrap();
        }
    }

    /// Makes an instance and waits until it was found healthy.
    pub(crate) fn create(&self, name: &str) -> String {
        let api = self.server.as_ref().unwrap().api().unwrap();
        let made = api.create(&json!({"name": name, "password": "canary-test123"}));
        let k8s_name = made["k8s_name"].as_str().unwrap().to_owned();
        self.deployment.reaches(&k8s_name, "running").unwrap();
        wait::until("a health check", || {
            let record = self.deployment.record(&k8s_name)?;
            Ok((record["health_status"] == "healthy").then_some(()))
        })
        .unwrap();
        k8s_name
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.deployment.world.api.kubeconfig().to_owned()
    }

    /// A command on all of its backends.
    pub(crate) fn toygres(&self) -> Toygres {
        let toygres = Toygres::on(&self.deployment.database.url)
            .env("KUBECONFIG", &self.kubeconfig().to_string_lossy())
            .env("AKS_NAMESPACE", &self.deployment.namespace)
            .env("TOYGRES_MONITOR_INTERVAL_MS", "1000")
            .env("TOYGRES_READY_INTERVAL_MS", "100");
        let line = |name: &str| {
            let home = self.server.as_ref()?.home().join("toygres");
            Some(std::fs::read_to_string(home.join(name)).unwrap().trim().to_owned())
        };
        match (line("api-url"), line("api-token")) {
            (Some(url), Some(token)) => {
                toygres.env("TOYGRES_API_URL", &url).env("TOYGRES_API_TOKEN", &token)
            }
            _ => toygres,
        }
    }

    /// `health` with these arguments.
    pub(crate) fn health(&self, args: &[&str]) -> Ran {
        self.toygres().args(["server", "health"]).args(args.iter().copied()).run()
    }

    /// What one check finds.
    #[track_caller]
    pub(crate) fn finds(&self, code: &str) -> Value {
        found(self.toygres(), code)
    }

    /// One check finds this, said with these words.
    #[track_caller]
    pub(crate) fn is(&self, code: &str, outcome: &str, words: &str) -> Value {
        let found = self.finds(code);
        is(&found, outcome, words);
        found
    }

    /// One check comes to find this.
    #[track_caller]
    pub(crate) fn becomes(&self, code: &str, outcome: &str, words: &str) {
        let mut last = Value::Null;
        let waited = wait::until(&format!("{code} to be {outcome}"), || {
            last = self.finds(code);
            let said = last["summary"].as_str().unwrap_or_default().contains(words);
            Ok((last["outcome"] == outcome && said).then_some(()))
        });
        waited.unwrap_or_else(|error| panic!("{error}: {last:#}"));
    }

    pub(crate) fn sql(&self, sql: &str) -> String {
        self.deployment.database.psql(sql)
    }
}

/// What one check finds with these backends.
#[track_caller]
pub(crate) fn found(toygres: Toygres, code: &str) -> Value {
    one(&toygres.args(["server", "health", "-o", "json", "--check", code]).run(), code)
}

/// It found this, said with these words.
#[track_caller]
pub(crate) fn is(row: &Value, outcome: &str, words: &str) {
    assert_eq!(row["outcome"], outcome, "{row:#}");
    assert!(row["summary"].as_str().unwrap().contains(words), "`{words}` is not in {row:#}");
}

/// The row of a check in an answer.
#[track_caller]
pub(crate) fn one(ran: &Ran, code: &str) -> Value {
    let answer = ran.json();
    let rows = answer["checks"].as_array().unwrap();
    let found = rows.iter().find(|row| row["code"] == code);
    found.unwrap_or_else(|| panic!("no {code} in {answer:#}")).clone()
}

/// The codes of all checks with one of these outcomes.
pub(crate) fn codes(answer: &Value, outcomes: &[&str]) -> Vec<String> {
    let rows = answer["checks"].as_array().unwrap();
    rows.iter()
        .filter(|row| outcomes.contains(&row["outcome"].as_str().unwrap()))
        .map(|row| format!("{}: {}", row["code"].as_str().unwrap(), row["summary"]))
        .collect()
}
