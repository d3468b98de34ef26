//! Objects as Kubernetes writes them, with nothing but what is compared: the rest of a document is
//! passed over, and texts are borrowed from it.

use serde::Deserialize;
use std::borrow::Cow;
use toygres_model::drift::{Claim, Object, Pod, Service, StatefulSet};

type Text<'a> = Option<Cow<'a, str>>;

/// A page of a list.
#[derive(Deserialize)]
pub(super) struct Page<'a, T> {
    #[serde(borrow, default)]
    pub(super) metadata: PageMetadata<'a>,
    #[serde(default = "Vec::new")]
    pub(super) items: Vec<T>,
}

#[derive(Deserialize, Default)]
pub(super) struct PageMetadata<'a> {
    #[serde(rename = "continue", borrow, default)]
    next: Text<'a>,
}

impl<T> Page<'_, T> {
    /// What the next page is asked for with.
    pub(super) fn next(&self) -> Option<String> {
        let next = self.metadata.next.as_deref().filter(|next| !next.is_empty());
        next.map(str::to_owned)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    uid: Text<'a>,
    #[serde(borrow, default)]
    resource_version: Text<'a>,
    #[serde(borrow, default)]
    deletion_timestamp: Text<'a>,
    #[serde(borrow, default)]
    labels: Labels<'a>,
    #[serde(borrow, default)]
    annotations: Annotations<'a>,
    #[serde(default)]
    generation: Option<i64>,
}

#[derive(Deserialize, Default)]
struct Labels<'a> {
    #[serde(borrow, default)]
    app: Text<'a>,
    #[serde(borrow, default)]
    instance: Text<'a>,
}

#[derive(Deserialize, Default)]
struct Annotations<'a> {
    #[serde(rename = "toygres.io/instance-id", borrow, default)]
    id: Text<'a>,
    #[serde(rename = "service.beta.kubernetes.io/azure-dns-label-name", borrow, default)]
    dns_label: Text<'a>,
}

fn owned(text: Text<'_>) -> Option<String> {
    text.map(Cow::into_owned)
}

impl From<Metadata<'_>> for Object {
    fn from(metadata: Metadata<'_>) -> Self {
        Self {
            name: metadata.name.into_owned(),
            app: owned(metadata.labels.app),
            instance: owned(metadata.labels.instance),
            id: owned(metadata.annotations.id).filter(|id| !id.is_empty()),
            uid: owned(metadata.uid).unwrap_or_default(),
            version: owned(metadata.resource_version).unwrap_or_default(),
            terminating: metadata.deletion_timestamp.is_some(),
        }
    }
}

/// The metadata alone, as a Secret is read.
#[derive(Deserialize)]
pub(super) struct WireObject<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
}

impl From<WireObject<'_>> for Object {
    fn from(wire: WireObject<'_>) -> Self {
        wire.metadata.into()
    }
}

#[derive(Deserialize)]
pub(super) struct WireSet<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
    #[serde(borrow)]
    spec: SetSpec<'a>,
    #[serde(default)]
    status: SetStatus,
}

#[derive(Deserialize)]
struct SetSpec<'a> {
    #[serde(default)]
    replicas: Option<i64>,
    #[serde(borrow)]
    template: Template<'a>,
}

#[derive(Deserialize)]
struct Template<'a> {
    #[serde(borrow, default)]
    spec: Option<PodSpec<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct SetStatus {
    observed_generation: Option<i64>,
    ready_replicas: Option<i64>,
}

#[derive(Deserialize)]
struct PodSpec<'a> {
    #[serde(borrow, default)]
    containers: Vec<Container<'a>>,
    #[serde(borrow, default)]
    volumes: Vec<Volume<'a>>,
}

#[derive(Deserialize)]
struct Container<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    image: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Volume<'a> {
    #[serde(borrow, default)]
    persistent_volume_claim: Option<VolumeClaim<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VolumeClaim<'a> {
    #[serde(borrow)]
    claim_name: Cow<'a, str>,
}

impl PodSpec<'_> {
    /// The image of PostgreSQL's container: the one that is called so, or the first.
    fn image(&self) -> Option<String> {
        let named = self.containers.iter().find(|container| container.name == "postgres");
        let container = named.or(self.containers.first())?;
        container.image.as_deref().map(str::to_owned)
    }

    fn claim(&self) -> Option<String> {
        let claims =
            self.volumes.iter().filter_map(|volume| volume.persistent_volume_claim.as_ref());
        claims.map(|claim| claim.claim_name.clone().into_owned()).next()
    }
}

impl From<WireSet<'_>> for StatefulSet {
    fn from(wire: WireSet<'_>) -> Self {
        let generation = wire.metadata.generation;
        let observed = wire.status.observed_generation;
        let pod = wire.spec.template.spec;
        Self {
            replicas: wire.spec.replicas.unwrap_or(1),
            ready: wire.status.ready_replicas.unwrap_or(0),
            observed: generation.is_none_or(|wanted| observed.is_some_and(|seen| seen >= wanted)),
            image: pod.as_ref().and_then(PodSpec::image),
            claim: pod.as_ref().and_then(PodSpec::claim),
            object: wire.metadata.into(),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct WireService<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
    #[serde(borrow)]
    spec: ServiceSpec<'a>,
    #[serde(borrow, default)]
    status: ServiceStatus<'a>,
}

#[derive(Deserialize)]
struct ServiceSpec<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Text<'a>,
    #[serde(borrow, default)]
    ports: Vec<Port<'a>>,
    #[serde(borrow, default)]
    selector: std::collections::BTreeMap<Cow<'a, str>, Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Port<'a> {
    #[serde(default)]
    port: Option<u16>,
    #[serde(borrow, default)]
    target_port: Option<Target<'a>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Target<'a> {
    Number(i64),
    Name(#[serde(borrow)] Cow<'a, str>),
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct ServiceStatus<'a> {
    #[serde(borrow, default)]
    load_balancer: LoadBalancer<'a>,
}

#[derive(Deserialize, Default)]
struct LoadBalancer<'a> {
    #[serde(borrow, default)]
    ingress: Vec<Ingress<'a>>,
}

#[derive(Deserialize)]
struct Ingress<'a> {
    #[serde(borrow, default)]
    ip: Text<'a>,
    #[serde(borrow, default)]
    hostname: Text<'a>,
}

impl From<WireService<'_>> for Service {
    fn from(wire: WireService<'_>) -> Self {
        let port = wire.spec.ports.first();
        let target = port.and_then(|port| port.target_port.as_ref()).map(|target| match target {
            Target::Number(number) => number.to_string(),
            Target::Name(name) => name.clone().into_owned(),
        });
        // In the order of names, as the selector that it is compared with.
        let selector: Vec<String> =
            wire.spec.selector.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let ingress = wire.status.load_balancer.ingress.into_iter().next();
        let address = ingress.and_then(|ingress| owned(ingress.ip).or(owned(ingress.hostname)));
        let mut metadata = wire.metadata;
        Self {
            kind: owned(wire.spec.kind).unwrap_or_else(|| "ClusterIP".to_owned()),
            port: port.and_then(|port| port.port),
            target,
            selector: selector.join(","),
            address: address.filter(|address| !address.is_empty()),
            dns_label: owned(metadata.annotations.dns_label.take()),
            object: metadata.into(),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct WireClaim<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
    #[serde(borrow)]
    spec: ClaimSpec<'a>,
    #[serde(borrow, default)]
    status: Phase<'a>,
}

#[derive(Deserialize)]
struct ClaimSpec<'a> {
    #[serde(borrow, default)]
    resources: Resources<'a>,
}

#[derive(Deserialize, Default)]
struct Resources<'a> {
    #[serde(borrow, default)]
    requests: Requests<'a>,
}

#[derive(Deserialize, Default)]
struct Requests<'a> {
    #[serde(borrow, default)]
    storage: Text<'a>,
}

#[derive(Deserialize, Default)]
struct Phase<'a> {
    #[serde(borrow, default)]
    phase: Text<'a>,
}

impl From<WireClaim<'_>> for Claim {
    fn from(wire: WireClaim<'_>) -> Self {
        Self {
            storage: owned(wire.spec.resources.requests.storage),
            phase: owned(wire.status.phase),
            object: wire.metadata.into(),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct WirePod<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
    #[serde(borrow)]
    spec: PodSpec<'a>,
    #[serde(borrow, default)]
    status: PodStatus<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct PodStatus<'a> {
    #[serde(borrow, default)]
    phase: Text<'a>,
    #[serde(borrow, default)]
    reason: Text<'a>,
    #[serde(borrow, default)]
    conditions: Vec<Condition<'a>>,
    #[serde(borrow, default)]
    container_statuses: Vec<ContainerStatus<'a>>,
}

#[derive(Deserialize)]
struct Condition<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow, default)]
    message: Text<'a>,
}

#[derive(Deserialize)]
struct ContainerStatus<'a> {
    #[serde(borrow, default)]
    state: ContainerState<'a>,
}

#[derive(Deserialize, Default)]
struct ContainerState<'a> {
    #[serde(borrow, default)]
    waiting: Option<Why<'a>>,
    #[serde(borrow, default)]
    terminated: Option<Why<'a>>,
}

#[derive(Deserialize)]
struct Why<'a> {
    #[serde(borrow, default)]
    reason: Text<'a>,
    #[serde(borrow, default)]
    message: Text<'a>,
}

impl PodStatus<'_> {
    fn is_ready(&self) -> bool {
        self.conditions.iter().any(|it| it.kind == "Ready" && it.status == "True")
    }

    /// Why it does not serve: what its container waits for, or what keeps it from a node.
    fn reason(&self) -> Option<String> {
        let states = self.container_statuses.iter().map(|status| &status.state);
        let why =
            states.filter_map(|state| state.waiting.as_ref().or(state.terminated.as_ref())).next();
        if let Some(why) = why {
            let reason = why.reason.as_deref().unwrap_or("not running");
            let message = why.message.as_deref().map(|message| format!(": {message}"));
            return Some(format!("{reason}{}", message.unwrap_or_default()));
        }
        let unscheduled =
            self.conditions.iter().find(|it| it.kind == "PodScheduled" && it.status == "False");
        let message = unscheduled.and_then(|condition| condition.message.as_deref());
        let message = message.or(self.reason.as_deref()).or(self.phase.as_deref());
        message.map(|message| format!("the pod is not ready: {message}"))
    }
}

impl From<WirePod<'_>> for Pod {
    fn from(wire: WirePod<'_>) -> Self {
        let ready = wire.status.is_ready();
        Self {
            ready,
            image: wire.spec.image(),
            reason: if ready { None } else { wire.status.reason() },
            object: wire.metadata.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Page, WireClaim, WirePod, WireService, WireSet};
    use serde_json::json;
    use toygres_model::drift::{Claim, Pod, Service, StatefulSet};
    use toygres_model::kubernetes::Desired;

    fn desired() -> Desired<'static> {
        Desired {
            id: "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
            k8s_name: "proddb-a1b2c3d4",
            namespace: "toygres",
            version: "18",
            image: "postgres:18",
            storage_gb: 20,
            storage_class: None,
            load_balancer: true,
            dns_label: Some("proddb"),
        }
    }

    #[test]
    fn what_is_asked_for_is_read_back() {
        let set = desired().stateful_set().to_string();
        let set: StatefulSet = serde_json::from_str::<WireSet<'_>>(&set).unwrap().into();
        assert_eq!((set.replicas, set.image.as_deref()), (1, Some("postgres:18")));
        assert_eq!(set.claim.as_deref(), Some("proddb-a1b2c3d4-pvc"));
        assert_eq!(set.object.id.as_deref(), Some(desired().id));
        let service = desired().service().to_string();
        let service: Service = serde_json::from_str::<WireService<'_>>(&service).unwrap().into();
        assert_eq!(service.selector, "app=postgres,instance=proddb-a1b2c3d4");
        assert_eq!((service.port, service.target.as_deref()), (Some(5432), Some("postgres")));
        assert_eq!(service.dns_label.as_deref(), Some("proddb"));
        let claim = desired().claim().to_string();
        let claim: Claim = serde_json::from_str::<WireClaim<'_>>(&claim).unwrap().into();
        assert_eq!(claim.storage.as_deref(), Some("20Gi"));
        assert!(!claim.object.terminating);
    }

    #[test]
    fn a_pod_says_why_it_is_not_ready() {
        let pod = |status: serde_json::Value| -> Pod {
            let text = json!({"metadata": {"name": "a-0", "deletionTimestamp": "2026-01-01T00:00:00Z"},
                "spec": {"containers": [{"name": "x", "image": "i"}]}, "status": status});
            serde_json::from_str::<WirePod<'_>>(&text.to_string()).unwrap().into()
        };
        let waits = json!({"containerStatuses": [{"state": {"waiting":
            {"reason": "ErrImagePull", "message": "no \"such\" image"}}}]});
        let pod_waits = pod(waits);
        assert_eq!(pod_waits.reason.as_deref(), Some("ErrImagePull: no \"such\" image"));
        assert!(pod_waits.object.terminating && !pod_waits.ready);
        let ready = pod(json!({"conditions": [{"type": "Ready", "status": "True"}]}));
        assert_eq!((ready.ready, ready.reason), (true, None));
        assert_eq!(pod(json!({})).reason, None);
    }

    #[test]
    fn pages_follow_each_other() {
        let text = r#"{"metadata": {"continue": "abc"}, "items": [{"metadata": {"name": "a"},
            "spec": {"unknown": [1, {}]}}]}"#;
        let page: Page<'_, WireClaim<'_>> = serde_json::from_str(text).unwrap();
        assert_eq!((page.next().as_deref(), page.items.len()), (Some("abc"), 1));
        let last: Page<'_, WireClaim<'_>> =
            serde_json::from_str(r#"{"metadata": {"continue": ""}}"#).unwrap();
        assert_eq!(last.next(), None);
    }
}
