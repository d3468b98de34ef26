//! What a pod that is not ready waits for, in one line.

use super::{Cluster, call::call};
use crate::control::broken::Broken;
use k8s_openapi::api::core::v1::{ContainerState, Pod};
use kube::Api;
use kube::api::ListParams;
use toygres_model::cluster_reading::is_failure_reason;
use toygres_model::kubernetes::selector;

impl Cluster {
    /// The pods of an instance.
    pub(super) async fn pods(&self, namespace: &str, k8s_name: &str) -> Result<Vec<Pod>, Broken> {
        let pods: Api<Pod> = self.api(namespace);
        let ours = ListParams::default().labels(&selector(k8s_name));
        Ok(call("list", "pods", namespace, pods.list(&ours)).await?.items)
    }
}

/// Whether the first of these pods will not get ready unless something changes.
pub(super) fn is_failing(pods: &[Pod]) -> bool {
    let Some(pod) = pods.first() else { return false };
    let status = pod.status.as_ref();
    let containers = status.and_then(|status| status.container_statuses.as_ref());
    let fails =
        containers.into_iter().flatten().filter_map(|one| one.state.as_ref()).any(|state| {
            let waiting = state.waiting.as_ref().and_then(|waiting| waiting.reason.as_deref());
            let ended = state.terminated.as_ref().is_some_and(|ended| ended.exit_code != 0);
            ended || waiting.is_some_and(is_failure_reason)
        });
    fails || condition(pod).is_some()
}

/// What the first of these pods waits for.
pub(super) fn waits_for(pods: &[Pod]) -> String {
    let Some(pod) = pods.first() else {
        return "the StatefulSet has no pod yet".to_owned();
    };
    let name = pod.metadata.name.as_deref().unwrap_or("the pod");
    if pod.metadata.deletion_timestamp.is_some() {
        return format!("{name} is being replaced");
    }
    let reason = container(pod).or_else(|| condition(pod));
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    match (reason, phase) {
        (Some(reason), _) => format!("{name}: {reason}"),
        (None, Some("Running")) => format!("{name} runs and is not ready yet"),
        (None, Some(phase)) => format!("{name} is {}", phase.to_lowercase()),
        (None, None) => format!("{name} has no status yet"),
    }
}

/// Why its container does not run.
pub(super) fn container(pod: &Pod) -> Option<String> {
    let containers = pod.status.as_ref()?.container_statuses.as_ref()?;
    containers.iter().find_map(|container| {
        let why = state(container.state.as_ref()?)?;
        let restarts = container.restart_count;
        Some(match restarts {
            1 => format!("{why}, restarted once"),
            2.. => format!("{why}, restarted {restarts} times"),
            _ => why,
        })
    })
}

fn state(state: &ContainerState) -> Option<String> {
    if let Some(waiting) = &state.waiting {
        return Some(sentence(waiting.reason.as_deref()?, waiting.message.as_deref()));
    }
    let ended = state.terminated.as_ref()?;
    let reason = ended.reason.as_deref().unwrap_or("Terminated");
    Some(format!("{} (exit code {})", sentence(reason, ended.message.as_deref()), ended.exit_code))
}

/// Why it is not scheduled.
pub(super) fn condition(pod: &Pod) -> Option<String> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let unmet = conditions
        .iter()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False")?;
    Some(sentence(unmet.reason.as_deref()?, unmet.message.as_deref()))
}

pub(super) fn sentence(reason: &str, message: Option<&str>) -> String {
    match message.and_then(|message| message.lines().next()) {
        Some(message) if !message.is_empty() => format!("{reason}: {message}"),
        _ => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::waits_for;
    use serde_json::{Value, json};

    fn pod(status: Value) -> String {
        let pod = json!({"metadata": {"name": "a-0"}, "status": status});
        waits_for(&[serde_json::from_value(pod).unwrap()])
    }

    #[test]
    fn a_pod_says_what_it_waits_for() {
        assert_eq!(waits_for(&[]), "the StatefulSet has no pod yet");
        assert_eq!(pod(json!({})), "a-0 has no status yet");
        assert_eq!(pod(json!({"phase": "Running"})), "a-0 runs and is not ready yet");
        let waiting = json!({"phase": "Pending", "containerStatuses": [{
            "name": "postgres", "image": "x", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}},
        }]});
        assert_eq!(pod(waiting), "a-0: ImagePullBackOff: no such image");
        let crashed = json!({"phase": "Running", "containerStatuses": [{
            "name": "postgres", "image": "x", "imageID": "", "ready": false, "restartCount": 3,
            "state": {"terminated": {"reason": "Error", "exitCode": 1}},
        }]});
        assert_eq!(pod(crashed), "a-0: Error (exit code 1), restarted 3 times");
        let unscheduled = json!({"phase": "Pending", "conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/3 nodes are available",
        }]});
        assert_eq!(pod(unscheduled), "a-0: Unschedulable: 0/3 nodes are available");
    }
}
