//! Ids that were perhaps meant: the one that begins as typed, or those that are nearest.

use super::schema::Schema;
use serde::Deserialize;
use std::collections::BTreeSet;
use toygres_model::completion::begins_with;
use toygres_model::names;
use toygres_plugin_api::Result;
use toygres_plugin_api::context::Session;

/// A list of more helps nobody.
const MAX_SUGGESTIONS: usize = 3;
/// The ids among which the nearest ones are looked for: the latest, and those that share a beginning.
const MAX_CANDIDATES: usize = 5_000;

#[derive(Deserialize)]
struct Id {
    id: String,
}

/// The one orchestration whose id begins as typed; `None` where there is none, or more than one. What it
/// started itself, whose ids begin with its own, does not count.
pub(crate) async fn by_prefix(
    session: &Session,
    schema: &Schema,
    typed: &str,
) -> Result<Option<String>> {
    if typed.is_empty() {
        return Ok(None);
    }
    let queued = if schema.has("orchestrator_queue") {
        format!(
            " UNION SELECT q.instance_id FROM {} q WHERE q.instance_id LIKE $1 \
             AND q.work_item ~ '^[[:space:]]*[{{][[:space:]]*\"StartOrchestration\"'",
            schema.table("orchestrator_queue")
        )
    } else {
        String::new()
    };
    let found: Vec<Id> = session
        .query(format!(
            "SELECT id FROM (SELECT instance_id AS id FROM {} WHERE instance_id LIKE $1{queued}) AS known \
             WHERE position('::sub::' IN substr(id, length($2::text) + 1)) = 0 ORDER BY id LIMIT 2",
            schema.table("instances")
        ))
        .bind(begins_with(typed))
        .bind(typed)
        .fetch()
        .await?;
    let mut found = found.into_iter();
    Ok(found.next().filter(|_| found.next().is_none()).map(|row| row.id))
}

/// Ids that are like one that does not exist, the nearest first.
pub(crate) async fn nearest(
    session: &Session,
    schema: &Schema,
    typed: &str,
) -> Result<Vec<String>> {
    let stem: String = typed.chars().take(3).collect();
    let table = schema.table("instances");
    let found: Vec<Id> = session
        .query(format!(
            "(SELECT instance_id AS id FROM {table} WHERE instance_id LIKE $1 \
              ORDER BY created_at DESC LIMIT {MAX_CANDIDATES}) \
             UNION (SELECT instance_id FROM {table} WHERE strpos(instance_id, $2) > 0 \
              ORDER BY created_at DESC LIMIT {MAX_CANDIDATES}) \
             UNION (SELECT instance_id FROM {table} ORDER BY created_at DESC LIMIT {MAX_CANDIDATES})"
        ))
        .bind(begins_with(typed))
        .bind(if typed.is_empty() { "\u{1}" } else { typed })
        .fetch()
        .await?;
    let known: BTreeSet<String> = found.into_iter().map(|row| row.id).collect();
    Ok(rank(typed, &stem, known.iter().map(String::as_str)))
}

/// Those of `known` that may have been meant: ids that go on where the typed one ends come first, then
/// those with the fewest differences, with and without what the control plane adds to a name.
fn rank<'a>(typed: &str, stem: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    let typed = typed.to_lowercase();
    let most = (typed.chars().count() / 3).max(2);
    let distance = |id: &str| strsim::damerau_levenshtein(&typed, id);
    let mut near: Vec<(usize, usize, &str)> = known
        .filter_map(|id| {
            let lower = id.to_lowercase();
            let plain = plain(&lower);
            let far = if lower.starts_with(&typed) {
                // Nothing is wrong with what was typed: the shortest rest is the nearest.
                usize::from(plain.as_deref().is_none_or(|plain| plain != typed))
            } else if typed.len() > stem.len() && lower.contains(&typed) {
                2
            } else {
                let whole = distance(&lower);
                let short = plain.as_deref().map_or(whole, distance);
                2 + whole.min(short)
            };
            (far <= 2 + most).then_some((far, id.len(), id))
        })
        .collect();
    near.sort_unstable();
    // Far ones are left out where there are nearer ones: they were not meant.
    let best = near.first().map_or(0, |(far, ..)| *far);
    near.retain(|(far, ..)| *far <= best + 1);
    near.into_iter().take(MAX_SUGGESTIONS).map(|(.., id)| id.to_owned()).collect()
}

/// `create-mydb` of `create-mydb-84ac288f`.
fn plain(id: &str) -> Option<String> {
    let (kind, _) = id.split_once('-')?;
    let k8s_name = names::k8s_name(id, &serde_json::Value::Null)?;
    let user_name = names::user_name(&k8s_name, &serde_json::Value::Null);
    Some(format!("{kind}-{user_name}"))
}

#[cfg(test)]
mod tests {
    use super::rank;

    fn near(typed: &str) -> Vec<String> {
        let known = [
            "create-mydb-84ac288f",
            "create-folldb-11111111",
            "create-todb-22222222",
            "create-livedb-33333333",
            "health-mydb-84ac288f",
            "delete-mydb-84ac288f",
        ];
        let stem: String = typed.chars().take(3).collect();
        rank(typed, &stem, known.into_iter())
    }

    #[test]
    fn the_nearest_is_told_first_and_far_ones_not_at_all() {
        assert_eq!(near("create-mydb")[0], "create-mydb-84ac288f");
        assert_eq!(near("create-mydb-84ac288")[0], "create-mydb-84ac288f");
        assert_eq!(near("create-mydb-84ac289f"), ["create-mydb-84ac288f"]);
        assert_eq!(near("craete-mydb"), ["create-mydb-84ac288f"]);
        assert_eq!(near("create-todb-2222"), ["create-todb-22222222"]);
        assert_eq!(near("mydb").len(), 3);
        assert_eq!(near("nightly-report"), Vec::<String>::new());
    }
}
