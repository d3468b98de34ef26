//! The cluster and the namespace.

use crate::check::{Finding, NAMED, Row, listed, row};
use crate::gather::Sources;
use crate::gather::cluster::{Object, is_not_permitted};
use serde_json::json;
use toygres_model::cluster_reading::Quantity;
use toygres_model::time;
use toygres_plugin_api::ErrorKind;
use toygres_plugin_api::shell::ShellCommand;

pub(super) const ROWS: &[Row] = &[
    row!("TG0501", Cluster, Error, "Kubernetes answers", reachable, late: Failed),
    row!("TG0502", Cluster, Warning, "Kubernetes is of a release that is known to work", version),
    row!("TG0503", Cluster, Error, "nodes are ready", nodes),
    row!("TG0504", Namespace, Error, "the namespace is there", namespace),
    row!("TG0505", Namespace, Warning, "no quota is near its limit", quotas),
    row!("TG0506", Namespace, Warning, "no warning was given within an hour", events),
    row!("TG0507", Cluster, Warning, "Kubernetes answers quickly", quick),
    row!("TG0508", StorageClass, Error, "the storage class is there", storage_class),
];

/// An answer that took longer is worth a warning.
const SLOW_MS: f64 = 1000.0;
/// Warnings of the last hour count.
const RECENT_MS: i64 = 3_600_000;
/// The oldest minor release of Kubernetes 1 that is tested.
const OLDEST_MINOR: u32 = 20;
/// The annotation of the storage class that is taken where none is named.
const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";

async fn reachable(sources: &Sources) -> Finding {
    let target = match sources.cluster.target.clone().await {
        Ok(target) => target,
        Err(error) => return Finding::broken(&error),
    };
    let version = match sources.cluster.version.clone().await {
        Ok(version) => version,
        Err(error) => {
            return Finding::broken(&error)
                .see("server", target.server.as_str())
                .fix("kubectl get --raw /readyz");
        }
    };
    let name = sources.settings.cluster.clone().unwrap_or_else(|| target.server.clone());
    let region = region(sources).await;
    let headline = match &region {
        Some(region) => format!("{name} ({region})"),
        None => name.clone(),
    };
    let finding = Finding::ok(format!("Kubernetes {}", version.text))
        .headline(headline)
        .fact("Cluster", name)
        .see("server", target.server.as_str())
        .see("context", target.context.clone())
        .see("region", region.clone());
    match region {
        Some(region) => finding.fact("Region", region),
        None => finding,
    }
}

/// As the nodes' labels say, where they do.
async fn region(sources: &Sources) -> Option<String> {
    let nodes = sources.cluster.nodes.clone().await.ok()?;
    let label = |node: &Object| node.metadata.labels.get("topology.kubernetes.io/region").cloned();
    nodes.iter().find_map(label)
}

async fn version(sources: &Sources) -> Finding {
    let version = match sources.cluster.version.clone().await {
        Ok(version) => version,
        Err(error) => return Finding::cannot_tell(&error),
    };
    let Some(release) = release(&version.major, &version.minor) else {
        return Finding::unknown(format!("its release cannot be read: {}", version.text))
            .see("version", version.text.as_str())
            .fix("kubectl version");
    };
    let finding = if release >= (1, OLDEST_MINOR) {
        Finding::ok(version.text.clone())
    } else {
        Finding::warning(format!("{} is older than 1.{OLDEST_MINOR}", version.text))
            .fix("kubectl version")
    };
    finding
        .see("version", version.text.as_str())
        .fact("Version", version.text.trim_start_matches('v'))
}

/// The two numbers; a provider may put something behind the second one: `28+`.
fn release(major: &str, minor: &str) -> Option<(u32, u32)> {
    let digits: String = minor.chars().take_while(char::is_ascii_digit).collect();
    Some((major.parse().ok()?, digits.parse().ok()?))
}

async fn nodes(sources: &Sources) -> Finding {
    let nodes = match sources.cluster.nodes.clone().await {
        Ok(nodes) => nodes,
        Err(error) => return Finding::cannot_tell(&error),
    };
    let unready: Vec<&str> = nodes
        .iter()
        .filter(|node| !node.has_condition("Ready"))
        .map(|node| node.metadata.name.as_str())
        .collect();
    let all = nodes.len();
    let finding = if all == 0 {
        Finding::failed("the cluster has no node")
    } else if unready.is_empty() {
        Finding::ok(format!("{all} (all ready)"))
    } else if unready.len() == all {
        Finding::failed(format!("none of {all} is ready"))
    } else {
        Finding::warning(format!(
            "{} of {all} not ready: {}",
            unready.len(),
            listed(unready.iter().copied())
        ))
    };
    let finding = if unready.is_empty() && all > 0 {
        finding.fact("Nodes", format!("{all} (all ready)"))
    } else {
        finding
            .fact("Nodes", format!("{all}, {} not ready", unready.len()))
            .fix("kubectl get nodes")
    };
    finding.see("nodes", all).see("unready", json!(unready))
}

async fn namespace(sources: &Sources) -> Finding {
    let name = match sources.cluster.target.clone().await {
        Ok(target) => target.namespace.clone(),
        Err(error) => return Finding::cannot_tell(&error),
    };
    let found = sources.cluster.namespace.clone().await;
    let finding = match found {
        Ok(object) if object.is_going() => {
            Finding::failed(format!("`{name}` is being deleted, with everything in it"))
                .fix(ShellCommand::new("kubectl get namespace").arg(&name))
        }
        Ok(_) => Finding::ok(format!("`{name}` is there")),
        Err(error) if error.kind == ErrorKind::NotFound => {
            Finding::failed(format!("there is no namespace `{name}`"))
                .fix(ShellCommand::new("kubectl create namespace").arg(&name))
        }
        // Not everybody may look at a namespace; what lies in one shows that it is there.
        Err(error) if is_not_permitted(&error) && has_objects(sources).await => {
            Finding::ok(format!("`{name}` has objects in it"))
        }
        Err(error) => Finding::cannot_tell(&error),
    };
    let counted = counts(sources).await;
    let finding = finding.headline(&name).see("namespace", name);
    counted.into_iter().fold(finding, |finding, (label, count)| finding.fact(label, count))
}

async fn has_objects(sources: &Sources) -> bool {
    sources.cluster.stateful_sets.clone().await.is_ok_and(|found| !found.is_empty())
}

/// How many objects of instances there are, of the kinds that can be read.
async fn counts(sources: &Sources) -> Vec<(&'static str, String)> {
    let cluster = &sources.cluster;
    let mut counts = Vec::new();
    for (label, objects) in [
        ("StatefulSets", cluster.stateful_sets.clone().await),
        ("Services", cluster.services.clone().await),
        ("PVCs", cluster.claims.clone().await),
    ] {
        if let Ok(objects) = objects {
            counts.push((label, objects.len().to_string()));
        }
    }
    if let Ok(pods) = cluster.pods.clone().await {
        let running = pods.iter().filter(|pod| pod.status["phase"] == "Running").count();
        counts.push(("Pods", format!("{running} running")));
    }
    counts
}

async fn quotas(sources: &Sources) -> Finding {
    let quotas = match sources.cluster.quotas.clone().await {
        Ok(quotas) => quotas,
        Err(error) => return Finding::cannot_tell(&error),
    };
    let mut near = Vec::new();
    for quota in quotas.iter() {
        for (resource, hard) in quota.status["hard"].as_object().into_iter().flatten() {
            let used = quota.status["used"][resource.as_str()].as_str().and_then(quantity);
            let hard = hard.as_str().and_then(quantity);
            if let (Some(used), Some(hard)) = (used, hard)
                && hard > 0.0
                && used / hard >= 0.9
            {
                let percent = (used / hard * 100.0).floor();
                near.push(format!("{} {resource} at {percent}%", quota.metadata.name));
            }
        }
    }
    let finding = if near.is_empty() {
        Finding::ok(match quotas.len() {
            0 => "there is none".to_owned(),
            count => format!("{count} looked at"),
        })
    } else {
        let more = near.len().saturating_sub(NAMED);
        let told = near[..near.len() - more].join(", ");
        Finding::warning(if more > 0 { format!("{told} and {more} more") } else { told }).fix(
            match sources.cluster.target.clone().await {
                Ok(target) => ShellCommand::new("kubectl describe resourcequota")
                    .option("-n", &target.namespace),
                Err(_) => ShellCommand::new("kubectl describe resourcequota -A"),
            },
        )
    };
    finding.see("quotas", quotas.len()).see("near", json!(near))
}

/// A quantity of Kubernetes: `1500m`, `10Gi`, `2k`.
fn quantity(text: &str) -> Option<f64> {
    Quantity::parse(text).map(Quantity::as_f64)
}

async fn events(sources: &Sources) -> Finding {
    let events = match sources.cluster.events.clone().await {
        Ok(events) => events,
        Err(error) => return Finding::cannot_tell(&error),
    };
    let now = jiff::Timestamp::now().as_millisecond();
    let mut recent: Vec<_> = events
        .iter()
        .filter_map(|event| {
            let at = event.at().and_then(time::parse)?;
            (now - at < RECENT_MS).then_some((at, event))
        })
        .collect();
    recent.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let listed: Vec<_> = recent
        .iter()
        .take(20)
        .map(|(at, event)| {
            json!({"at": time::rfc3339(*at), "kind": event.involved_object.kind,
                "name": event.involved_object.name, "reason": event.reason,
                "message": event.message})
        })
        .collect();
    let finding = match recent.first() {
        None => Finding::ok("none"),
        Some((at, event)) => Finding::warning(format!(
            "{} within an hour; {} {} {} ago: {}: {}",
            recent.len(),
            event.involved_object.kind.to_lowercase(),
            event.involved_object.name,
            time::words(now - at),
            event.reason,
            event.message
        ))
        .fix(match sources.cluster.target.clone().await {
            Ok(target) => ShellCommand::new("kubectl get events")
                .option("-n", &target.namespace)
                .option("--field-selector", "type=Warning"),
            Err(_) => ShellCommand::new("kubectl get events -A --field-selector type=Warning"),
        }),
    };
    finding.see("count", recent.len()).see("events", json!(listed))
}

async fn quick(sources: &Sources) -> Finding {
    let version = match sources.cluster.version.clone().await {
        Ok(version) => version,
        Err(error) => return Finding::cannot_tell(&error),
    };
    let took = format!("{:.0}ms", version.took_ms);
    let finding = if version.took_ms < SLOW_MS {
        Finding::ok(format!("answered in {took}"))
    } else {
        Finding::warning(format!("it took {took} to answer")).fix("kubectl get --raw /readyz")
    };
    finding.see("response_ms", version.took_ms.round()).fact("Response Time", took)
}

async fn storage_class(sources: &Sources) -> Finding {
    let classes = match sources.cluster.classes.clone().await {
        Ok(classes) => classes,
        Err(error) => return Finding::cannot_tell(&error),
    };
    let names: Vec<&str> = classes.iter().map(|class| class.metadata.name.as_str()).collect();
    let finding = match &sources.settings.storage_class {
        Some(wanted) if names.contains(&wanted.as_str()) => {
            Finding::ok(format!("`{wanted}` is there")).headline(format!("{wanted} (available)"))
        }
        Some(wanted) => Finding::failed(format!(
            "there is no storage class `{wanted}` (`kubernetes.storage_class`)"
        )),
        None => match classes.iter().find(|class| is_default(class)) {
            Some(class) => Finding::ok(format!("`{}` is the default", class.metadata.name))
                .headline(format!("{} (available)", class.metadata.name)),
            None if names.is_empty() => Finding::failed("the cluster has no storage class"),
            None => Finding::failed(format!(
                "no storage class is the default, and `kubernetes.storage_class` names none of {}",
                names.join(", ")
            )),
        },
    };
    let finding =
        if finding.headline.is_none() { finding.fix("kubectl get storageclass") } else { finding };
    finding.see("classes", json!(names))
}

fn is_default(class: &Object) -> bool {
    class.metadata.annotations.get(DEFAULT_CLASS).is_some_and(|value| value == "true")
}

#[cfg(test)]
mod tests {
    use super::{quantity, release};

    #[test]
    fn a_release_is_two_numbers_or_nothing() {
        assert_eq!(release("1", "28+"), Some((1, 28)));
        assert!(release("2", "0") > release("1", "20"));
        assert_eq!(release("", ""), None);
        assert_eq!(release("1", "x"), None);
    }

    #[test]
    fn quantities_of_every_unit_are_read() {
        for (text, value) in
            [("5", 5.0), ("1500m", 1.5), ("10Gi", 10.0 * 1024.0 * 1024.0 * 1024.0), ("2k", 2000.0)]
        {
            assert_eq!(quantity(text), Some(value), "{text}");
        }
        assert_eq!(quantity("1e3"), Some(1000.0));
        assert_eq!(quantity("lots"), None);
        assert_eq!(quantity("5 apples"), None);
    }
}
