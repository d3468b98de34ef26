//! Each instance on both sides: its record, and its objects.

use crate::gather::Sources;
use crate::gather::cluster::Object;
use crate::gather::instances::Instance;
use serde_json::Value;
use std::collections::HashMap;
use toygres_model::cluster_reading::{Deletion, is_failure_reason};
use toygres_model::time;
use toygres_plugin_api::Result;

/// One instance.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) record: Instance,
    /// Its objects are in a namespace that was not looked at.
    pub(crate) elsewhere: bool,
    pub(crate) stateful_set: bool,
    pub(crate) service: bool,
    /// Its service has an address that can be connected to.
    pub(crate) address: bool,
    /// The phase of its claim.
    pub(crate) claim: Option<String>,
    /// That its claim is being deleted, in words.
    pub(crate) claim_deletion: Option<String>,
    pub(crate) pod_phase: Option<String>,
    pub(crate) pod_ready: bool,
    /// What its container waits for.
    pub(crate) pod_reason: Option<String>,
    /// That will not come about by itself.
    pub(crate) is_container_failing: bool,
    /// How often its containers were started again; `None` without a pod.
    pub(crate) restarts: Option<i64>,
    /// Since the last time.
    pub(crate) last_restart_ms: Option<i64>,
    /// Why the container before ended.
    pub(crate) last_restart_reason: Option<String>,
}

impl View {
    /// How often its pod was restarted, when and why last; `None` where it never was.
    pub(crate) fn restarted(&self) -> Option<String> {
        restarted(self.restarts, self.last_restart_ms, self.last_restart_reason.as_deref())
    }

    /// Nothing of it is there.
    pub(crate) fn is_abandoned(&self) -> bool {
        !self.elsewhere && !self.stateful_set && !self.service && self.claim.is_none()
    }
}

/// All instances with their objects, by the label that says whose they are.
///
/// # Errors
/// When one of both sides cannot be read.
pub(crate) async fn views(sources: &Sources) -> Result<Vec<View>> {
    let cluster = &sources.cluster;
    // All are waited for, so that of several that fail it is always the same one that is told.
    let (records, sets, services, claims, pods, target) = futures_util::join!(
        sources.instances.clone(),
        cluster.stateful_sets.clone(),
        cluster.services.clone(),
        cluster.claims.clone(),
        cluster.pods.clone(),
        cluster.target.clone(),
    );
    let (records, target) = (records?, target?);
    let (sets, services, claims, pods) = (sets?, services?, claims?, pods?);
    let (sets, services) = (by_instance(&sets), by_instance(&services));
    let (claims, pods) = (by_instance(&claims), by_instance(&pods));
    let now = jiff::Timestamp::now().as_millisecond();
    let view = |record: &Instance| {
        let name = record.k8s_name.as_str();
        let service = services.get(name);
        let pod = pods.get(name);
        let last = pod.and_then(|pod| last_end(pod));
        View {
            elsewhere: record.namespace != target.namespace,
            stateful_set: sets.contains_key(name),
            service: service.is_some(),
            address: service.is_some_and(|service| has_address(service, record.load_balancer)),
            claim: claims
                .get(name)
                .map(|claim| claim.status["phase"].as_str().unwrap_or("Pending").to_owned()),
            claim_deletion: claims.get(name).and_then(|claim| deletion(claim)),
            pod_phase: pod.map(|pod| pod.status["phase"].as_str().unwrap_or("Unknown").to_owned()),
            pod_ready: pod.is_some_and(|pod| pod.has_condition("Ready") && !pod.is_going()),
            pod_reason: pod.and_then(|pod| waiting(pod)),
            is_container_failing: pod.is_some_and(|pod| is_failing(pod)),
            restarts: pod.map(|pod| restarts(pod)),
            last_restart_ms: last.and_then(|ended| {
                let at = ended["finishedAt"].as_str().and_then(time::parse)?;
                Some(now - at)
            }),
            last_restart_reason: last.map(|ended| {
                let reason = ended["reason"].as_str().unwrap_or("Terminated");
                format!("{reason} (exit code {})", ended["exitCode"])
            }),
            record: record.clone(),
        }
    };
    Ok(records.iter().filter(|record| record.state != "deleted").map(view).collect())
}

fn by_instance(objects: &[Object]) -> HashMap<&str, &Object> {
    objects.iter().filter_map(|object| object.instance().map(|name| (name, object))).collect()
}

/// One inside the cluster has its address at once; a load balancer's comes later.
fn has_address(service: &Object, load_balancer: bool) -> bool {
    if !load_balancer {
        return service.spec["clusterIP"].as_str().is_some_and(|address| !address.is_empty());
    }
    let ingress = service.status["loadBalancer"]["ingress"].as_array().into_iter().flatten();
    let is_told = |ingress: &Value| ingress["ip"].is_string() || ingress["hostname"].is_string();
    ingress.into_iter().any(is_told)
}

/// That an object is being deleted, and what holds it.
fn deletion(object: &Object) -> Option<String> {
    let metadata = &object.metadata;
    let asked = metadata.deletion_timestamp.as_deref();
    let deletion = Deletion::read(asked, metadata.finalizers.clone())?;
    Some(deletion.text(jiff::Timestamp::now().as_millisecond()))
}

fn containers(pod: &Object) -> impl Iterator<Item = &Value> {
    pod.status["containerStatuses"].as_array().into_iter().flatten()
}

fn is_failing(pod: &Object) -> bool {
    containers(pod).any(|container| {
        let reason = container["state"]["waiting"]["reason"].as_str();
        reason.is_some_and(is_failure_reason)
    })
}

fn restarts(pod: &Object) -> i64 {
    containers(pod).filter_map(|container| container["restartCount"].as_i64()).sum()
}

/// How the last container ended that was started again.
fn last_end(pod: &Object) -> Option<&Value> {
    let ended = containers(pod).map(|container| &container["lastState"]["terminated"]);
    ended.filter(|ended| ended.is_object()).max_by_key(|ended| ended["finishedAt"].as_str())
}

/// `restarted 2 times, last 5m ago: Error (exit code 2)`.
pub(crate) fn restarted(
    restarts: Option<i64>,
    last_ms: Option<i64>,
    reason: Option<&str>,
) -> Option<String> {
    let times = match restarts.filter(|count| *count > 0)? {
        1 => "restarted once".to_owned(),
        count => format!("restarted {count} times"),
    };
    let last = last_ms.map(|ms| format!(", last {} ago", time::words(ms))).unwrap_or_default();
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    Some(format!("{times}{last}{reason}"))
}

/// Why a container does not run, where one does not.
fn waiting(pod: &Object) -> Option<String> {
    let containers = pod.status["containerStatuses"].as_array()?;
    containers.iter().find_map(|container| {
        let waiting = &container["state"]["waiting"];
        let reason = waiting["reason"].as_str()?;
        Some(match waiting["message"].as_str() {
            Some(message) => format!("{reason}: {message}"),
            None => reason.to_owned(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{Object, has_address, waiting};
    use serde_json::json;

    fn object(value: serde_json::Value) -> Object {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn an_address_is_what_can_be_connected_to() {
        let balanced =
            object(json!({"status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}}));
        assert!(has_address(&balanced, true));
        let pending = object(json!({"spec": {"clusterIP": "10.0.0.1"}, "status": {}}));
        assert!(!has_address(&pending, true) && has_address(&pending, false));
    }

    #[test]
    fn a_container_that_waits_says_why() {
        let pod = object(json!({"status": {"containerStatuses": [
            {"state": {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}},
        ]}}));
        assert_eq!(waiting(&pod).as_deref(), Some("ErrImagePull: no such image"));
        assert_eq!(waiting(&object(json!({"status": {}}))), None);
    }
}
