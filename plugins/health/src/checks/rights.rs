//! What this user may do in the namespace: one row for each kind that the control plane needs.

use crate::check::{Finding, Row, row};
use crate::gather::Sources;
use futures_util::future::join_all;
use serde_json::json;
use toygres_model::rights::{NEEDED, NEEDED_FOR_POLICIES, Right};
use toygres_plugin_api::shell::ShellCommand;

pub(super) const ROWS: &[Row] = &[
    row!("TG0511", Rights, Error, "stateful sets may be managed", stateful_sets),
    row!("TG0512", Rights, Error, "services may be managed", services),
    row!("TG0513", Rights, Error, "claims may be managed", claims),
    row!("TG0514", Rights, Error, "credentials may be managed", credentials),
    row!("TG0515", Rights, Error, "pods may be looked at", pods),
    row!("TG0516", Rights, Error, "network policies may be managed", policies),
];

async fn stateful_sets(sources: &Sources) -> Finding {
    of(sources, "statefulsets").await.headline("create/read/delete statefulsets, services, pvcs")
}

async fn services(sources: &Sources) -> Finding {
    of(sources, "services").await
}

async fn claims(sources: &Sources) -> Finding {
    of(sources, "persistentvolumeclaims").await
}

async fn credentials(sources: &Sources) -> Finding {
    of(sources, "secrets").await
}

async fn pods(sources: &Sources) -> Finding {
    of(sources, "pods").await
}

async fn policies(sources: &Sources) -> Finding {
    if !sources.settings.network_policy {
        return Finding::skipped("instances get no network policy (`kubernetes.network_policy`)");
    }
    of(sources, "networkpolicies").await
}

async fn of(sources: &Sources, resource: &str) -> Finding {
    let found = NEEDED.iter().chain(NEEDED_FOR_POLICIES).find(|right| right.resource == resource);
    let Some(right) = found else {
        return Finding::skipped("the control plane needs none");
    };
    let answers = join_all(right.verbs.iter().map(|verb| async move {
        (*verb, sources.cluster.may(right.group, right.resource, verb).await)
    }))
    .await;
    let mut missing = Vec::new();
    for (verb, answer) in answers {
        match answer {
            Ok(true) => {}
            Ok(false) => missing.push(verb),
            Err(error) => return Finding::cannot_tell(&error),
        }
    }
    let namespace = sources
        .cluster
        .target
        .clone()
        .await
        .map_or_else(|_| String::new(), |t| t.namespace.clone());
    judged(right, &missing, &namespace)
}

/// A user that may read and change nothing is an observer's, not the control plane's: its rights
/// say nothing about the server's. An observer need not see Secrets either.
fn judged(right: &Right, missing: &[&str], namespace: &str) -> Finding {
    let what = if right.group.is_empty() {
        right.resource.to_owned()
    } else {
        format!("{}.{}", right.resource, right.group)
    };
    let changes = |verb: &&str| !matches!(*verb, "get" | "list" | "watch");
    let is_changed = right.verbs.iter().any(changes);
    let may_change = right.verbs.iter().any(|verb| changes(verb) && !missing.contains(verb));
    let may_read = right.verbs.iter().all(|verb| changes(verb) || !missing.contains(verb));
    let need_not_read = right.resource == SECRETS;
    let finding = if missing.is_empty() {
        Finding::ok(right.verbs.join(", "))
    } else if is_changed && !may_change && (may_read || need_not_read) {
        Finding::skipped(format!("not permitted: needs {} on `{what}`", quoted(missing)))
    } else {
        Finding::failed(format!("this user may not {} {what}", missing.join(", ")))
    };
    let finding = finding
        .see("group", right.group)
        .see("resource", right.resource)
        .see("verbs", json!(right.verbs))
        .see("missing", json!(missing));
    match missing.first() {
        None => finding,
        Some(verb) => finding.fix(
            ShellCommand::new("kubectl auth can-i").arg(verb).arg(&what).option("-n", namespace),
        ),
    }
}

/// The resource that holds passwords.
const SECRETS: &str = "secrets";

fn quoted(verbs: &[&str]) -> String {
    verbs.iter().map(|verb| format!("`{verb}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::judged;
    use crate::check::Outcome;
    use toygres_model::rights::NEEDED;

    #[test]
    fn an_observer_is_told_from_a_control_plane_that_lost_a_right() {
        let services = NEEDED.iter().find(|right| right.resource == "services").unwrap();
        let pods = NEEDED.iter().find(|right| right.resource == "pods").unwrap();
        assert_eq!(judged(services, &[], "n").outcome, Outcome::Ok);
        assert_eq!(judged(services, &["create"], "n").outcome, Outcome::Failed);
        assert_eq!(judged(services, &["create", "delete"], "n").outcome, Outcome::Skipped);
        let secrets = NEEDED.iter().find(|right| right.resource == "secrets").unwrap();
        assert_eq!(judged(secrets, secrets.verbs, "n").outcome, Outcome::Skipped);
        assert_eq!(judged(secrets, &["get"], "n").outcome, Outcome::Failed);
        assert_eq!(judged(services, &["create", "delete", "get"], "n").outcome, Outcome::Failed);
        assert_eq!(judged(pods, &["list"], "n").outcome, Outcome::Failed);
    }
}
