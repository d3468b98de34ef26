//! Both sides, read.

pub(crate) mod again;
pub(crate) mod cms;
pub(crate) mod kube;
mod lists;
mod wire;

use crate::settings::Settings;
use cms::{Known, Moment};
use lists::Lists;
use serde::Serialize;
use std::collections::BTreeSet;
use toygres_model::drift::{Cluster, Live, Record};
use toygres_plugin_api::{Context, Error, Result, Schema};

/// What both sides say.
#[derive(Debug, Default)]
pub(crate) struct Sides {
    /// All that are not deleted, and deleted ones of which there are objects.
    pub(crate) records: Vec<Record>,
    /// What Kubernetes has.
    pub(crate) cluster: Cluster,
    /// The orchestrations that go on; none where they cannot be read.
    pub(crate) live: Option<Live>,
    /// When it was read.
    pub(crate) moment: Moment,
    /// What could not be read, and why.
    pub(crate) unread: Vec<NotCompared>,
}

/// Something that could not be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Schema)]
pub(crate) struct NotCompared {
    /// `kubernetes` or `duroxide`.
    pub(crate) source: String,
    /// What of it.
    pub(crate) what: String,
    /// Why.
    pub(crate) reason: String,
    /// Whether the comparison is incomplete without it. What may be withheld, such as Secrets, is
    /// not needed.
    pub(crate) needed: bool,
}

/// Reads both sides at once.
///
/// # Errors
/// When the CMS cannot be read: then nothing can be compared.
pub(crate) async fn everything(ctx: &Context, settings: &Settings) -> Result<Sides> {
    let (known, mut lists) = tokio::join!(cms::known(ctx, settings), async {
        let namespace = kube::namespace(ctx, settings).await;
        let mut lists = Lists::default();
        lists.read(ctx, &BTreeSet::from([namespace])).await;
        lists
    });
    let known = known.map_err(nothing_to_compare_with)?;
    let namespaces: BTreeSet<String> =
        known.records.iter().map(|record| record.namespace.clone()).collect();
    lists.read(ctx, &namespaces).await;
    assemble(ctx, settings, known, lists).await
}

fn nothing_to_compare_with(error: Error) -> Error {
    error.cause("without the records, Kubernetes has nothing to be compared with")
}

/// Puts both sides together, with the deleted records of which there still are objects.
async fn assemble(ctx: &Context, settings: &Settings, known: Known, lists: Lists) -> Result<Sides> {
    let Known { mut records, live, moment } = known;
    let (cluster, mut unread) = lists.into_cluster(&records);
    let strangers: Vec<String> = {
        let names: std::collections::HashSet<&str> =
            records.iter().map(|record| record.k8s_name.as_str()).collect();
        let groups = cluster.groups().map(|(_, name, _)| name.to_owned());
        groups.filter(|name| !names.contains(name.as_str())).collect()
    };
    if !strangers.is_empty() {
        records.extend(cms::deleted(ctx, settings, &strangers).await?);
    }
    let live = live.map_err(|error| unread.push(cms::unread(&error))).ok();
    Ok(Sides { records, cluster, live, moment, unread })
}
