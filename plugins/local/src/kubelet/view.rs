//! What a pod's status says.

use crate::kube::object::{items, name, text};
use crate::process::Ended;
use serde_json::{Value, json};

/// What a container does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Doing {
    /// It does not run, and why.
    Waiting { reason: &'static str, message: String },
    /// It runs.
    Running { since: String, pid: i32, ready: bool },
    /// It has ended and is not started again.
    Terminated(Terminated),
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Terminated {
    pub(super) code: i32,
    pub(super) signal: Option<i32>,
    pub(super) started: String,
    pub(super) finished: String,
    pub(super) pid: i32,
}

impl Terminated {
    pub(super) fn new(ended: &Ended, started: String, finished: String, pid: i32) -> Self {
        // Nobody tells how one ended that an earlier daemon had started.
        Self { code: ended.code.unwrap_or(255), signal: ended.signal, started, finished, pid }
    }

    fn state(&self) -> Value {
        let mut state = json!({
            "exitCode": self.code,
            "reason": if self.code == 0 { "Completed" } else { "Error" },
            "startedAt": self.started,
            "finishedAt": self.finished,
            "containerID": container_id(self.pid),
        });
        if let Some(signal) = self.signal {
            state["signal"] = signal.into();
        }
        json!({ "terminated": state })
    }
}

/// A pod as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    /// Why it has no place to run yet.
    pub(super) unscheduled: Option<String>,
    /// The container that is PostgreSQL.
    pub(super) main: Option<String>,
    /// What that one does.
    pub(super) doing: Doing,
    /// How often it was started again.
    pub(super) restarts: i64,
    /// How it ended the last time.
    pub(super) last: Option<Terminated>,
    /// The version of the programs that serve the image.
    pub(super) version: String,
    /// When the pod was first seen.
    pub(super) start: String,
}

impl View {
    /// What the status of a pod says that an earlier daemon left.
    pub(super) fn of(pod: &Value, now: String) -> Self {
        let start = match text(pod, "/status/startTime") {
            "" => now,
            start => start.to_owned(),
        };
        // Of all containers the only one that ever runs has restarts to remember.
        let restarts = items(pod, "/status/containerStatuses")
            .iter()
            .filter_map(|status| status.get("restartCount")?.as_i64())
            .max();
        Self {
            unscheduled: None,
            main: None,
            doing: creating(),
            restarts: restarts.unwrap_or(0),
            last: None,
            version: String::new(),
            start,
        }
    }

    /// Whether it serves.
    pub(super) fn is_ready(&self) -> bool {
        matches!(self.doing, Doing::Running { ready: true, .. })
    }

    fn phase(&self) -> &'static str {
        match &self.doing {
            Doing::Terminated(ended) if ended.code == 0 => "Succeeded",
            Doing::Terminated(_) => "Failed",
            Doing::Running { .. } => "Running",
            Doing::Waiting { .. } if self.last.is_some() || self.restarts > 0 => "Running",
            Doing::Waiting { .. } => "Pending",
        }
    }

    /// The status of `pod`; conditions that did not change keep their time.
    pub(super) fn status(&self, pod: &Value, now: &str) -> Value {
        let all_ready = self.is_ready() && items(pod, "/spec/containers").len() == 1;
        let not_ready = "containers with unready status";
        let conditions: Vec<Value> = [
            ("PodScheduled", self.unscheduled.is_none(), "Unschedulable", self.unscheduled.clone()),
            ("Initialized", true, "", None),
            ("ContainersReady", all_ready, "ContainersNotReady", Some(not_ready.to_owned())),
            ("Ready", all_ready, "ContainersNotReady", Some(not_ready.to_owned())),
        ]
        .into_iter()
        .map(|(kind, holds, reason, message)| condition(pod, kind, holds, reason, message, now))
        .collect();
        let mut status = json!({ "phase": self.phase(), "conditions": conditions });
        if self.unscheduled.is_some() {
            return status;
        }
        let containers = items(pod, "/spec/containers").iter();
        let statuses: Vec<Value> = containers.map(|container| self.container(container)).collect();
        status["hostIP"] = "127.0.0.1".into();
        status["hostIPs"] = json!([{ "ip": "127.0.0.1" }]);
        status["podIP"] = "127.0.0.1".into();
        status["podIPs"] = json!([{ "ip": "127.0.0.1" }]);
        status["startTime"] = self.start.as_str().into();
        status["containerStatuses"] = statuses.into();
        status["qosClass"] = match text(pod, "/status/qosClass") {
            "" => "BestEffort",
            class => class,
        }
        .into();
        status
    }

    fn container(&self, container: &Value) -> Value {
        let image = text(container, "/image");
        let mut status = json!({
            "name": name_of(container),
            "image": image,
            "imageID": "",
            "ready": false,
            "started": false,
            "restartCount": 0,
            "lastState": {},
        });
        if self.main.as_deref() != Some(name_of(container)) {
            let message = match (&self.main, &self.doing) {
                // Why nothing runs at all.
                (None, Doing::Waiting { reason, message }) if *reason != ERR_IMAGE_PULL => {
                    status["state"] = waiting(reason, message);
                    return status;
                }
                _ => no_image(image),
            };
            status["state"] = waiting(ERR_IMAGE_PULL, &message);
            return status;
        }
        if !self.version.is_empty() {
            status["imageID"] = format!("postgresql://{}", self.version).into();
        }
        status["restartCount"] = self.restarts.into();
        if let Some(last) = &self.last {
            status["lastState"] = last.state();
        }
        match &self.doing {
            Doing::Waiting { reason, message } => status["state"] = waiting(reason, message),
            Doing::Running { since, pid, ready } => {
                status["state"] = json!({ "running": { "startedAt": since } });
                status["containerID"] = container_id(*pid).into();
                status["ready"] = (*ready).into();
                status["started"] = true.into();
            }
            Doing::Terminated(ended) => {
                status["state"] = ended.state();
                status["containerID"] = container_id(ended.pid).into();
            }
        }
        status
    }
}

/// The reason of a container whose image is none of PostgreSQL.
pub(super) const ERR_IMAGE_PULL: &str = "ErrImagePull";

/// Why an image cannot be had.
pub(super) fn no_image(image: &str) -> String {
    format!(
        "failed to pull image \"{image}\": only images named `postgres` run on this machine; \
         a real cluster runs others"
    )
}

/// Everything is there, and the container is about to start.
pub(super) fn creating() -> Doing {
    Doing::Waiting { reason: "ContainerCreating", message: String::new() }
}

fn name_of(container: &Value) -> &str {
    text(container, "/name")
}

fn container_id(pid: i32) -> String {
    format!("process://{pid}")
}

fn waiting(reason: &str, message: &str) -> Value {
    let mut state = json!({ "reason": reason });
    if !message.is_empty() {
        state["message"] = message.into();
    }
    json!({ "waiting": state })
}

fn condition(
    pod: &Value,
    kind: &str,
    holds: bool,
    reason: &str,
    message: Option<String>,
    now: &str,
) -> Value {
    let value = if holds { "True" } else { "False" };
    let before = items(pod, "/status/conditions")
        .iter()
        .find(|condition| text(condition, "/type") == kind && text(condition, "/status") == value);
    let since = before.map_or(now, |condition| text(condition, "/lastTransitionTime"));
    let mut condition = json!({
        "type": kind, "status": value, "lastProbeTime": null, "lastTransitionTime": since,
    });
    if !holds {
        condition["reason"] = reason.into();
        if let Some(message) = message {
            condition["message"] = message.into();
        }
    }
    condition
}

/// A name and namespace as messages have it.
pub(super) fn called(pod: &Value) -> String {
    format!("{}/{}", text(pod, "/metadata/namespace"), name(pod))
}

#[cfg(test)]
mod tests {
    use super::{Doing, Terminated, View};
    use crate::process::Ended;
    use serde_json::{Value, json};

    fn pod() -> Value {
        json!({
            "metadata": { "name": "mydb-0" },
            "spec": { "containers": [{ "name": "postgres", "image": "postgres:18" }] },
        })
    }

    fn view() -> View {
        View { main: Some("postgres".to_owned()), ..View::of(&pod(), "T1".to_owned()) }
    }

    fn ready(status: &Value) -> (&Value, &Value) {
        let condition = &status["conditions"][3];
        assert_eq!(condition["type"], "Ready");
        (&condition["status"], &condition["lastTransitionTime"])
    }

    #[test]
    fn a_pod_goes_from_pending_to_ready_and_keeps_the_times() {
        let mut pod = pod();
        let mut view = view();
        pod["status"] = view.status(&pod, "T1");
        assert_eq!(pod["status"]["phase"], "Pending");
        assert_eq!(ready(&pod["status"]), (&json!("False"), &json!("T1")));
        view.doing = Doing::Running { since: "T2".to_owned(), pid: 7, ready: false };
        pod["status"] = view.status(&pod, "T2");
        assert_eq!(pod["status"]["phase"], "Running");
        assert_eq!(ready(&pod["status"]), (&json!("False"), &json!("T1")));
        view.doing = Doing::Running { since: "T2".to_owned(), pid: 7, ready: true };
        pod["status"] = view.status(&pod, "T3");
        assert_eq!(ready(&pod["status"]), (&json!("True"), &json!("T3")));
        let container = &pod["status"]["containerStatuses"][0];
        assert_eq!(container["ready"], true);
        assert_eq!(container["state"]["running"]["startedAt"], "T2");
        assert_eq!(pod["status"]["startTime"], "T1");
    }

    #[test]
    fn one_that_keeps_dying_says_how() {
        let ended = Ended { code: Some(137), signal: Some(9) };
        let last = Terminated::new(&ended, "T1".to_owned(), "T2".to_owned(), 7);
        let doing = Doing::Waiting { reason: "CrashLoopBackOff", message: "back-off".to_owned() };
        let view = View { doing, restarts: 3, last: Some(last), ..view() };
        let status = view.status(&pod(), "T3");
        assert_eq!(status["phase"], "Running");
        let container = &status["containerStatuses"][0];
        assert_eq!(container["state"]["waiting"]["reason"], "CrashLoopBackOff");
        assert_eq!(container["lastState"]["terminated"]["signal"], 9);
        assert_eq!(container["restartCount"], 3);
        assert_eq!(View::of(&json!({ "status": status }), String::new()).restarts, 3);
    }

    #[test]
    fn what_is_not_postgres_is_never_ready() {
        let mut pod = pod();
        let both = json!([pod["spec"]["containers"][0], { "name": "side", "image": "nginx" }]);
        pod["spec"]["containers"] = both;
        let doing = Doing::Running { since: "T".to_owned(), pid: 7, ready: true };
        let status = View { doing, ..view() }.status(&pod, "T");
        assert_eq!(ready(&status).0, "False");
        assert_eq!(status["containerStatuses"][0]["ready"], true);
        let waiting = &status["containerStatuses"][1]["state"]["waiting"];
        assert_eq!(waiting["reason"], "ErrImagePull");
    }
}
