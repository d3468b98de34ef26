//! A second look: both sides are read at different moments, so what differs may only have changed
//! in between.
//!
//! The suspicious instances are read again, the CMS before Kubernetes and once more after it. What
//! the CMS says differently the second time is being changed; what differs between two equal
//! readings of the CMS is drift.

use super::cms::{self, Known};
use super::lists::{Lists, not_compared, parse};
use super::wire::{WireClaim, WireObject, WirePod, WireService, WireSet};
use super::{Sides, kube};
use crate::settings::Settings;
use futures_util::StreamExt;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use toygres_model::drift::{
    Claim, Cluster, Compared, InFlight, Live, Object, Piece, Pod, Record, Service, StatefulSet,
    compare,
};
use toygres_plugin_api::context::KubeService;
use toygres_plugin_api::{Context, Error, Result};

/// How often something that goes on changing is looked at.
const LOOKS: u32 = 3;
/// With more suspicious instances than this, everything is listed again instead.
const MOST: usize = 300;
/// How many objects are asked for at once.
const AT_ONCE: usize = 8;

/// What both sides say, compared, with nothing in it that only seemed so.
///
/// # Errors
/// When the CMS cannot be read.
pub(crate) async fn compared(
    ctx: &Context,
    settings: &Settings,
    sides: &Sides,
) -> Result<Compared> {
    let first = compare_sides(settings, sides);
    let mut suspicious = Suspicious::of(&first, &sides.records);
    let mut kept = Compared { findings: Vec::new(), in_flight: first.in_flight };
    kept.in_flight.retain(|in_flight| !suspicious.names.contains_key(&in_flight.k8s_name));
    for _ in 0..LOOKS {
        if suspicious.names.is_empty() {
            break;
        }
        suspicious = look(ctx, settings, sides, suspicious, &mut kept).await?;
    }
    for (k8s_name, namespaces) in suspicious.names {
        let namespace = namespaces.into_iter().next().unwrap_or_default();
        let reason = "it changes from one look to the next".to_owned();
        kept.in_flight.push(InFlight { k8s_name, namespace, reason, stuck: Vec::new() });
    }
    kept.findings.sort_by(|a, b| {
        (a.kind, &a.k8s_name, &a.namespace).cmp(&(b.kind, &b.k8s_name, &b.namespace))
    });
    kept.in_flight.sort_by(|a, b| a.k8s_name.cmp(&b.k8s_name));
    Ok(kept)
}

fn compare_sides(settings: &Settings, sides: &Sides) -> Compared {
    let settings = model(settings, sides.moment.now_ms);
    compare(&sides.records, &sides.cluster, sides.live.as_ref(), &settings)
}

fn model(settings: &Settings, now_ms: i64) -> toygres_model::drift::Settings {
    toygres_model::drift::Settings {
        images: settings.images.clone(),
        now_ms,
        settle_ms: settings.settle_ms,
        is_local: settings.is_local,
    }
}

/// Instances to be looked at again, and the namespaces in which there may be something of them.
struct Suspicious {
    names: BTreeMap<String, BTreeSet<String>>,
    extra: Vec<(String, Piece, String)>,
}

impl Suspicious {
    fn of(compared: &Compared, records: &[Record]) -> Self {
        let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut extra = Vec::new();
        for finding in &compared.findings {
            let namespaces = names.entry(finding.k8s_name.clone()).or_default();
            namespaces.insert(finding.namespace.clone());
            for field in finding.fields.iter().filter(|field| field.field == "namespace") {
                let places = [&field.cms, &field.kubernetes].into_iter();
                namespaces.extend(places.filter_map(|place| place.as_str()).map(str::to_owned));
            }
            for field in finding.fields.iter().filter(|field| field.field == "extra") {
                for object in field.kubernetes.as_str().unwrap_or_default().split(", ") {
                    extra.extend(named_object(&finding.namespace, object));
                }
            }
        }
        for record in records {
            if let Some(namespaces) = names.get_mut(&record.k8s_name) {
                namespaces.insert(record.namespace.clone());
            }
        }
        Self { names, extra }
    }
}

/// `service/reader` as an object of a namespace.
fn named_object(namespace: &str, object: &str) -> Option<(String, Piece, String)> {
    let (field, name) = object.split_once('/')?;
    let piece = Piece::ALL.iter().find(|piece| piece.field() == field)?;
    Some((namespace.to_owned(), *piece, name.to_owned()))
}

/// Looks once more; answers what changed meanwhile.
async fn look(
    ctx: &Context,
    settings: &Settings,
    sides: &Sides,
    suspicious: Suspicious,
    kept: &mut Compared,
) -> Result<Suspicious> {
    let names: Vec<String> = suspicious.names.keys().cloned().collect();
    let before = cms::named(ctx, settings, &names).await?;
    let cluster = objects(ctx, sides, &suspicious, &before.records).await;
    let after = cms::named(ctx, settings, &names).await?;
    let changed = changed(&before, &after);
    let Known { records, live, moment } = after;
    let live = live.ok();
    let found = compare(&records, &cluster, live.as_ref(), &model(settings, moment.now_ms));
    let asked = |name: &String| suspicious.names.contains_key(name) && !changed.contains(name);
    kept.findings.extend(found.findings.into_iter().filter(|finding| asked(&finding.k8s_name)));
    kept.in_flight.extend(found.in_flight.into_iter().filter(|it| asked(&it.k8s_name)));
    let Suspicious { mut names, extra } = suspicious;
    names.retain(|name, _| changed.contains(name));
    Ok(Suspicious { names, extra })
}

/// The instances of which the CMS or the workflows say something else now.
fn changed(before: &Known, after: &Known) -> HashSet<String> {
    let by_name = |known: &Known| -> BTreeMap<String, (Record, Option<String>)> {
        let live = known.live.as_ref().ok();
        let at_work = |record: &Record| at_work(live, record);
        let records = known.records.iter();
        // What a health check found meanwhile is no change of the record.
        let unchecked = |record: &Record| Record { running_version: None, ..record.clone() };
        records
            .map(|record| (record.k8s_name.clone(), (unchecked(record), at_work(record))))
            .collect()
    };
    let (before, after) = (by_name(before), by_name(after));
    let names = before.keys().chain(after.keys());
    names.filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

fn at_work(live: Option<&Live>, record: &Record) -> Option<String> {
    live?.work_on(record).map(str::to_owned)
}

/// What there is now of the suspicious instances.
async fn objects(
    ctx: &Context,
    sides: &Sides,
    suspicious: &Suspicious,
    records: &[Record],
) -> Cluster {
    if suspicious.names.len() > MOST {
        let mut lists = Lists::default();
        let namespaces = suspicious.names.values().flatten().cloned().collect();
        lists.read(ctx, &namespaces).await;
        return lists.into_cluster(records).0;
    }
    let mut wanted: BTreeSet<(String, Piece, String)> = suspicious.extra.iter().cloned().collect();
    let mut cluster = Cluster::default();
    for (namespace, piece) in sides.cluster.unread() {
        cluster.cannot_read(namespace, *piece);
    }
    for (k8s_name, namespaces) in &suspicious.names {
        for namespace in namespaces {
            let known = Piece::ALL.iter().filter(|piece| sides.cluster.knows(namespace, **piece));
            let named = known.map(|piece| (namespace.clone(), *piece, piece.name_of(k8s_name)));
            wanted.extend(named);
        }
    }
    let service = ctx.kube_service();
    let asked = wanted.into_iter().map(|(namespace, piece, name)| {
        let service = &service;
        async move {
            let read = read(service, &namespace, piece, &name).await;
            (namespace, piece, read)
        }
    });
    let names: HashSet<&str> = records.iter().map(|record| record.k8s_name.as_str()).collect();
    let known = |name: &str| names.contains(name) || suspicious.names.contains_key(name);
    let mut answers = std::pin::pin!(futures_util::stream::iter(asked).buffer_unordered(AT_ONCE));
    while let Some((namespace, piece, read)) = answers.next().await {
        match read {
            Ok(Some(object)) => object.add_to(&mut cluster, &namespace, &known),
            Ok(None) => {}
            Err(error) => {
                let unread = not_compared(&namespace, piece, &error);
                ctx.ui().warn(format!("{}: {}", unread.what, unread.reason)).await;
                cluster.cannot_read(&namespace, piece);
            }
        }
    }
    cluster
}

/// What both sides say now of some instances, each in the namespaces in which there may be
/// something of it.
///
/// # Errors
/// When the CMS, the workflows' records or an object cannot be read: nothing may be changed on half
/// of the truth.
pub(crate) async fn exactly(
    ctx: &Context,
    settings: &Settings,
    names: BTreeMap<String, BTreeSet<String>>,
) -> Result<Sides> {
    let all: Vec<String> = names.keys().cloned().collect();
    let Known { records, live, moment } = cms::named(ctx, settings, &all).await?;
    let live = Some(live?);
    let mut suspicious = Suspicious { names, extra: Vec::new() };
    for record in &records {
        if let Some(namespaces) = suspicious.names.get_mut(&record.k8s_name) {
            namespaces.insert(record.namespace.clone());
        }
    }
    let nothing = Sides::default();
    let cluster = objects(ctx, &nothing, &suspicious, &records).await;
    if let Some((namespace, piece)) =
        cluster.unread().iter().find(|(_, piece)| *piece != Piece::Secret)
    {
        let what = format!("{} in `{namespace}` cannot be read", piece.plural());
        return Err(Error::unavailable(what).hint("see `toygres server drift`"));
    }
    Ok(Sides { records, cluster, live, moment, unread: Vec::new() })
}

/// An object of one sort or another.
enum Found {
    Set(StatefulSet),
    Service(Service),
    Claim(Claim),
    Pod(Pod),
    Secret(Object),
}

impl Found {
    fn add_to(self, cluster: &mut Cluster, namespace: &str, known: &impl Fn(&str) -> bool) {
        match self {
            Self::Set(set) => cluster.add_set(namespace, set, known),
            Self::Service(service) => cluster.add_service(namespace, service, known),
            Self::Claim(claim) => cluster.add_claim(namespace, claim, known),
            Self::Pod(pod) => cluster.add_pod(namespace, pod, known),
            Self::Secret(secret) => cluster.add_secret(namespace, secret, known),
        }
    }
}

async fn read(
    service: &KubeService,
    namespace: &str,
    piece: Piece,
    name: &str,
) -> Result<Option<Found>> {
    let Some(bytes) = kube::get(service, namespace, piece, name).await? else { return Ok(None) };
    let found = match piece {
        Piece::StatefulSet => Found::Set(parse::<WireSet<'_>>(&bytes)?.into()),
        Piece::Service => Found::Service(parse::<WireService<'_>>(&bytes)?.into()),
        Piece::Claim => Found::Claim(parse::<WireClaim<'_>>(&bytes)?.into()),
        Piece::Pod => Found::Pod(parse::<WirePod<'_>>(&bytes)?.into()),
        Piece::Secret => Found::Secret(parse::<WireObject<'_>>(&bytes)?.into()),
    };
    Ok(Some(found))
}
