//! What is wrong with an instance's objects at this moment, for whoever looks at the instance.
//!
//! A health check only says whether the server answers. Why it does not, and what will hurt it soon
//! though it answers, is in the objects: a claim that is being deleted takes the data with it when the
//! pod stops, and a Secret that is gone lets no new pod start. The objects are looked up by name, since
//! the control plane may not list Secrets, Services and claims.

use super::call::call_opt;
use super::deletion::deletion;
use super::{Cluster, pods};
use crate::control::broken::Broken;
use futures_util::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Secret, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::PartialObjectMeta;
use std::time::Duration;
use toygres_model::instance::{Observed, Problem, State};
use toygres_model::kubernetes as names;
use toygres_model::time::words;

/// How long all objects of an instance may take to be read.
const INSPECT_TIMEOUT: Duration = Duration::from_millis(1500);
/// So many instances of a list are looked at, and so many of them at once.
const MAX_INSPECTED: usize = 60;
const CONCURRENT_LOOKS: usize = 12;
/// An object that is being deleted for less has not been seen to be blocked.
const BLOCKED_AFTER_MS: i64 = 10_000;

/// The objects of an instance, as far as they are judged.
#[derive(Debug, Default)]
struct Objects {
    stateful_set: Option<StatefulSet>,
    service: Option<ObjectMeta>,
    claim: Option<PersistentVolumeClaim>,
    secret: Option<ObjectMeta>,
    pods: Vec<Pod>,
}

/// An instance that is looked at.
#[derive(Debug, Clone)]
pub(in crate::control) struct Inspected {
    pub(in crate::control) namespace: String,
    pub(in crate::control) k8s_name: String,
    pub(in crate::control) state: State,
    /// Its password is in a Secret; those of old deployments have none.
    pub(in crate::control) has_secret: bool,
}

impl Cluster {
    /// What Kubernetes has of each of these instances.
    pub(in crate::control) async fn inspect(&self, instances: Vec<Inspected>) -> Vec<Observed> {
        let deadline = tokio::time::Instant::now() + INSPECT_TIMEOUT;
        let count = instances.len();
        let looks = instances.into_iter().take(MAX_INSPECTED).map(|one| {
            let cluster = self.clone();
            async move { cluster.inspect_one(&one, deadline).await }
        });
        let mut found: Vec<Observed> =
            futures_util::stream::iter(looks).buffered(CONCURRENT_LOOKS).collect().await;
        found.resize_with(count, || {
            unread(format!("only the first {MAX_INSPECTED} of a list are looked at"))
        });
        found
    }

    async fn inspect_one(&self, one: &Inspected, deadline: tokio::time::Instant) -> Observed {
        let objects = self.objects(&one.namespace, &one.k8s_name);
        match tokio::time::timeout_at(deadline, objects).await {
            Ok(Ok(objects)) => {
                observe(&one.k8s_name, one.state, one.has_secret, &objects, Timestamp::now())
            }
            Ok(Err(broken)) => unread(broken.reason().to_owned()),
            Err(_) => {
                let limit = INSPECT_TIMEOUT.as_millis();
                unread(format!("Kubernetes did not answer within {limit} ms"))
            }
        }
    }

    async fn objects(&self, namespace: &str, k8s_name: &str) -> Result<Objects, Broken> {
        let sets = self.api::<StatefulSet>(namespace);
        let services = self.api::<Service>(namespace);
        let claims = self.api::<PersistentVolumeClaim>(namespace);
        let secrets = self.api::<Secret>(namespace);
        let (set, service) = (names::stateful_set(k8s_name), names::service(k8s_name));
        let (claim, secret) = (names::claim(k8s_name), names::secret(k8s_name));
        let (stateful_set, service, claim, secret, pods) = tokio::try_join!(
            call_opt("get", "statefulsets", namespace, sets.get(&set)),
            call_opt("get", "services", namespace, services.get_metadata(&service)),
            call_opt("get", "persistentvolumeclaims", namespace, claims.get(&claim)),
            // What is in it is nobody's business here.
            call_opt("get", "secrets", namespace, secrets.get_metadata(&secret)),
            self.pods(namespace, k8s_name),
        )?;
        let service = service.map(|service: PartialObjectMeta<Service>| service.metadata);
        let secret = secret.map(|secret: PartialObjectMeta<Secret>| secret.metadata);
        Ok(Objects { stateful_set, service, claim, secret, pods })
    }
}

fn unread(reason: String) -> Observed {
    Observed { reason: Some(reason), ..Observed::default() }
}

fn observe(
    k8s_name: &str,
    state: State,
    has_secret: bool,
    objects: &Objects,
    now: Timestamp,
) -> Observed {
    let problems = match state {
        State::Running => running(k8s_name, has_secret, objects, now),
        State::Creating => claim_deleting(objects, now).into_iter().chain(pod(objects)).collect(),
        State::Deleting | State::Failed => blocked(objects, now),
        State::Deleted => Vec::new(),
    };
    let (restarts, last) = restarts(&objects.pods);
    Observed {
        problems: Some(problems),
        reason: None,
        restarts,
        last_restart_at: last.as_ref().and_then(|(at, _)| at.map(|at| at.to_string())),
        last_restart_reason: last.map(|(_, why)| why),
    }
}

fn problem(code: &str, object: String, message: String) -> Problem {
    Problem { code: code.to_owned(), object, message }
}

/// What is wrong with an instance that should run, the worst first.
fn running(k8s_name: &str, has_secret: bool, objects: &Objects, now: Timestamp) -> Vec<Problem> {
    let mut found: Vec<Problem> = claim_deleting(objects, now).into_iter().collect();
    match &objects.claim {
        None => {
            let claim = names::claim(k8s_name);
            let message = format!("its claim `{claim}` is missing");
            found.push(problem("claim_missing", format!("persistentvolumeclaim/{claim}"), message));
        }
        Some(claim) => found.extend(claim_not_bound(claim)),
    }
    if objects.secret.is_none() && has_secret {
        let secret = names::secret(k8s_name);
        let message =
            format!("its Secret `{secret}` with the password is missing; no new pod can start");
        found.push(problem("secret_missing", format!("secret/{secret}"), message));
    }
    if objects.stateful_set.is_none() {
        let set = names::stateful_set(k8s_name);
        let message = format!("its StatefulSet `{set}` is missing");
        found.push(problem("stateful_set_missing", format!("statefulset/{set}"), message));
    }
    if objects.service.is_none() {
        let service = names::service(k8s_name);
        let message = format!("its Service `{service}` is missing");
        found.push(problem("service_missing", format!("service/{service}"), message));
    }
    if objects.pods.is_empty() && objects.stateful_set.is_some() {
        let pod = names::pod(k8s_name);
        found.push(problem("pod_missing", format!("pod/{pod}"), format!("it has no pod `{pod}`")));
    }
    found.extend(pod(objects));
    found
}

/// A claim that is on its way out though its instance is not.
fn claim_deleting(objects: &Objects, now: Timestamp) -> Option<Problem> {
    let metadata = &objects.claim.as_ref()?.metadata;
    let deletion = deletion(metadata)?;
    let name = metadata.name.as_deref().unwrap_or_default();
    let held = match deletion.finalizers_text() {
        Some(finalizers) => format!("; it is held by {finalizers}"),
        None => String::new(),
    };
    let age = words(deletion.age_ms(now.as_millisecond()).unwrap_or_default());
    let message = format!(
        "its claim `{name}` is being deleted, for {age}: the data is lost when the pod stops{held}"
    );
    Some(problem("claim_deleting", format!("persistentvolumeclaim/{name}"), message))
}

fn claim_not_bound(claim: &PersistentVolumeClaim) -> Option<Problem> {
    let phase = claim.status.as_ref().and_then(|status| status.phase.as_deref());
    let phase =
        phase.filter(|phase| *phase != "Bound" && claim.metadata.deletion_timestamp.is_none())?;
    let name = claim.metadata.name.as_deref().unwrap_or_default();
    let message = format!("its claim `{name}` is {}", phase.to_lowercase());
    Some(problem("claim_not_bound", format!("persistentvolumeclaim/{name}"), message))
}

/// Why the pod is not ready, where it is not.
fn pod(objects: &Objects) -> Option<Problem> {
    let pod = objects.pods.first()?;
    if is_ready(pod) {
        return None;
    }
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let code = if pods::is_failing(&objects.pods) { "container_failing" } else { "pod_not_ready" };
    let message = format!("its pod {}", pods::waits_for(&objects.pods));
    Some(problem(code, format!("pod/{name}"), message))
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    pod.metadata.deletion_timestamp.is_none()
        && conditions
            .into_iter()
            .flatten()
            .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Objects that should go, and are kept by a finalizer.
fn blocked(objects: &Objects, now: Timestamp) -> Vec<Problem> {
    let set = objects.stateful_set.as_ref().map(|set| ("statefulset", &set.metadata));
    let service = objects.service.as_ref().map(|service| ("service", service));
    let claim = objects.claim.as_ref().map(|claim| ("persistentvolumeclaim", &claim.metadata));
    let secret = objects.secret.as_ref().map(|secret| ("secret", secret));
    let pods = objects.pods.iter().map(|pod| ("pod", &pod.metadata));
    let all = [set, service, claim, secret].into_iter().flatten().chain(pods);
    all.filter_map(|(kind, metadata)| {
        let now_ms = now.as_millisecond();
        let deletion = deletion(metadata)?;
        let is_old = deletion.age_ms(now_ms) >= Some(BLOCKED_AFTER_MS);
        let stuck = Some(deletion).filter(|it| is_old && it.is_stuck(now_ms))?;
        let name = metadata.name.as_deref().unwrap_or_default();
        let message = format!("{kind} `{name}` is {}", stuck.text(now_ms));
        Some(problem("deletion_blocked", format!("{kind}/{name}"), message))
    })
    .collect()
}

type LastRestart = (Option<Timestamp>, String);

/// How often containers were started again, and when and why last.
fn restarts(pods: &[Pod]) -> (Option<i64>, Option<LastRestart>) {
    let statuses = pods.iter().filter_map(|pod| pod.status.as_ref()?.container_statuses.as_ref());
    let statuses: Vec<_> = statuses.flatten().collect();
    if statuses.is_empty() {
        return (None, None);
    }
    let count = statuses.iter().map(|status| i64::from(status.restart_count)).sum();
    let ended = statuses.iter().filter_map(|status| {
        let ended = status.last_state.as_ref()?.terminated.as_ref()?;
        let reason = ended.reason.as_deref().unwrap_or("Terminated");
        let at = ended.finished_at.as_ref().map(|at| at.0);
        Some((at, format!("{reason} (exit code {})", ended.exit_code)))
    });
    (Some(count), ended.max_by_key(|(at, _)| *at))
}

#[cfg(test)]
mod tests {
    use super::{Objects, observe};
    use jiff::Timestamp;
    use serde_json::{Value, json};
    use toygres_model::instance::{Observed, State};

    fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
        serde_json::from_value(value).unwrap()
    }

    fn whole() -> Objects {
        let metadata = |name: &str| json!({"name": name});
        Objects {
            stateful_set: read(json!({"metadata": metadata("a")})),
            service: read(metadata("a-svc")),
            claim: read(json!({"metadata": metadata("a-pvc"), "status": {"phase": "Bound"}})),
            secret: read(metadata("a-credentials")),
            pods: vec![read(json!({"metadata": metadata("a-0"), "status": {"phase": "Running",
                "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [{"name": "p", "image": "i", "imageID": "", "ready": true,
                    "restartCount": 2, "state": {"running": {}}, "lastState": {"terminated":
                        {"exitCode": 137, "reason": "OOMKilled",
                            "finishedAt": "2026-01-01T00:00:00Z"}}}]}}))],
        }
    }

    fn codes(state: State, objects: &Objects) -> Vec<String> {
        let now: Timestamp = "2026-01-01T01:00:00Z".parse().unwrap();
        let Observed { problems, .. } = observe("a", state, true, objects, now);
        problems.unwrap().into_iter().map(|problem| problem.code).collect()
    }

    #[test]
    fn a_whole_instance_has_no_problem_and_tells_its_restarts() {
        assert_eq!(codes(State::Running, &whole()), Vec::<String>::new());
        let now = Timestamp::UNIX_EPOCH;
        let seen = observe("a", State::Running, true, &whole(), now);
        assert_eq!(seen.restarts, Some(2));
        assert_eq!(seen.last_restart_at.as_deref(), Some("2026-01-01T00:00:00Z"));
        assert_eq!(seen.last_restart_reason.as_deref(), Some("OOMKilled (exit code 137)"));
    }

    #[test]
    fn every_missing_object_is_named() {
        let none = Objects::default();
        let missing =
            ["claim_missing", "secret_missing", "stateful_set_missing", "service_missing"];
        assert_eq!(codes(State::Running, &none), missing);
        assert_eq!(codes(State::Creating, &none), Vec::<String>::new());
        assert_eq!(
            codes(State::Running, &Objects { pods: Vec::new(), ..whole() }),
            ["pod_missing"]
        );
    }

    #[test]
    fn a_deletion_is_told_by_whether_it_is_meant() {
        let claim = read(json!({"metadata": {"name": "a-pvc", "finalizers": ["x/y"],
            "deletionTimestamp": "2026-01-01T00:50:00Z"}, "status": {"phase": "Bound"}}));
        let objects = Objects { claim, ..whole() };
        assert_eq!(codes(State::Running, &objects), ["claim_deleting"]);
        assert_eq!(codes(State::Deleting, &objects), ["deletion_blocked"]);
        let now: Timestamp = "2026-01-01T01:00:00Z".parse().unwrap();
        let seen = observe("a", State::Running, true, &objects, now);
        let message = seen.problems.unwrap().remove(0).message;
        for part in ["for 10m", "`a-pvc`", "finalizer `x/y`", "the data is lost"] {
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn a_container_that_fails_is_told_from_one_that_starts() {
        let pod = |reason: &str| {
            vec![read(json!({"metadata": {"name": "a-0"}, "status": {"phase": "Pending",
                "containerStatuses": [{"name": "p", "image": "i", "imageID": "", "ready": false,
                    "restartCount": 0, "state": {"waiting": {"reason": reason}}}]}}))]
        };
        let codes = |reason| codes(State::Running, &Objects { pods: pod(reason), ..whole() });
        assert_eq!(codes("ErrImagePull"), ["container_failing"]);
        assert_eq!(codes("CreateContainerConfigError"), ["container_failing"]);
        assert_eq!(codes("ContainerCreating"), ["pod_not_ready"]);
    }
}
