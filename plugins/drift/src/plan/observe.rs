//! What instances look like, in a form in which a change shows.

use crate::read::Sides;
use std::collections::{BTreeMap, BTreeSet};
use toygres_model::drift::Piece;

/// Each thing that was looked at, and its version.
pub(crate) type Observed = BTreeMap<String, String>;

/// What some instances look like: their records by state and time, their objects by resourceVersion,
/// and which orchestrations are at them.
pub(crate) fn observe(sides: &Sides, names: &BTreeMap<String, BTreeSet<String>>) -> Observed {
    let mut observed = Observed::new();
    for (k8s_name, namespaces) in names {
        let record = sides.records.iter().find(|record| &record.k8s_name == k8s_name);
        let said = record.map_or_else(absent, |record| {
            format!("{} {} {}", record.id, record.state, record.updated_ms)
        });
        observed.insert(format!("cms/{k8s_name}"), said);
        if let Some(live) = &sides.live {
            let recorded = record.and_then(|record| record.monitor_id.as_deref());
            let work = match record {
                Some(record) => live.work_on(record),
                None => live.work_on_name(k8s_name),
            };
            let at_work = work.or_else(|| live.monitor(k8s_name, recorded));
            observed
                .insert(format!("orchestrations/{k8s_name}"), at_work.unwrap_or("none").to_owned());
        }
        for namespace in namespaces {
            for piece in Piece::ALL {
                let object = sides.cluster.group(namespace, k8s_name);
                let object = object.and_then(|group| group.object(*piece));
                let version = object
                    .map_or_else(absent, |object| format!("{} {}", object.uid, object.version));
                let name = piece.name_of(k8s_name);
                observed.insert(format!("{namespace}/{}/{name}", piece.plural()), version);
            }
        }
    }
    observed
}

/// Written as a list: the name of a Secret as a key would have the host mask what stands behind it.
pub(super) mod listed {
    use super::Observed;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Seen {
        what: String,
        version: String,
    }

    pub(in crate::plan) fn serialize<S: Serializer>(
        observed: &Observed,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(
            observed
                .iter()
                .map(|(what, version)| Seen { what: what.clone(), version: version.clone() }),
        )
    }

    pub(in crate::plan) fn deserialize<'a, D: Deserializer<'a>>(
        from: D,
    ) -> Result<Observed, D::Error> {
        let seen = Vec::<Seen>::deserialize(from)?;
        Ok(seen.into_iter().map(|seen| (seen.what, seen.version)).collect())
    }
}

fn absent() -> String {
    "absent".to_owned()
}
