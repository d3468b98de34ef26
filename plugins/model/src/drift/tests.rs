use super::{
    Claim, Cluster, Compared, Kind, Live, Object, Piece, Pod, Record, Service, Settings, Severity,
    StatefulSet, causes, compare, resolutions,
};
use crate::cluster_reading::{ContainerPort, Deletion, PortTarget, ServicePort};
use crate::instance::State;
use serde_json::json;

const NAME: &str = "proddb-a1b2c3d4";

fn record() -> Record {
    Record {
        id: "6f9619ff-8b86-d011-b42d-00cf4fc964ff".into(),
        user_name: "proddb".into(),
        k8s_name: NAME.into(),
        namespace: "toygres".into(),
        version: "18".into(),
        storage_gb: 10,
        load_balancer: true,
        dns_name: None,
        external_ip: Some("10.0.0.1".into()),
        host: Some("10.0.0.1".into()),
        port: Some(5432),
        keeps_password: false,
        state: State::Running,
        create_id: Some(format!("create-{NAME}")),
        delete_id: None,
        monitor_id: Some(format!("health-{NAME}")),
        updated_ms: 0,
        running_version: Some("18.1".into()),
    }
}

fn object(piece: Piece) -> Object {
    Object {
        name: piece.name_of(NAME),
        app: Some("postgres".into()),
        instance: Some(NAME.into()),
        id: Some(record().id),
        ..Object::default()
    }
}

fn port(name: &str, port: u16, target: PortTarget) -> ServicePort {
    ServicePort { name: Some(name.into()), port, target: Some(target) }
}

fn deletion(finalizer: &str) -> Option<Deletion> {
    Deletion::read(Some("1970-01-01T00:16:00Z"), vec![finalizer.into()])
}

/// What Kubernetes has of it; each part may be changed, or taken away.
struct World {
    set: Option<StatefulSet>,
    service: Option<Service>,
    claim: Option<Claim>,
    pod: Option<Pod>,
    secret: Option<Object>,
}

fn world() -> World {
    World {
        set: Some(StatefulSet {
            object: object(Piece::StatefulSet),
            replicas: 1,
            ready: 1,
            observed: true,
            image: Some("postgres:18".into()),
            claim: Some(format!("{NAME}-pvc")),
            ports: vec![ContainerPort { name: Some("postgres".into()), number: 5432 }],
        }),
        service: Some(Service {
            object: object(Piece::Service),
            kind: "LoadBalancer".into(),
            ports: vec![port("postgres", 5432, PortTarget::Name("postgres".into()))],
            selector: format!("app=postgres,instance={NAME}"),
            addresses: vec!["10.0.0.1".into()],
            cluster_ip: Some("10.96.0.7".into()),
            dns_label: None,
        }),
        claim: Some(Claim {
            object: object(Piece::Claim),
            storage: Some("10Gi".into()),
            phase: Some("Bound".into()),
            volume: Some("pv-1".into()),
        }),
        pod: Some(Pod {
            object: object(Piece::Pod),
            ready: true,
            image: Some("postgres:18".into()),
            reason: None,
        }),
        secret: Some(object(Piece::Secret)),
    }
}

impl World {
    fn cluster(self, records: &[Record]) -> Cluster {
        let known = |name: &str| records.iter().any(|record| record.k8s_name == name);
        let mut cluster = Cluster::default();
        if let Some(set) = self.set {
            cluster.add_set("toygres", set, known);
        }
        if let Some(service) = self.service {
            cluster.add_service("toygres", service, known);
        }
        if let Some(claim) = self.claim {
            cluster.add_claim("toygres", claim, known);
        }
        if let Some(pod) = self.pod {
            cluster.add_pod("toygres", pod, known);
        }
        if let Some(secret) = self.secret {
            cluster.add_secret("toygres", secret, known);
        }
        cluster
    }
}

fn settings() -> Settings {
    Settings {
        images: vec!["postgres:{version}".into()],
        now_ms: 1_000_000,
        settle_ms: 60_000,
        is_local: false,
    }
}

fn watched() -> Live {
    Live::new([format!("health-{NAME}")])
}

fn compared(records: &[Record], world: World) -> Compared {
    compare(records, &world.cluster(records), Some(&watched()), &settings())
}

/// The names of the fields of the only finding.
#[track_caller]
fn fields(compared: &Compared) -> Vec<&str> {
    let [finding] = compared.findings.as_slice() else { panic!("{compared:#?}") };
    assert!(!causes(finding).is_empty() && !resolutions(finding).is_empty(), "{finding:#?}");
    finding.fields.iter().map(|field| field.field).collect()
}

#[track_caller]
fn changed(change: impl FnOnce(&mut Record, &mut World)) -> Compared {
    let (mut record, mut world) = (record(), world());
    change(&mut record, &mut world);
    compared(&[record], world)
}

#[test]
fn what_is_the_same_is_no_drift() {
    assert_eq!(compared(&[record()], world()), Compared::default());
    // What means the same is the same.
    let same = changed(|_, world| world.claim.as_mut().unwrap().storage = Some("10240Mi".into()));
    assert_eq!(same, Compared::default());
    // As old deployments are: no id, no Secret, the password in the record.
    let old = changed(|record, world| {
        record.keeps_password = true;
        world.secret = None;
        world.set.as_mut().unwrap().object.id = None;
        let service = world.service.as_mut().unwrap();
        service.ports[0].target = Some(PortTarget::Number(5432));
    });
    assert_eq!(old, Compared::default());
}

#[test]
fn each_difference_is_its_field() {
    type Change = fn(&mut Record, &mut World);
    let cases: &[(&str, Change)] = &[
        ("image", |_, w| w.set.as_mut().unwrap().image = Some("postgres:17".into())),
        ("image", |r, _| r.version = "17".into()),
        ("pod_image", |_, w| w.pod.as_mut().unwrap().image = Some("postgres:17".into())),
        ("replicas", |_, w| w.set.as_mut().unwrap().replicas = 0),
        ("ready_replicas", |_, w| w.set.as_mut().unwrap().ready = 0),
        ("mounted_claim", |_, w| w.set.as_mut().unwrap().claim = None),
        ("service_type", |_, w| w.service.as_mut().unwrap().kind = "ClusterIP".into()),
        ("service_type", |r, _| r.load_balancer = false),
        ("external_ip", |_, w| w.service.as_mut().unwrap().addresses.clear()),
        ("external_ip", |r, _| r.external_ip = None),
        ("host", |r, _| r.host = Some("10.9.9.9".into())),
        ("port", |_, w| w.service.as_mut().unwrap().ports[0].port = 5433),
        ("target_port", |_, w| {
            w.service.as_mut().unwrap().ports[0].target = Some(PortTarget::Number(80));
        }),
        ("target_port", |_, w| {
            let ports = &mut w.service.as_mut().unwrap().ports;
            *ports = vec![
                port("metrics", 9187, PortTarget::Number(9187)),
                port("pooler", 6432, PortTarget::Number(6432)),
            ];
        }),
        ("running_version", |r, _| r.running_version = Some("15.18".into())),
        ("claim_deletion", |_, w| {
            w.claim.as_mut().unwrap().object.deletion = deletion("kubernetes.io/pvc-protection");
        }),
        ("storage_bytes", |_, w| w.claim.as_mut().unwrap().storage = Some("10500Mi".into())),
        ("storage_bytes", |_, w| w.claim.as_mut().unwrap().storage = Some("6G".into())),
        ("storage_bytes", |_, w| w.claim.as_mut().unwrap().storage = Some("1Ei".into())),
        ("storage_bytes", |_, w| w.claim.as_mut().unwrap().storage = Some("odd".into())),
        ("selector", |_, w| w.service.as_mut().unwrap().selector = "app=web".into()),
        ("dns_label", |r, _| r.dns_name = Some("prod.westus3.cloudapp.azure.com".into())),
        ("storage_bytes", |_, w| w.claim.as_mut().unwrap().storage = Some("20Gi".into())),
        ("claim_phase", |_, w| w.claim.as_mut().unwrap().phase = Some("Lost".into())),
        ("labels", |_, w| w.service.as_mut().unwrap().object.app = None),
        ("labels", |_, w| w.claim.as_mut().unwrap().object.instance = Some("other".into())),
        ("instance_id", |_, w| w.set.as_mut().unwrap().object.id = Some("another".into())),
        ("statefulset", |_, w| w.set = None),
        ("service", |_, w| w.service = None),
        ("claim", |_, w| w.claim = None),
        ("pod", |_, w| w.pod = None),
        ("secret", |_, w| w.secret = None),
        ("monitor_id", |r, _| r.monitor_id = None),
    ];
    for (field, change) in cases {
        let found = changed(*change);
        assert_eq!(fields(&found), [*field]);
        assert_eq!(found.findings[0].kind, Kind::Mismatch);
        assert_eq!(found.findings[0].instance.as_deref(), Some("proddb"));
    }
    let unwatched =
        compare(&[record()], &world().cluster(&[record()]), Some(&Live::default()), &settings());
    assert_eq!(fields(&unwatched), ["monitor"]);
}

#[test]
fn nothing_there_is_abandoned_and_nobody_s_is_orphaned() {
    let gone = changed(|_, world| {
        *world = World { set: None, service: None, claim: None, pod: None, secret: None };
    });
    assert_eq!(fields(&gone), ["statefulset", "service", "claim"]);
    let abandoned = &gone.findings[0];
    assert_eq!((abandoned.kind, abandoned.severity), (Kind::Abandoned, Severity::Error));
    assert_eq!(abandoned.missing, ["StatefulSet", "Service", "PVC"]);

    let orphan = compared(&[], world());
    assert_eq!(orphan.findings[0].kind, Kind::Orphaned);
    assert_eq!(orphan.findings[0].resources, ["StatefulSet", "Service", "PVC", "Pod", "Secret"]);
    assert!(orphan.findings[0].missing.is_empty());
    let leftover =
        compared(&[], World { set: None, service: None, pod: None, secret: None, ..world() });
    assert_eq!(fields(&leftover), ["claim"]);
    assert_eq!(leftover.findings[0].missing, ["StatefulSet", "Service"]);
    let deleted = changed(|record, _| record.state = State::Deleted);
    assert_eq!(deleted.findings[0].kind, Kind::Orphaned);
    assert_eq!(deleted.findings[0].field("state").unwrap().cms, json!("deleted"));
}

#[test]
fn what_is_in_flight_or_going_is_no_drift() {
    let going = changed(|_, world| {
        let set = world.set.as_mut().unwrap();
        set.object.deletion = deletion("foregroundDeletion");
        set.ready = 0;
        let service = world.service.as_mut().unwrap();
        service.object.deletion = deletion("service.kubernetes.io/load-balancer-cleanup");
        service.kind = "ClusterIP".into();
    });
    assert_eq!((going.findings.len(), going.in_flight.len()), (0, 1), "{going:#?}");
    assert_eq!(going.in_flight[0].stuck, []);
    let all = |id: &str| Live::new([id.to_owned()]);
    for (state, id) in [
        (State::Creating, "create-proddb-a1b2c3d4"),
        (State::Running, "create-proddb-a1b2c3d4"),
        (State::Deleting, "delete-proddb-a1b2c3d4-2"),
        (State::Deleted, "delete-proddb-a1b2c3d4"),
    ] {
        let records = [Record { state, ..record() }];
        let cluster = World { service: None, ..world() }.cluster(&records);
        let found = compare(&records, &cluster, Some(&all(id)), &settings());
        assert_eq!((found.findings.len(), found.in_flight.len()), (0, 1), "{found:#?}");
    }
    // Just changed, or not to be told.
    let fresh = changed(|record, _| {
        record.state = State::Creating;
        record.updated_ms = 999_000;
    });
    assert_eq!((fresh.findings.len(), fresh.in_flight.len()), (0, 1));
    let records = [Record { state: State::Deleting, ..record() }];
    let unknown = compare(&records, &world().cluster(&records), None, &settings());
    assert_eq!((unknown.findings.len(), unknown.in_flight.len()), (0, 1));
}

#[test]
fn what_nobody_is_at_is_drift() {
    for state in [State::Creating, State::Deleting] {
        let stuck = changed(|record, _| record.state = state);
        assert_eq!(fields(&stuck), ["orchestration"]);
    }
    let failed = changed(|record, _| record.state = State::Failed);
    assert_eq!(fields(&failed), ["state"]);
}

#[test]
fn names_and_namespaces_are_compared() {
    let mut twin = record();
    twin.k8s_name = "proddb-00000002".into();
    twin.state = State::Creating;
    let found = compared(&[record(), twin], world());
    assert_eq!(found.findings.len(), 2, "{found:#?}");
    assert!(found.findings.iter().all(|finding| finding.field("name").is_some()));

    let moved = changed(|record, _| record.namespace = "elsewhere".into());
    assert_eq!(fields(&moved), ["namespace"]);
}

#[test]
fn what_was_not_read_is_not_missing() {
    let records = [record()];
    let mut cluster = World { secret: None, service: None, ..world() }.cluster(&records);
    cluster.cannot_read("toygres", Piece::Secret);
    cluster.cannot_read("toygres", Piece::Service);
    assert_eq!(compare(&records, &cluster, Some(&watched()), &settings()), Compared::default());
}

#[test]
fn copies_of_an_object_are_told() {
    let records = [record()];
    let mut cluster = world().cluster(&records);
    let copy = Object { name: "reader".into(), ..object(Piece::Service) };
    let copy = Service { object: copy, ..Service::default() };
    cluster.add_service("toygres", copy, |name| name == NAME);
    let found = compare(&records, &cluster, Some(&watched()), &settings());
    assert_eq!(fields(&found), ["extra"]);
}

#[test]
fn what_others_add_to_an_object_is_no_drift() {
    type Change = fn(&mut Record, &mut World);
    let same: &[Change] = &[
        // Ports of sidecars, before and behind, and a port of another number.
        |_, w| {
            let metrics = port("metrics", 9187, PortTarget::Number(9187));
            w.service.as_mut().unwrap().ports.insert(0, metrics);
        },
        |_, w| {
            let service = w.service.as_mut().unwrap();
            service.ports[0].name = None;
            service.ports[0].target = Some(PortTarget::Name("pg".into()));
            w.set.as_mut().unwrap().ports[0].name = Some("pg".into());
        },
        // Two addresses, in either order and spelling.
        |_, w| {
            let addresses = &mut w.service.as_mut().unwrap().addresses;
            *addresses = vec!["10.0.0.2".into(), "10.0.0.1".into()];
        },
        |_, w| w.service.as_mut().unwrap().addresses.insert(0, "lb.example.com".into()),
        |r, w| {
            r.external_ip = Some("FD00:0::1".into());
            r.host = Some("fd00::1".into());
            w.service.as_mut().unwrap().addresses = vec!["10.0.0.1".into(), "fd00::1".into()];
        },
        |r, w| {
            r.host = Some("10.0.0.2".into());
            w.service.as_mut().unwrap().addresses.push("10.0.0.2".into());
        },
        // Spellings of an image, pinned, and by way of a mirror that was configured.
        |_, w| w.set.as_mut().unwrap().image = Some("docker.io/library/postgres:18".into()),
        |_, w| w.set.as_mut().unwrap().image = Some("postgres:18@sha256:00ff".into()),
        |_, w| w.pod.as_mut().unwrap().image = Some("index.docker.io/library/postgres:18".into()),
        |_, w| w.claim.as_mut().unwrap().storage = Some("10737418240000m".into()),
        |r, _| r.running_version = None,
    ];
    for (n, change) in same.iter().enumerate() {
        assert_eq!(changed(*change), Compared::default(), "{n}");
    }
    let records = [record()];
    let mut mirrored = world();
    let mirror = "mirror.example/library/postgres:18";
    mirrored.pod.as_mut().unwrap().image = Some(mirror.into());
    let cluster = mirrored.cluster(&records);
    let mut settings = settings();
    settings.images.insert(0, "mirror.example/library/postgres:{version}".into());
    assert_eq!(compare(&records, &cluster, Some(&watched()), &settings), Compared::default());
    // On one machine there may be no other version.
    let records = [Record { running_version: Some("15.18".into()), ..record() }];
    settings.is_local = true;
    let cluster = world().cluster(&records);
    assert_eq!(compare(&records, &cluster, Some(&watched()), &settings), Compared::default());
}

#[test]
fn a_change_that_is_one_is_not_hidden_among_others() {
    let gone = changed(|_, world| {
        let addresses = &mut world.service.as_mut().unwrap().addresses;
        *addresses = vec!["10.0.0.2".into(), "10.0.0.3".into()];
    });
    assert_eq!(fields(&gone), ["external_ip"]);
    assert_eq!(gone.findings[0].fields[0].kubernetes, json!("10.0.0.2"));
    let other = changed(|_, world| {
        let metrics = port("metrics", 9187, PortTarget::Number(9187));
        let ports = &mut world.service.as_mut().unwrap().ports;
        ports.insert(0, metrics);
        ports[1].port = 5433;
    });
    assert_eq!(fields(&other), ["port"]);
    assert_eq!(other.findings[0].fields[0].kubernetes, json!(5433));
    for image in ["mirror.example/library/postgres:18", "postgres@sha256:00ff", "postgres:17"] {
        let found = changed(|_, world| world.set.as_mut().unwrap().image = Some(image.into()));
        assert_eq!(fields(&found), ["image"], "{image}");
    }
    let whole = changed(|_, w| w.claim.as_mut().unwrap().storage = Some("1Ei".into()));
    assert_eq!(whole.findings[0].fields[0].kubernetes, json!(1_i64 << 60));
}

#[test]
fn a_deletion_that_hangs_is_told_with_what_holds_it() {
    let live = Live::new(["delete-proddb-a1b2c3d4".to_owned()]);
    for state in [State::Deleting, State::Deleted, State::Failed] {
        let records = [Record { state, ..record() }];
        let mut left = World { set: None, service: None, pod: None, secret: None, ..world() };
        left.claim.as_mut().unwrap().object.deletion = deletion("example.com/hold");
        let cluster = left.cluster(&records);
        let live = if state == State::Deleting { &live } else { &Live::default() };
        let found = compare(&records, &cluster, Some(live), &settings());
        assert_eq!((found.findings.len(), found.in_flight.len()), (0, 1), "{found:#?}");
        let [stuck] = found.in_flight[0].stuck.as_slice() else { panic!("{found:#?}") };
        assert_eq!(
            stuck.text,
            "persistentvolumeclaims `proddb-a1b2c3d4-pvc` is being deleted for 40s, held by the \
             finalizer `example.com/hold`"
        );
        assert_eq!(
            stuck.look,
            "kubectl get -n toygres persistentvolumeclaims proddb-a1b2c3d4-pvc -o yaml"
        );
    }
}

/// Nothing that keeps data is offered to be deleted where only a part of an instance is wrong.
#[test]
fn what_is_offered_keeps_the_data() {
    type Change = fn(&mut Record, &mut World);
    let cases: &[Change] = &[
        |_, w| w.set = None,
        |_, w| w.secret = None,
        |_, w| w.set.as_mut().unwrap().claim = Some("backup-cache".into()),
        |_, w| w.claim.as_mut().unwrap().object.deletion = deletion("kubernetes.io/pvc-protection"),
        |_, w| w.claim.as_mut().unwrap().storage = Some("6G".into()),
        |r, _| r.running_version = Some("15.18".into()),
    ];
    for (n, change) in cases.iter().enumerate() {
        let found = changed(*change);
        for (what, command) in resolutions(&found.findings[0]) {
            assert!(!command.contains("delete"), "{n}: {what}: {command}");
        }
    }
    let left = World { set: None, service: None, claim: None, pod: None, ..world() };
    let orphan = compared(&[], left);
    assert_eq!(
        resolutions(&orphan.findings[0]),
        [("Delete from K8s", format!("kubectl delete secret -n toygres -l instance={NAME}"))]
    );
}
