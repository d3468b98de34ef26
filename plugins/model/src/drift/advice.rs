//! Why a drift may have come about, and what can be done about it.

use super::{Finding, GI, Kind, Piece};
use crate::cluster_reading::look_at_deletion;
use toygres_plugin_api::shell::ShellCommand;

/// What may have led to it, the likeliest first.
#[must_use]
pub fn causes(finding: &Finding) -> Vec<String> {
    let causes: Vec<&str> = match finding.kind {
        Kind::Orphaned if finding.state.as_deref() == Some("deleted") => vec![
            "Its deletion did not take everything away",
            "Something made the objects again after it was deleted",
        ],
        Kind::Orphaned if finding.resources == ["PVC"] => vec![
            "The instance was deleted by hand, and its storage was kept",
            "Its deletion did not take everything away",
        ],
        Kind::Orphaned => vec![
            "Instance was created outside of Toygres",
            "CMS database was restored from old backup",
            "Manual deletion of CMS record",
        ],
        Kind::Abandoned => vec![
            "Resources manually deleted from K8s",
            "Kubernetes namespace was deleted",
            "Cluster was recreated",
        ],
        Kind::Mismatch => return of_fields(finding),
    };
    causes.into_iter().map(str::to_owned).collect()
}

fn of_fields(finding: &Finding) -> Vec<String> {
    let mut causes = Vec::new();
    for field in &finding.fields {
        let cause = cause(finding, field.field);
        if !causes.iter().any(|known| known == cause) {
            causes.push(cause.to_owned());
        }
    }
    causes
}

fn cause(finding: &Finding, field: &str) -> &'static str {
    match field {
        "statefulset" | "service" | "claim" | "pod" | "secret" => {
            "An object was manually deleted from K8s"
        }
        "image" | "pod_image" | "replicas" | "service_type" | "selector" | "target_port"
        | "labels" | "mounted_claim" | "dns_label" | "instance_id" => {
            "An object was changed by hand or by another tool"
        }
        "ready_replicas" => "The pod cannot start, or was just restarted",
        "storage_bytes" => match storage(finding) {
            Some((wanted, there)) if there > wanted => "The storage was expanded by hand",
            _ => "The claim or the record was written by hand",
        },
        "claim_deletion" => "The claim was deleted by hand, or its namespace is being deleted",
        "running_version" => "The image holds another version than its tag says",
        "claim_phase" => "The volume was lost, or no storage is left",
        "external_ip" | "host" | "port" => "The load balancer was given another address",
        "orchestration" => "The orchestration was cancelled or lost, or no server runs",
        "monitor" | "monitor_id" => "The health monitor was cancelled or failed",
        "name" => "Records were written by hand, or by a release that allowed it",
        "namespace" => "The record, or the objects, were moved to another namespace",
        "state" => "Its deletion did not take everything away",
        "extra" => "Something was copied from the instance's objects",
        _ => "Something was changed by hand",
    }
}

/// What can be done: what it does, and the command.
#[must_use]
pub fn resolutions(finding: &Finding) -> Vec<(&'static str, String)> {
    match finding.kind {
        Kind::Orphaned => of_orphan(finding),
        Kind::Abandoned => vec![
            (
                "Mark as deleted",
                ShellCommand::new("toygres server sync")
                    .option("--mark-deleted", name(finding))
                    .into(),
            ),
            ("Recreate", "Not supported (would need to delete and recreate)".to_owned()),
        ],
        Kind::Mismatch => of_mismatch(finding),
    }
}

fn of_orphan(finding: &Finding) -> Vec<(&'static str, String)> {
    let mut ways = Vec::new();
    let whole = finding.missing.is_empty();
    if whole && finding.state.as_deref().is_none_or(|state| state == "deleted") {
        let import = ShellCommand::new("toygres server sync").option("--import", &finding.k8s_name);
        ways.push(("Import to CMS", import.into()));
    }
    let (namespace, k8s_name) = (&finding.namespace, &finding.k8s_name);
    let has = |piece: Piece| finding.resources.contains(&piece.label());
    let main = [Piece::StatefulSet, Piece::Service, Piece::Claim, Piece::Pod];
    let delete = if finding.resources.is_empty() {
        let extra = finding.fields.iter().filter(|field| field.field == "extra");
        let names: Vec<&str> = extra.filter_map(|field| field.kubernetes.as_str()).collect();
        let names = names.iter().map(|name| name.replace("claim/", "pvc/"));
        ShellCommand::new("kubectl delete").option("-n", namespace).args(names)
    } else {
        // A superuser's password is not left behind either.
        let kinds = match (main.into_iter().any(has), has(Piece::Secret)) {
            (true, true) => "kubectl delete statefulset,svc,pvc,secret",
            (true, false) => "kubectl delete statefulset,svc,pvc",
            (false, _) => "kubectl delete secret",
        };
        ShellCommand::new(kinds)
            .option("-n", namespace)
            .option("-l", format!("instance={k8s_name}"))
    };
    ways.push(("Delete from K8s", delete.into()));
    ways
}

fn of_mismatch(finding: &Finding) -> Vec<(&'static str, String)> {
    let mut ways: Vec<(&'static str, String)> = Vec::new();
    for field in &finding.fields {
        for way in of_field(finding, field.field) {
            if !ways.contains(&way) {
                ways.push(way);
            }
        }
    }
    // What destroys data is the last resort.
    ways.sort_by_key(|(what, _)| DESTROYING.contains(what));
    ways
}

/// `toygres delete` takes the claim away too, and its volume with it.
const DELETE: &str = "Delete it, with its data volume";
const DELETE_REST: &str = "Delete what is left, with its data volume";
const DESTROYING: [&str; 2] = [DELETE, DELETE_REST];

/// The bytes that the CMS and Kubernetes have.
fn storage(finding: &Finding) -> Option<(i64, i64)> {
    let field = finding.field("storage_bytes")?;
    Some((field.cms.as_i64()?, field.kubernetes.as_i64()?))
}

fn of_field(finding: &Finding, field: &str) -> Vec<(&'static str, String)> {
    let (namespace, k8s_name) = (&finding.namespace, &finding.k8s_name);
    let name = name(finding);
    let has = |piece: Piece| finding.resources.contains(&piece.label());
    let sync = |what: &'static str| vec![(what, "toygres server sync".to_owned())];
    let look_at = |what: &'static str, piece: Piece| {
        let describe = ShellCommand::new("kubectl describe").option("-n", namespace);
        vec![(what, describe.arg(piece.plural()).arg(piece.name_of(k8s_name)).into())]
    };
    let look = |piece: Piece| look_at("Look at it", piece);
    let get = |what: &'static str| vec![(what, ShellCommand::new("toygres get").arg(name).into())];
    match field {
        "external_ip" | "host" | "port" => sync("Write the address to CMS"),
        "monitor" => sync("Start a monitor"),
        "monitor_id" => sync("Write the monitor to CMS"),
        "storage_bytes" => of_storage(finding),
        "service" => sync("Make the Service again"),
        "labels" => sync("Put the labels back"),
        "replicas" => {
            let scale = ShellCommand::new("kubectl scale")
                .option("-n", namespace)
                .arg(format!("statefulset/{k8s_name}"))
                .flag("--replicas=1");
            vec![("Scale it back", scale.into())]
        }
        "image" => {
            let wanted = finding.field("image").and_then(|image| image.cms.as_str());
            let wanted = wanted.unwrap_or("postgres");
            let image = ShellCommand::new("kubectl set image")
                .option("-n", namespace)
                .arg(format!("statefulset/{k8s_name}"))
                .arg(format!("postgres={wanted}"));
            vec![("Set it back", image.into())]
        }
        "orchestration" => {
            let mut ways = vec![("See the server", "toygres server status".to_owned())];
            // What was made already may hold data; what is being deleted is to go anyway.
            if finding.state.as_deref() == Some("deleting") {
                ways.push((DELETE, delete(k8s_name)));
            } else {
                ways.extend(get("Look at it"));
            }
            ways
        }
        "state" => {
            let mut ways = get("See why it failed");
            ways.push((DELETE_REST, delete(k8s_name)));
            ways
        }
        "statefulset" if has(Piece::Claim) => {
            let mut ways = sync("Make the StatefulSet again around its data volume");
            // Its pod cannot start without it.
            if finding.field("secret").is_some() {
                ways.clear();
            }
            ways.extend(look_at("Look at its data volume", Piece::Claim));
            ways
        }
        "statefulset" => {
            vec![("Look for its volume", "kubectl get pv".to_owned()), (DELETE_REST, delete(name))]
        }
        "mounted_claim" => {
            let mut ways = look_at("Look at what it mounts", Piece::StatefulSet);
            ways.extend(look_at("Look at its data volume", Piece::Claim));
            ways
        }
        "claim_deletion" => of_deleted_claim(finding),
        "claim" | "claim_phase" => look(Piece::Claim),
        "ready_replicas" | "pod" | "pod_image" => look(Piece::Pod),
        "secret" => of_secret(finding),
        "running_version" | "name" => get("Look at it"),
        "namespace" => {
            let list = ShellCommand::new("kubectl get statefulset,svc,pvc -A")
                .option("-l", format!("instance={k8s_name}"));
            vec![("Look at them", list.into())]
        }
        _ => look(Piece::Service),
    }
}

/// A record holds whole Gi, and a claim can only grow: what fits neither is grown until it does.
fn of_storage(finding: &Finding) -> Vec<(&'static str, String)> {
    let write = ("Write the size to CMS", "toygres server sync".to_owned());
    let grow = |gi: i64| {
        let patch = format!(r#"{{"spec":{{"resources":{{"requests":{{"storage":"{gi}Gi"}}}}}}}}"#);
        let claim = Piece::Claim.name_of(&finding.k8s_name);
        let command = ShellCommand::new("kubectl patch pvc").option("-n", &finding.namespace);
        String::from(command.arg(claim).option("-p", patch))
    };
    match storage(finding) {
        Some((wanted, there)) if there > 0 && there % GI == 0 => {
            let mut ways = vec![write];
            if there < wanted {
                ways.push(("Grow the claim to what CMS has", grow(wanted / GI)));
            }
            ways
        }
        Some((wanted, there)) if there < wanted => {
            vec![("Grow the claim to what CMS has", grow(wanted / GI))]
        }
        Some((_, there)) => vec![("Grow the claim to whole Gi", grow(there / GI + 1)), write],
        None => vec![(
            "Look at it",
            ShellCommand::new("kubectl describe")
                .option("-n", &finding.namespace)
                .arg(Piece::Claim.plural())
                .arg(Piece::Claim.name_of(&finding.k8s_name))
                .into(),
        )],
    }
}

/// A deletion cannot be taken back, so the data is brought to safety while its pod still runs.
fn of_deleted_claim(finding: &Finding) -> Vec<(&'static str, String)> {
    let (namespace, k8s_name) = (&finding.namespace, &finding.k8s_name);
    let mut ways = Vec::new();
    if let Some(volume) = &finding.volume {
        let patch = r#"{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}"#;
        let keep = ShellCommand::new("kubectl patch pv").arg(volume).option("-p", patch);
        ways.push(("Keep its volume", keep.into()));
    }
    let connect = ShellCommand::new("toygres get").arg(name(finding)).flag("--show-password");
    ways.push(("Copy its data away, connecting with", connect.into()));
    let claim = Piece::Claim.name_of(k8s_name);
    ways.push(("See what holds it", look_at_deletion("pvc", namespace, &claim).into()));
    ways
}

/// Whoever connects to the database still has its password.
fn of_secret(finding: &Finding) -> Vec<(&'static str, String)> {
    let sync = |option| {
        let command = ShellCommand::new("toygres server sync").option(option, name(finding));
        String::from(command)
    };
    vec![
        ("Give its password back", sync("--restore-secret")),
        ("Set a new password, and restart it", sync("--reset-password")),
    ]
}

/// The command that deletes an instance.
fn delete(name: &str) -> String {
    ShellCommand::new("toygres delete").arg(name).into()
}

/// The name by which commands find the instance.
fn name(finding: &Finding) -> &str {
    finding.instance.as_deref().unwrap_or(&finding.k8s_name)
}
