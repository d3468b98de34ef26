//! Objects as Kubernetes writes them, with nothing but what is compared: the rest of a document is
//! passed over, and texts are borrowed from it.

use serde::Deserialize;
use std::borrow::Cow;
use toygres_model::cluster_reading::{
    ContainerPort, Deletion, POSTGRES_CONTAINER, PortTarget, ServicePort, mounted_volume,
};
use toygres_model::drift::{Claim, Object, Pod, Service, StatefulSet};

type Text<'a> = Option<Cow<'a, str>>;

/// A page of a list.
#[derive(Deserialize)]
pub(super) struct Page<'a, T> {
    #[serde(borrow, default)]
    pub(super) metadata: PageMetadata<'a>,
    /// `null` where a list of metadata alone is empty.
    #[serde(default = "Option::default")]
    pub(super) items: Option<Vec<T>>,
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
    finalizers: Option<Vec<Cow<'a, str>>>,
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
        let finalizers = metadata.finalizers.into_iter().flatten().map(Cow::into_owned).collect();
        Self {
            name: metadata.name.into_owned(),
            app: owned(metadata.labels.app),
            instance: owned(metadata.labels.instance),
            id: owned(metadata.annotations.id).filter(|id| !id.is_empty()),
            uid: owned(metadata.uid).unwrap_or_default(),
            version: owned(metadata.resource_version).unwrap_or_default(),
            deletion: Deletion::read(metadata.deletion_timestamp.as_deref(), finalizers),
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
#[serde(rename_all = "camelCase")]
struct Container<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    image: Text<'a>,
    #[serde(borrow, default)]
    env: Option<Vec<Variable<'a>>>,
    #[serde(borrow, default)]
    ports: Option<Vec<WireContainerPort<'a>>>,
    #[serde(borrow, default)]
    volume_mounts: Option<Vec<Mount<'a>>>,
}

#[derive(Deserialize)]
struct Variable<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    value: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireContainerPort<'a> {
    #[serde(borrow, default)]
    name: Text<'a>,
    container_port: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mount<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    mount_path: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Volume<'a> {
    #[serde(borrow, default)]
    name: Cow<'a, str>,
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
    /// PostgreSQL's container: the one that is called so, or the first.
    fn postgres(&self) -> Option<&Container<'_>> {
        let named = self.containers.iter().find(|it| it.name == POSTGRES_CONTAINER);
        named.or(self.containers.first())
    }

    fn image(&self) -> Option<String> {
        self.postgres()?.image.as_deref().map(str::to_owned)
    }

    fn ports(&self) -> Vec<ContainerPort> {
        let ports = self.postgres().and_then(|container| container.ports.as_ref());
        let ports = ports.into_iter().flatten();
        ports
            .map(|port| ContainerPort {
                name: port.name.as_deref().map(str::to_owned),
                number: port.container_port,
            })
            .collect()
    }

    /// The claim behind the path on which PostgreSQL has its data.
    fn claim(&self) -> Option<String> {
        let container = self.postgres()?;
        let variables = container.env.iter().flatten();
        let data = variables.filter(|it| it.name == "PGDATA").find_map(|it| it.value.as_deref());
        let mounts: Vec<(&str, &str)> = container
            .volume_mounts
            .iter()
            .flatten()
            .map(|mount| (mount.name.as_ref(), mount.mount_path.as_ref()))
            .collect();
        let volume = mounted_volume(&mounts, data)?;
        let volume = self.volumes.iter().find(|it| it.name == volume)?;
        Some(volume.persistent_volume_claim.as_ref()?.claim_name.clone().into_owned())
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
            ports: pod.as_ref().map(PodSpec::ports).unwrap_or_default(),
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
    #[serde(rename = "clusterIP", borrow, default)]
    cluster_ip: Text<'a>,
    #[serde(borrow, default)]
    ports: Vec<Port<'a>>,
    #[serde(borrow, default)]
    selector: std::collections::BTreeMap<Cow<'a, str>, Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Port<'a> {
    #[serde(borrow, default)]
    name: Text<'a>,
    port: u16,
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
        let ports = wire.spec.ports.into_iter().map(|port| ServicePort {
            name: owned(port.name).filter(|name| !name.is_empty()),
            port: port.port,
            target: port.target_port.map(|target| match target {
                Target::Number(number) => PortTarget::Number(number),
                Target::Name(name) => PortTarget::Name(name.into_owned()),
            }),
        });
        // In the order of names, as the selector that it is compared with.
        let selector: Vec<String> =
            wire.spec.selector.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let ingress = wire.status.load_balancer.ingress.into_iter();
        let addresses = ingress.flat_map(|it| [owned(it.ip), owned(it.hostname)]).flatten();
        let is_address = |ip: &String| !ip.is_empty() && ip != "None";
        let mut metadata = wire.metadata;
        Self {
            kind: owned(wire.spec.kind).unwrap_or_else(|| "ClusterIP".to_owned()),
            ports: ports.collect(),
            selector: selector.join(","),
            addresses: addresses.filter(|address| !address.is_empty()).collect(),
            cluster_ip: owned(wire.spec.cluster_ip).filter(is_address),
            dns_label: owned(metadata.annotations.dns_label.take()),
            object: metadata.into(),
        }
    }
}

/// What keeps a claim of the stand-in until its folder is gone.
const FOLDER_FINALIZER: &str = "toygres.dev/folder";

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
#[serde(rename_all = "camelCase")]
struct ClaimSpec<'a> {
    #[serde(borrow, default)]
    resources: Resources<'a>,
    #[serde(borrow, default)]
    volume_name: Text<'a>,
}

#[derive(Deserialize, Default)]
struct Resources<'a> {
    #[serde(borrow, default)]
    requests: Requests<'a>,
}

#[derive(Deserialize, Default)]
struct Requests<'a> {
    #[serde(borrow, default)]
    storage: Option<Amount<'a>>,
}

/// A quantity, which a document may have as a plain number too.
#[derive(Deserialize)]
#[serde(untagged)]
enum Amount<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Number(serde_json::Number),
}

#[derive(Deserialize, Default)]
struct Phase<'a> {
    #[serde(borrow, default)]
    phase: Text<'a>,
}

impl From<WireClaim<'_>> for Claim {
    fn from(wire: WireClaim<'_>) -> Self {
        let storage = wire.spec.resources.requests.storage.map(|amount| match amount {
            Amount::Text(text) => text.into_owned(),
            Amount::Number(number) => number.to_string(),
        });
        // The stand-in's volumes are folders, and no objects.
        let finalizers = wire.metadata.finalizers.iter().flatten();
        let is_folder = finalizers.into_iter().any(|it| it == FOLDER_FINALIZER);
        let object = Object::from(wire.metadata);
        let volume = owned(wire.spec.volume_name).filter(|name| !name.is_empty() && !is_folder);
        Self { storage, phase: owned(wire.status.phase), volume, object }
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
    use super::{Page, WireClaim, WireObject, WirePod, WireService, WireSet};
    use serde_json::json;
    use toygres_model::cluster_reading::PortTarget;
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
        let port = service.postgres_port(Some(&set)).unwrap();
        assert_eq!(
            (port.port, port.target.clone()),
            (5432, Some(PortTarget::Name("postgres".into())))
        );
        assert_eq!(service.dns_label.as_deref(), Some("proddb"));
        let claim = desired().claim().to_string();
        let claim: Claim = serde_json::from_str::<WireClaim<'_>>(&claim).unwrap().into();
        assert_eq!(claim.storage.as_deref(), Some("20Gi"));
        assert!(!claim.object.is_terminating());
    }

    #[test]
    fn what_others_added_is_told_apart() {
        let mut set = desired().stateful_set();
        let pod = &mut set["spec"]["template"]["spec"];
        let claim =
            json!({"name": "cache", "persistentVolumeClaim": {"claimName": "backup-cache"}});
        pod["volumes"].as_array_mut().unwrap().insert(0, claim);
        let mounts = pod["containers"][0]["volumeMounts"].as_array_mut().unwrap();
        mounts.insert(0, json!({"name": "cache", "mountPath": "/cache"}));
        let sidecar = json!({"name": "exporter", "image": "exporter:1",
            "ports": [{"containerPort": 9187}]});
        pod["containers"].as_array_mut().unwrap().insert(0, sidecar);
        let set = set.to_string();
        let set: StatefulSet = serde_json::from_str::<WireSet<'_>>(&set).unwrap().into();
        assert_eq!(set.claim.as_deref(), Some("proddb-a1b2c3d4-pvc"));
        assert_eq!(set.image.as_deref(), Some("postgres:18"));
        assert_eq!(set.ports[0].number, 5432);

        let mut service = desired().service();
        let metrics = json!({"name": "metrics", "port": 9187, "targetPort": 9187});
        service["spec"]["ports"].as_array_mut().unwrap().insert(0, metrics);
        service["status"] = json!({"loadBalancer": {"ingress":
            [{"hostname": "lb.example.com"}, {"ip": "10.0.0.1", "hostname": ""}, {}]}});
        let service = service.to_string();
        let service: Service = serde_json::from_str::<WireService<'_>>(&service).unwrap().into();
        assert_eq!(service.postgres_port(Some(&set)).unwrap().port, 5432);
        assert_eq!(service.addresses, ["lb.example.com", "10.0.0.1"]);

        for (amount, told) in [(json!("1Ei"), "1Ei"), (json!(1_000_000), "1000000")] {
            let mut claim = desired().claim();
            claim["spec"]["resources"]["requests"]["storage"] = amount;
            let claim = claim.to_string();
            let claim: Claim = serde_json::from_str::<WireClaim<'_>>(&claim).unwrap().into();
            assert_eq!(claim.storage.as_deref(), Some(told));
        }
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
        assert!(pod_waits.object.is_terminating() && !pod_waits.ready);
        let ready = pod(json!({"conditions": [{"type": "Ready", "status": "True"}]}));
        assert_eq!((ready.ready, ready.reason), (true, None));
        assert_eq!(pod(json!({})).reason, None);
    }

    #[test]
    fn pages_follow_each_other() {
        let text = r#"{"metadata": {"continue": "abc"}, "items": [{"metadata": {"name": "a"},
            "spec": {"unknown": [1, {}]}}]}"#;
        let page: Page<'_, WireClaim<'_>> = serde_json::from_str(text).unwrap();
        assert_eq!((page.next().as_deref(), page.items.unwrap().len()), (Some("abc"), 1));
        let last: Page<'_, WireClaim<'_>> =
            serde_json::from_str(r#"{"metadata": {"continue": ""}}"#).unwrap();
        assert_eq!(last.next(), None);
        let empty: Page<'_, WireObject<'_>> =
            serde_json::from_str(r#"{"metadata": {"continue": ""}, "items": null}"#).unwrap();
        assert!(empty.items.is_none());
    }
}
