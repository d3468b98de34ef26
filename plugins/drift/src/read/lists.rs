//! The lists of a namespace: four of them, and the Secrets where they may be listed, at once.

use super::wire::{Page, WireClaim, WireObject, WirePod, WireService, WireSet};
use super::{NotCompared, kube};
use futures_util::StreamExt;
use serde::Deserialize;
use std::collections::{BTreeSet, HashSet};
use toygres_model::drift::{Claim, Cluster, Object, Piece, Pod, Record, Service, StatefulSet};
use toygres_plugin_api::context::KubeService;
use toygres_plugin_api::{Context, Error, Result};

/// What was listed, by namespace.
#[derive(Debug, Default)]
pub(super) struct Lists {
    read: Vec<Listed>,
}

/// What was listed of a namespace.
#[derive(Debug)]
struct Listed {
    namespace: String,
    sets: Result<Vec<StatefulSet>>,
    services: Result<Vec<Service>>,
    claims: Result<Vec<Claim>>,
    pods: Result<Vec<Pod>>,
    secrets: Result<Vec<Object>>,
}

/// How many namespaces are listed at once, with five lists each.
const AT_ONCE: usize = 4;

/// How often a list is begun anew that took longer than the server remembers.
const TRIES: u32 = 3;

/// Lists all of a sort of object, page by page. A macro, since each page lends its texts to its own
/// type.
macro_rules! list {
    ($service:expr, $namespace:expr, $piece:expr, $wire:ident => $object:ty) => {
        async {
            let mut tries = 1;
            let mut next: Option<String> = None;
            let mut all: Vec<$object> = Vec::new();
            loop {
                let page = kube::page($service, $namespace, $piece, next.as_deref()).await;
                let bytes = match page {
                    Ok(bytes) => bytes,
                    Err(error) if kube::is_too_old(&error) && tries < TRIES => {
                        tries += 1;
                        next = None;
                        all.clear();
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                let page: Page<'_, $wire<'_>> = parse(&bytes)?;
                next = page.next();
                all.extend(page.items.into_iter().flatten().map(<$object>::from));
                if next.is_none() {
                    return Ok(all);
                }
            }
        }
    };
}

/// A document of Kubernetes.
pub(super) fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T> {
    serde_json::from_slice(bytes)
        .map_err(|error| Error::failed("an answer of Kubernetes could not be read").cause(error))
}

impl Lists {
    /// Lists what is in these namespaces and was not listed before.
    pub(super) async fn read(&mut self, ctx: &Context, namespaces: &BTreeSet<String>) {
        let service = ctx.kube_service();
        let known: HashSet<String> =
            self.read.iter().map(|listed| listed.namespace.clone()).collect();
        let new = namespaces.iter().filter(|namespace| !known.contains(*namespace));
        let listed = new.map(|namespace| Listed::read(&service, namespace));
        let mut listed = std::pin::pin!(futures_util::stream::iter(listed).buffered(AT_ONCE));
        while let Some(listed) = listed.next().await {
            self.read.push(listed);
        }
    }

    /// Sorts the objects by instance, and tells what could not be listed.
    pub(super) fn into_cluster(self, records: &[Record]) -> (Cluster, Vec<NotCompared>) {
        let names: HashSet<&str> = records.iter().map(|record| record.k8s_name.as_str()).collect();
        let known = |name: &str| names.contains(name);
        let mut cluster = Cluster::default();
        let mut unread = Vec::new();
        for Listed { namespace, sets, services, claims, pods, secrets } in self.read {
            let mut missed = |cluster: &mut Cluster, piece, error: &Error| {
                cluster.cannot_read(&namespace, piece);
                unread.push(not_compared(&namespace, piece, error));
            };
            match sets {
                Ok(sets) => {
                    sets.into_iter().for_each(|set| cluster.add_set(&namespace, set, known));
                }
                Err(error) => missed(&mut cluster, Piece::StatefulSet, &error),
            }
            match services {
                Ok(services) => services
                    .into_iter()
                    .for_each(|service| cluster.add_service(&namespace, service, known)),
                Err(error) => missed(&mut cluster, Piece::Service, &error),
            }
            match claims {
                Ok(claims) => {
                    claims
                        .into_iter()
                        .for_each(|claim| cluster.add_claim(&namespace, claim, known));
                }
                Err(error) => missed(&mut cluster, Piece::Claim, &error),
            }
            match pods {
                Ok(pods) => {
                    pods.into_iter().for_each(|pod| cluster.add_pod(&namespace, pod, known));
                }
                Err(error) => missed(&mut cluster, Piece::Pod, &error),
            }
            match secrets {
                Ok(secrets) => secrets
                    .into_iter()
                    .for_each(|secret| cluster.add_secret(&namespace, secret, known)),
                Err(error) => missed(&mut cluster, Piece::Secret, &error),
            }
        }
        (cluster, unread)
    }
}

impl Listed {
    async fn read(service: &KubeService, namespace: &str) -> Self {
        let (sets, services, claims, pods, secrets) = tokio::join!(
            list!(service, namespace, Piece::StatefulSet, WireSet => StatefulSet),
            list!(service, namespace, Piece::Service, WireService => Service),
            list!(service, namespace, Piece::Claim, WireClaim => Claim),
            list!(service, namespace, Piece::Pod, WirePod => Pod),
            list!(service, namespace, Piece::Secret, WireObject => Object),
        );
        let namespace = namespace.to_owned();
        Self { namespace, sets, services, claims, pods, secrets }
    }
}

/// That a sort of object could not be read.
pub(super) fn not_compared(namespace: &str, piece: Piece, error: &Error) -> NotCompared {
    let causes = error.causes.iter();
    NotCompared {
        source: "kubernetes".to_owned(),
        what: format!("{} in {namespace}", piece.plural()),
        reason: causes.fold(error.message.clone(), |text, cause| format!("{text}: {cause}")),
        // Whoever may not see Secrets can compare everything else.
        needed: piece != Piece::Secret,
    }
}
