//! Why a drift may have come about, and what can be done about it.

use super::{Finding, Kind, Piece};
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
        let cause = cause(field.field);
        if !causes.iter().any(|known| known == cause) {
            causes.push(cause.to_owned());
        }
    }
    causes
}

fn cause(field: &str) -> &'static str {
    match field {
        "statefulset" | "service" | "claim" | "pod" | "secret" => {
            "An object was manually deleted from K8s"
        }
        "image" | "pod_image" | "replicas" | "service_type" | "selector" | "target_port"
        | "labels" | "mounted_claim" | "dns_label" | "instance_id" => {
            "An object was changed by hand or by another tool"
        }
        "ready_replicas" => "The pod cannot start, or was just restarted",
        "storage_bytes" => "The storage was expanded by hand",
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
    let delete = if finding.resources.is_empty() {
        let extra = finding.fields.iter().filter(|field| field.field == "extra");
        let names: Vec<&str> = extra.filter_map(|field| field.kubernetes.as_str()).collect();
        let names = names.iter().map(|name| name.replace("claim/", "pvc/"));
        ShellCommand::new("kubectl delete").option("-n", namespace).args(names)
    } else {
        ShellCommand::new("kubectl delete statefulset,svc,pvc")
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
const DELETE_ONE: &str = "Delete one of them, with its data volume";
const DESTROYING: [&str; 3] = [DELETE, DELETE_REST, DELETE_ONE];

fn of_field(finding: &Finding, field: &str) -> Vec<(&'static str, String)> {
    let (namespace, k8s_name) = (&finding.namespace, &finding.k8s_name);
    let name = name(finding);
    let sync = |what: &'static str| vec![(what, "toygres server sync".to_owned())];
    let look_at = |what: &'static str, piece: Piece| {
        let describe = ShellCommand::new("kubectl describe").option("-n", namespace);
        vec![(what, describe.arg(piece.plural()).arg(piece.name_of(k8s_name)).into())]
    };
    let look = |piece: Piece| look_at("Look at it", piece);
    match field {
        "external_ip" | "host" | "port" => sync("Write the address to CMS"),
        "monitor" => sync("Start a monitor"),
        "monitor_id" => sync("Write the monitor to CMS"),
        "storage_bytes" => sync("Write the size to CMS"),
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
            vec![("See the server", "toygres server status".to_owned()), (DELETE, delete(k8s_name))]
        }
        "state" => vec![(DELETE_REST, delete(k8s_name))],
        "name" => vec![(DELETE_ONE, delete(k8s_name))],
        "statefulset" | "mounted_claim" => {
            let mut ways = look_at("Look at its data volume", Piece::Claim);
            ways.push((DELETE, delete(name)));
            ways
        }
        "claim" | "claim_phase" => look(Piece::Claim),
        "ready_replicas" | "pod" | "pod_image" => look(Piece::Pod),
        "secret" => look(Piece::Secret),
        "namespace" => {
            let list = ShellCommand::new("kubectl get statefulset,svc,pvc -A")
                .option("-l", format!("instance={k8s_name}"));
            vec![("Look at them", list.into())]
        }
        _ => look(Piece::Service),
    }
}

/// The command that deletes an instance.
fn delete(name: &str) -> String {
    ShellCommand::new("toygres delete").arg(name).into()
}

/// The name by which commands find the instance.
fn name(finding: &Finding) -> &str {
    finding.instance.as_deref().unwrap_or(&finding.k8s_name)
}
