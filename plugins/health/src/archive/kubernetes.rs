//! What Kubernetes has in the namespace: events, and the state of the objects. What is in their
//! specifications, such as a container's environment, is left out, since it may hold secrets.

use super::collect::{Entry, packed};
use crate::gather::cluster::{KubernetesList, read_list};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Context, Error, Report, Result};

/// A kind of object, where it is listed, and what is kept of each.
struct Kind {
    name: &'static str,
    path: &'static str,
    keep: fn(&Value) -> Value,
}

const KINDS: &[Kind] = &[
    Kind { name: "events", path: "/api/v1/@/events", keep: event },
    Kind { name: "pods", path: "/api/v1/@/pods", keep: state },
    Kind { name: "statefulsets", path: "/apis/apps/v1/@/statefulsets", keep: state },
    Kind { name: "services", path: "/api/v1/@/services", keep: state },
    Kind { name: "persistentvolumeclaims", path: "/api/v1/@/persistentvolumeclaims", keep: state },
];

/// One entry a kind.
pub(crate) async fn collect(ctx: &Context, patience: Duration) -> Vec<Entry> {
    let looks = KINDS.iter().map(async |kind| {
        let began = Instant::now();
        let answer = tokio::time::timeout(patience, read(ctx, kind)).await.unwrap_or_else(|_| {
            Err(Error::timed_out(format!("no answer within {} s", patience.as_secs())))
        });
        let file = format!("kubernetes/{}", kind.name);
        let command = ShellCommand::new("kubectl get").arg(kind.name).to_string();
        packed(command, "health".to_owned(), &file, began, answer)
    });
    futures_util::future::join_all(looks).await
}

async fn read(ctx: &Context, kind: &Kind) -> Result<Report> {
    let list: KubernetesList = read_list(ctx.clone(), kind.path.to_owned(), true).await?;
    Report::data(list.iter().map(kind.keep).collect::<Vec<Value>>())
}

fn event(event: &Value) -> Value {
    let object = &event["involvedObject"];
    json!({
        "type": event["type"],
        "reason": event["reason"],
        "message": event["message"],
        "kind": object["kind"],
        "name": object["name"],
        "count": event["count"],
        "first_at": event["firstTimestamp"],
        "last_at": first(&[&event["series"]["lastObservedTime"], &event["lastTimestamp"],
            &event["eventTime"], &event["metadata"]["creationTimestamp"]]),
    })
}

fn state(object: &Value) -> Value {
    let metadata = &object["metadata"];
    json!({
        "name": metadata["name"],
        "labels": metadata["labels"],
        "generation": metadata["generation"],
        "created_at": metadata["creationTimestamp"],
        "deleted_at": metadata["deletionTimestamp"],
        "finalizers": metadata["finalizers"],
        "status": object["status"],
    })
}

fn first(values: &[&Value]) -> Value {
    values.iter().find(|value| !value.is_null()).map_or(Value::Null, |value| (*value).clone())
}

#[cfg(test)]
mod tests {
    use super::state;
    use serde_json::{Value, json};

    #[test]
    fn what_may_hold_a_secret_is_left_out() {
        let pod = json!({"metadata": {"name": "a-0", "annotations": {"x": "canary"}},
            "spec": {"containers": [{"env": [{"name": "PASSWORD", "value": "canary"}]}]},
            "status": {"phase": "Running"}});
        let kept = state(&pod);
        assert_eq!((&kept["name"], &kept["status"]["phase"]), (&json!("a-0"), &json!("Running")));
        assert_eq!(kept["finalizers"], Value::Null);
        assert!(!kept.to_string().contains("canary"));
    }
}
