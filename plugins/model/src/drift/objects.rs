//! An instance's objects in Kubernetes, as far as they are compared.

use crate::cluster_reading::{
    ContainerPort, Deletion, ServicePort, postgres_port, preferred_address,
};
use std::collections::{HashMap, HashSet};

/// A sort of object that an instance has one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Piece {
    /// The StatefulSet.
    StatefulSet,
    /// The Service.
    Service,
    /// The PersistentVolumeClaim.
    Claim,
    /// The only pod of the StatefulSet.
    Pod,
    /// The Secret with the password.
    Secret,
}

impl Piece {
    /// Every sort.
    pub const ALL: &[Self] =
        &[Self::StatefulSet, Self::Service, Self::Claim, Self::Pod, Self::Secret];

    /// What an operator calls it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::StatefulSet => "StatefulSet",
            Self::Service => "Service",
            Self::Claim => "PVC",
            Self::Pod => "Pod",
            Self::Secret => "Secret",
        }
    }

    /// The name of the field that is about it.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::StatefulSet => "statefulset",
            Self::Service => "service",
            Self::Claim => "claim",
            Self::Pod => "pod",
            Self::Secret => "secret",
        }
    }

    /// The plural name in Kubernetes' API.
    #[must_use]
    pub fn plural(self) -> &'static str {
        match self {
            Self::StatefulSet => "statefulsets",
            Self::Service => "services",
            Self::Claim => "persistentvolumeclaims",
            Self::Pod => "pods",
            Self::Secret => "secrets",
        }
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::StatefulSet => "",
            Self::Service => "-svc",
            Self::Claim => "-pvc",
            Self::Pod => "-0",
            Self::Secret => "-credentials",
        }
    }

    /// The name of the object of an instance.
    #[must_use]
    pub fn name_of(self, k8s_name: &str) -> String {
        format!("{k8s_name}{}", self.suffix())
    }

    /// The instance whose object would have this name.
    #[must_use]
    pub fn instance_of(self, name: &str) -> Option<&str> {
        name.strip_suffix(self.suffix()).filter(|rest| !rest.is_empty())
    }
}

/// What every object has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Object {
    /// Its name.
    pub name: String,
    /// Its label `app`.
    pub app: Option<String>,
    /// Its label `instance`.
    pub instance: Option<String>,
    /// The id of the record that it was made for; absent on objects of old deployments.
    pub id: Option<String>,
    /// The server's own id of it.
    pub uid: String,
    /// Its `resourceVersion`.
    pub version: String,
    /// That it is being deleted, where it is.
    pub deletion: Option<Deletion>,
}

impl Object {
    /// Whether it is being deleted.
    #[must_use]
    pub fn is_terminating(&self) -> bool {
        self.deletion.is_some()
    }
}

/// A StatefulSet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatefulSet {
    /// What every object has.
    pub object: Object,
    /// How many pods it is to have.
    pub replicas: i64,
    /// How many of them are ready.
    pub ready: i64,
    /// Whether its status is about what it was asked for last.
    pub observed: bool,
    /// The image of its container.
    pub image: Option<String>,
    /// The claim on which PostgreSQL's data lies.
    pub claim: Option<String>,
    /// The ports of PostgreSQL's container.
    pub ports: Vec<ContainerPort>,
}

/// A Service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Service {
    /// What every object has.
    pub object: Object,
    /// `LoadBalancer`, `ClusterIP`, …
    pub kind: String,
    /// Its ports, in the order in which they are written.
    pub ports: Vec<ServicePort>,
    /// The pods that it leads to, as `app=postgres,instance=…`.
    pub selector: String,
    /// The load balancer's addresses, in no order that means anything.
    pub addresses: Vec<String>,
    /// The address within the cluster.
    pub cluster_ip: Option<String>,
    /// The DNS label that Azure is asked for.
    pub dns_label: Option<String>,
}

impl Service {
    /// The port through which PostgreSQL is reached.
    #[must_use]
    pub fn postgres_port(&self, set: Option<&StatefulSet>) -> Option<&ServicePort> {
        postgres_port(&self.ports, set.map_or(&[], |set| &set.ports))
    }

    /// The load balancer's address: the first of the recorded ones that it still has, else another
    /// one of its own.
    #[must_use]
    pub fn address<'a>(&'a self, recorded: &[Option<&str>]) -> Option<&'a str> {
        let kept = recorded.iter().flatten().find(|one| self.has_address(one)).copied();
        preferred_address(&self.addresses, kept)
    }

    /// Whether the load balancer has this address.
    #[must_use]
    pub fn has_address(&self, address: &str) -> bool {
        self.addresses.iter().any(|own| crate::cluster_reading::is_same_address(own, address))
    }
}

/// A PersistentVolumeClaim.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claim {
    /// What every object has.
    pub object: Object,
    /// What it asks for, as a quantity.
    pub storage: Option<String>,
    /// `Bound`, `Pending` or `Lost`.
    pub phase: Option<String>,
    /// The volume that it is bound to.
    pub volume: Option<String>,
}

/// A pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pod {
    /// What every object has.
    pub object: Object,
    /// Whether it serves.
    pub ready: bool,
    /// The image of its container.
    pub image: Option<String>,
    /// Why it is not ready.
    pub reason: Option<String>,
}

/// What is there of one instance in one namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// Its StatefulSet.
    pub set: Option<StatefulSet>,
    /// Its Service.
    pub service: Option<Service>,
    /// Its claim.
    pub claim: Option<Claim>,
    /// Its pod.
    pub pod: Option<Pod>,
    /// Its Secret.
    pub secret: Option<Object>,
    /// Objects that carry its label and none of its names.
    pub extra: Vec<(Piece, Object)>,
}

impl Group {
    /// The object of a sort, where it is there.
    #[must_use]
    pub fn object(&self, piece: Piece) -> Option<&Object> {
        match piece {
            Piece::StatefulSet => self.set.as_ref().map(|set| &set.object),
            Piece::Service => self.service.as_ref().map(|service| &service.object),
            Piece::Claim => self.claim.as_ref().map(|claim| &claim.object),
            Piece::Pod => self.pod.as_ref().map(|pod| &pod.object),
            Piece::Secret => self.secret.as_ref(),
        }
    }

    /// The sorts that are there, or are still there while they are being deleted.
    #[must_use]
    pub fn present(&self) -> Vec<Piece> {
        Piece::ALL.iter().copied().filter(|piece| self.object(*piece).is_some()).collect()
    }

    /// Whether something of it is being deleted.
    #[must_use]
    pub fn is_terminating(&self) -> bool {
        Piece::ALL
            .iter()
            .any(|piece| self.object(*piece).is_some_and(|object| object.is_terminating()))
            || self.extra.iter().any(|(_, object)| object.is_terminating())
    }

    /// Whether everything of it is being deleted.
    #[must_use]
    pub fn is_all_terminating(&self) -> bool {
        let named = Piece::ALL.iter().filter_map(|piece| self.object(*piece));
        named
            .chain(self.extra.iter().map(|(_, object)| object))
            .all(|object| object.is_terminating())
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.present().is_empty() && self.extra.is_empty()
    }

    /// Whether there is none of StatefulSet, Service and claim. A pod that is just going or a
    /// Secret that was forgotten makes no instance.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.set.is_none() && self.service.is_none() && self.claim.is_none()
    }
}

/// What could not be read of Kubernetes: a namespace, and a sort of object in it.
pub type Unread = HashSet<(String, Piece)>;

/// What was read of Kubernetes, by namespace and instance.
#[derive(Debug, Clone, Default)]
pub struct Cluster {
    groups: HashMap<String, HashMap<String, Group>>,
    unread: Unread,
    objects: usize,
}

impl Cluster {
    /// The sorts of objects that could not be read.
    #[must_use]
    pub fn unread(&self) -> &Unread {
        &self.unread
    }

    /// Notes that a sort of object could not be read in a namespace.
    pub fn cannot_read(&mut self, namespace: &str, piece: Piece) {
        self.unread.insert((namespace.to_owned(), piece));
    }

    /// Whether a sort of object was read in a namespace.
    #[must_use]
    pub fn knows(&self, namespace: &str, piece: Piece) -> bool {
        !self.unread.iter().any(|(unread, sort)| unread == namespace && *sort == piece)
    }

    /// What is there of an instance.
    #[must_use]
    pub fn group(&self, namespace: &str, k8s_name: &str) -> Option<&Group> {
        self.groups.get(namespace)?.get(k8s_name)
    }

    /// Everything: namespace, instance, and what is there of it.
    pub fn groups(&self) -> impl Iterator<Item = (&str, &str, &Group)> {
        self.groups.iter().flat_map(|(namespace, groups)| {
            groups.iter().map(move |(name, group)| (namespace.as_str(), name.as_str(), group))
        })
    }

    /// How many objects were read.
    #[must_use]
    pub fn objects(&self) -> usize {
        self.objects
    }

    /// Adds a StatefulSet. `known` says whether the CMS knows an instance of a name.
    pub fn add_set(&mut self, namespace: &str, set: StatefulSet, known: impl Fn(&str) -> bool) {
        let place = place(Piece::StatefulSet, &set.object, known);
        match self.at(namespace, place.0) {
            group if place.1 => group.set = Some(set),
            group => group.extra.push((Piece::StatefulSet, set.object)),
        }
    }

    /// Adds a Service.
    pub fn add_service(&mut self, namespace: &str, service: Service, known: impl Fn(&str) -> bool) {
        let place = place(Piece::Service, &service.object, known);
        match self.at(namespace, place.0) {
            group if place.1 => group.service = Some(service),
            group => group.extra.push((Piece::Service, service.object)),
        }
    }

    /// Adds a claim.
    pub fn add_claim(&mut self, namespace: &str, claim: Claim, known: impl Fn(&str) -> bool) {
        let place = place(Piece::Claim, &claim.object, known);
        match self.at(namespace, place.0) {
            group if place.1 => group.claim = Some(claim),
            group => group.extra.push((Piece::Claim, claim.object)),
        }
    }

    /// Adds a pod. Further pods of a StatefulSet are told by its replicas.
    pub fn add_pod(&mut self, namespace: &str, pod: Pod, known: impl Fn(&str) -> bool) {
        let (k8s_name, named) = place(Piece::Pod, &pod.object, known);
        let further = pod.object.name.strip_prefix(&k8s_name).is_some_and(|rest| {
            rest.strip_prefix('-').is_some_and(|rest| rest.parse::<u32>().is_ok())
        });
        if !named && further {
            self.objects += 1;
            return;
        }
        match self.at(namespace, k8s_name) {
            group if named => group.pod = Some(pod),
            group => group.extra.push((Piece::Pod, pod.object)),
        }
    }

    /// Adds a Secret. One with another name is no concern of ours: it may be anybody's.
    pub fn add_secret(&mut self, namespace: &str, secret: Object, known: impl Fn(&str) -> bool) {
        let (k8s_name, named) = place(Piece::Secret, &secret, known);
        if named {
            self.at(namespace, k8s_name).secret = Some(secret);
        }
    }

    fn at(&mut self, namespace: &str, k8s_name: String) -> &mut Group {
        self.objects += 1;
        if !self.groups.contains_key(namespace) {
            self.groups.insert(namespace.to_owned(), HashMap::new());
        }
        let groups = self.groups.entry(namespace.to_owned()).or_default();
        groups.entry(k8s_name).or_default()
    }
}

/// The instance that an object belongs to, and whether it has that instance's name for its sort.
/// The name of an instance that the CMS knows goes before a label, which may have been changed.
fn place(piece: Piece, object: &Object, known: impl Fn(&str) -> bool) -> (String, bool) {
    let by_name = piece.instance_of(&object.name);
    match (by_name, object.instance.as_deref()) {
        (Some(name), label) if label.is_none_or(|label| label == name) || known(name) => {
            (name.to_owned(), true)
        }
        (_, Some(label)) => (label.to_owned(), false),
        (name, None) => (name.unwrap_or(&object.name).to_owned(), name.is_some()),
    }
}
