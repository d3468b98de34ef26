//! Drift over many instances, beside fetching both sides as text and comparing nothing.

use super::measure::{compare, exists};
use super::{Aim, Bench, report};
use std::process::Command;
use toygres_tests::kube::ApiServer;
use toygres_tests::postgres::PrivatePostgres;
use toygres_tests::{Result, drift_scale};

/// What one asks the CMS beside `kubectl get`.
const RECORDS: &str = "SELECT * FROM toygres_cms.instances WHERE state <> 'deleted'";

/// Both questions, one after the other: kubectl's namespace, psql, its database, its statement.
const BOTH: &str = r#"
kubectl get -n "$1" statefulsets,services,pvc,pods -o json && exec "$2" -X -d "$3" -c "$4""#;

pub(super) fn measure(bench: &Bench) -> Result {
    let Some(api) = ApiServer::start()?.filter(|_| exists("kubectl")) else {
        println!("drift: needs kubectl and KUBEBUILDER_ASSETS, passed over\n");
        return Ok(());
    };
    let server = PrivatePostgres::new()?;
    let namespace = api.namespace("drift")?;
    let instances = bench.options.instances;
    drift_scale::populate(&api, &server.url(), &namespace, instances)?;
    let mut ours = bench.toygres(&server.url());
    ours.env("KUBECONFIG", api.kubeconfig()).env("AKS_NAMESPACE", &namespace);
    // It must find nothing: with a finding it ends with 1.
    ours.args(["server", "drift"]);
    let mut both = Command::new("sh");
    both.args(["-c", BOTH, "sh", &namespace]).arg(server.binaries().path("psql"));
    both.args([&server.url(), RECORDS]).env("KUBECONFIG", api.kubeconfig());
    let runs = bench.few();
    let (a, b) = compare(&mut ours, &mut both, runs)?;
    let what = format!("drift, {instances} instances, {runs} runs");
    let aim = Aim { ratio: 0.15, peak_mib: Some(128.0) };
    report(bench, &what, &a, "kubectl get -o json, then psql", &b, aim);
    Ok(())
}
