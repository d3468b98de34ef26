//! Adopting what runs in Kubernetes and has no record.

use super::{Action, Adopted, Plan, Step, make};
use crate::read::Sides;
use crate::settings::Settings;
use toygres_model::cluster_reading::version_of_image;
use toygres_model::drift::{GI, Group, Kind, Piece, Record, bytes};
use toygres_model::instance::State;
use toygres_model::request;
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Error, Result};

/// What is to be adopted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// Its name in Kubernetes.
    pub(crate) k8s_name: &'a str,
    /// Where it is.
    pub(crate) namespace: &'a str,
    /// The name that it gets; made of the one in Kubernetes where none is given.
    pub(crate) name: Option<&'a str>,
}

/// A plan that adopts one instance; an empty one where nothing is missing any more.
///
/// # Errors
/// `not_found`; `failed` where it cannot be adopted as it is.
pub(crate) fn import(
    wanted: &Wanted<'_>,
    sides: &Sides,
    settings: &Settings,
    has_password: bool,
) -> Result<Plan> {
    let steps = steps(wanted, sides, settings, has_password)?;
    Ok(Plan { steps, ..Plan::default() }.observed_in(sides))
}

/// The steps: the Secret, the record and the monitor, each where it is missing. The record comes
/// after the Secret, so that what is told of the instance is true from its first moment.
pub(super) fn steps(
    wanted: &Wanted<'_>,
    sides: &Sides,
    settings: &Settings,
    has_password: bool,
) -> Result<Vec<Step>> {
    let Wanted { k8s_name, namespace, .. } = *wanted;
    let record = sides.records.iter().find(|record| record.k8s_name == k8s_name);
    if let Some(record) = record.filter(|record| record.state != State::Deleted) {
        return unfinished(record, sides);
    }
    let live = sides.live.as_ref();
    let at_work = live.and_then(|live| match record {
        Some(record) => live.work_on(record),
        None => live.work_on_name(k8s_name),
    });
    if let Some(id) = at_work {
        return Err(Error::failed(format!("`{id}` is at work on `{k8s_name}`"))
            .hint(format!("wait for it, or see `{}`", make::orchestration(id))));
    }
    let group = sides.cluster.group(namespace, k8s_name).filter(|group| !group.is_gone());
    let group = group.ok_or_else(|| {
        Error::not_found(format!("there is no `{k8s_name}` in the namespace `{namespace}`"))
            .hint("see what has no record with `toygres server drift`")
    })?;
    let adopted = adopted(k8s_name, group, settings)?;
    let instance = user_name(wanted)?;
    let id = id(k8s_name, group, record, sides)?;
    let step = |action| Step {
        k8s_name: k8s_name.to_owned(),
        namespace: namespace.to_owned(),
        instance: instance.clone(),
        id: id.clone(),
        state: record.map_or("none", |record| record.state.word()).to_owned(),
        kind: Kind::Orphaned.word().to_owned(),
        action,
    };
    let mut steps = Vec::new();
    if group.secret.is_none() {
        no_secret(wanted, sides, has_password)?;
        steps.push(step(Action::KeepPassword));
    }
    steps.push(step(Action::Import(adopted)));
    if live.is_some_and(|live| live.monitor(k8s_name, None).is_none()) {
        steps.push(step(Action::StartMonitor));
    }
    Ok(steps)
}

/// What an import that was interrupted left to be done.
fn unfinished(record: &Record, sides: &Sides) -> Result<Vec<Step>> {
    if record.state != State::Running {
        return Err(Error::failed(format!(
            "`{}` has a record already, which is {}",
            record.k8s_name, record.state
        ))
        .hint(format!("see `{}`", ShellCommand::new("toygres get").arg(&record.k8s_name))));
    }
    let recorded = record.monitor_id.as_deref();
    let watched = sides.live.as_ref().and_then(|live| live.monitor(&record.k8s_name, recorded));
    Ok(match watched {
        Some(id) if recorded == Some(id) => Vec::new(),
        Some(id) => {
            let monitor = id.to_owned();
            vec![make::step(record, Kind::Orphaned, Action::RecordMonitor { monitor })]
        }
        None => vec![make::step(record, Kind::Orphaned, Action::StartMonitor)],
    })
}

fn adopted(k8s_name: &str, group: &Group, settings: &Settings) -> Result<Adopted> {
    let unfit = |what: String| {
        Error::failed(format!("`{k8s_name}` cannot be imported: {what}"))
            .hint("see `toygres server drift --verbose`, put it right and try again")
    };
    let (Some(set), Some(service), Some(claim)) = (&group.set, &group.service, &group.claim) else {
        let lacks = [Piece::StatefulSet, Piece::Service, Piece::Claim].into_iter();
        let lacks = lacks.filter(|piece| group.object(*piece).is_none()).map(Piece::label);
        return Err(unfit(format!("it lacks its {}", lacks.collect::<Vec<_>>().join(", "))));
    };
    if group.is_terminating() {
        return Err(unfit("it is being deleted in Kubernetes".to_owned()));
    }
    if set.ready < 1 {
        let why = group.pod.as_ref().and_then(|pod| pod.reason.clone());
        return Err(unfit(format!("it does not run: {}", why.unwrap_or_else(|| "no pod".into()))));
    }
    let image = set.image.clone().unwrap_or_default();
    let version = settings.images.iter().find_map(|template| version(template, &image));
    let version = version
        .ok_or_else(|| unfit(format!("its image `{image}` is none of PostgreSQL that is known")))?;
    let load_balancer = match service.kind.as_str() {
        "LoadBalancer" => true,
        "ClusterIP" => false,
        other => return Err(unfit(format!("its Service is of type {other}"))),
    };
    let storage = claim.storage.as_deref().and_then(bytes).unwrap_or_default();
    if storage < GI || storage % GI != 0 {
        let asked = claim.storage.as_deref().unwrap_or("nothing");
        return Err(unfit(format!("its claim asks for {asked}, which is no whole number of Gi")));
    }
    let host = service.address(&[]).map(str::to_owned).filter(|_| load_balancer);
    if load_balancer && host.is_none() {
        return Err(unfit("its load balancer has no address yet".to_owned()));
    }
    Ok(Adopted {
        version,
        storage_gb: storage / GI,
        load_balancer,
        dns_label: service.dns_label.clone().filter(|_| load_balancer),
        host,
        port: service
            .postgres_port(Some(set))
            .map(|port| port.port)
            .ok_or_else(|| unfit("no port of its Service leads to PostgreSQL".to_owned()))?,
    })
}

/// The version of an image, where it is of the template.
fn version(template: &str, image: &str) -> Option<String> {
    version_of_image(template, image).filter(|version| request::version(version).is_ok())
}

/// The name that it gets: what stands before the digits.
fn user_name(wanted: &Wanted<'_>) -> Result<String> {
    let made = wanted.k8s_name.rsplit_once('-').map_or(wanted.k8s_name, |(name, _)| name);
    let name = wanted.name.unwrap_or(made);
    request::name(name).map_err(|refusal| Error::usage(refusal.message).hint(refusal.hint))?;
    Ok(name.to_owned())
}

/// The id of its record: the one that its objects were made for, or a deleted record's, or that of
/// its StatefulSet, so that planning it again gives the same.
fn id(k8s_name: &str, group: &Group, record: Option<&Record>, sides: &Sides) -> Result<String> {
    let objects = Piece::ALL.iter().filter_map(|piece| group.object(*piece));
    let mut ids: Vec<String> =
        objects.filter_map(|object| object.id.as_ref()).map(|id| id.to_ascii_lowercase()).collect();
    ids.extend(record.map(|record| record.id.clone()));
    ids.sort_unstable();
    ids.dedup();
    if ids.len() > 1 {
        return Err(Error::failed(format!(
            "the objects of `{k8s_name}` were made for different records: {}",
            ids.join(", ")
        ))
        .hint("give all of them the same annotation `toygres.io/instance-id`"));
    }
    let uid = || group.set.as_ref().map(|set| set.object.uid.clone()).unwrap_or_default();
    let id = ids.pop().unwrap_or_else(uid);
    if !is_uuid(&id) {
        return Err(Error::failed(format!("`{id}` is no id that a record can have"))
            .hint("put the annotation `toygres.io/instance-id` of its objects right"));
    }
    let other = sides.records.iter().find(|other| other.id == id && other.k8s_name != k8s_name);
    match other {
        Some(other) => Err(Error::failed(format!(
            "the objects of `{k8s_name}` say that they are of `{}`",
            other.k8s_name
        ))),
        None => Ok(id),
    }
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    let hex = text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    hex && groups == [8, 4, 4, 4, 12]
}

/// Without its Secret it can be adopted with its password alone.
fn no_secret(wanted: &Wanted<'_>, sides: &Sides, has_password: bool) -> Result<()> {
    let Wanted { k8s_name, namespace, .. } = *wanted;
    if !sides.cluster.knows(namespace, Piece::Secret) {
        return Err(Error::unavailable(format!(
            "whether there is a Secret `{k8s_name}-credentials` cannot be read"
        ))
        .hint("importing needs the right to get Secrets"));
    }
    if has_password {
        return Ok(());
    }
    let give = ShellCommand::new("toygres server sync").option("--import", k8s_name);
    Err(Error::failed(format!("`{k8s_name}` has no Secret with its password"))
        .hint(format!("give it: {}", give.option("--password-file", "FILE"))))
}
