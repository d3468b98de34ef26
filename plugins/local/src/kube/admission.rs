//! What happens to a Service before it is stored: addresses and ports are given out.

use super::object::{as_map, items, map, metadata, number, postgres_port_path, text};
use super::resource;
use super::status::{ApiError, Cause, Result};
use super::storage::State;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::net::Ipv4Addr;

/// Has a say in what Services look like, as the network of a cluster has.
///
/// It is called while the store is locked, so it must be quick and must not call the API server.
pub(crate) trait Admission: Send + Sync {
    /// Looks at a Service before it is stored; `old` is what it takes the place of. It may set
    /// `spec.ports[].port`, `spec.clusterIP` and `status.loadBalancer`. An error, one line for
    /// people, refuses the Service.
    fn service(&self, old: Option<&Value>, service: &mut Value) -> Result<(), String>;
}

/// Holds the port that was asked for where another one was given.
const REQUESTED_PORT: &str = "toygres.dev/requested-port";

/// The ports of nodes that are given out.
const NODE_PORTS: std::ops::RangeInclusive<i64> = 30_000..=32_767;

/// The first address that is given out, and how many follow it.
const FIRST_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 1);
const ADDRESSES: u32 = 65_534;

/// Gives a Service what it has not got, and lets `admission` change it.
pub(crate) fn service(
    admission: Option<&dyn Admission>,
    state: &State,
    old: Option<&Value>,
    service: &mut Value,
) -> Result<()> {
    if let Some(old) = old {
        keep_given(old, service);
        // What the client may not change is refused, and not quietly changed back below.
        super::validate::change(&resource::SERVICE, service, old)?;
    }
    let asked = number(service, &postgres_port_path(service));
    if let Some(admission) = admission {
        admission.service(old, service).map_err(|why| {
            ApiError::forbidden(&resource::SERVICE, super::object::name(service), &why)
        })?;
    }
    remember(asked, old, service);
    give_address(state, service)?;
    give_node_ports(state, service)
}

/// Keeps what was given out before, where the new Service does not say otherwise.
fn keep_given(old: &Value, service: &mut Value) {
    let kind = text(service, "/spec/type").to_owned();
    let before = text(old, "/spec/clusterIP").to_owned();
    let spec = map(service, "spec");
    if kind != "ExternalName" && text(spec, "/clusterIP").is_empty() && !before.is_empty() {
        as_map(spec).insert("clusterIP".into(), before.clone().into());
        as_map(spec).insert("clusterIPs".into(), json!([before]));
    }
    if kind == "ExternalName" {
        as_map(spec).shift_remove("clusterIP");
        as_map(spec).shift_remove("clusterIPs");
    }
    if kind == "ClusterIP" || kind == "ExternalName" {
        drop_node_parts(old, spec);
        keep_port(old, service);
    } else {
        keep_port(old, service);
        keep_node_ports(old, service);
    }
}

/// Drops what only Services with ports on nodes have, where it came from the old one.
fn drop_node_parts(old: &Value, spec: &mut Value) {
    for field in ["externalTrafficPolicy", "allocateLoadBalancerNodePorts"] {
        if spec.get(field) == old.pointer(&format!("/spec/{field}")) {
            as_map(spec).shift_remove(field);
        }
    }
    let before: HashSet<i64> = node_ports(old).collect();
    for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        if number(port, "/nodePort").is_some_and(|given| before.contains(&given)) {
            as_map(port).shift_remove("nodePort");
        }
    }
}

/// A client that still asks for the port it once asked for means the one that it was given.
fn keep_port(old: &Value, service: &mut Value) {
    let annotation = format!("/metadata/annotations/{}", REQUESTED_PORT.replace('/', "~1"));
    let Ok(asked) = text(old, &annotation).parse::<i64>() else { return };
    let Some(given) = number(old, &postgres_port_path(old)) else { return };
    let Some(Value::Array(ports)) = service.pointer_mut("/spec/ports") else { return };
    for port in ports.iter_mut() {
        if number(port, "/port") == Some(asked) {
            as_map(port).insert("port".into(), given.into());
        }
    }
    let mut seen = HashSet::new();
    ports.retain(|port| seen.insert((number(port, "/port"), text(port, "/protocol").to_owned())));
    annotate(service, asked);
}

fn keep_node_ports(old: &Value, service: &mut Value) {
    let before = items(old, "/spec/ports").to_vec();
    let ports = service.pointer_mut("/spec/ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten() {
        let same = before.iter().find(|one| {
            one.get("port") == port.get("port") && one.get("protocol") == port.get("protocol")
        });
        if let Some(given) = same.and_then(|one| number(one, "/nodePort"))
            && number(port, "/nodePort").unwrap_or_default() == 0
        {
            as_map(port).insert("nodePort".into(), given.into());
        }
    }
}

fn remember(asked: Option<i64>, old: Option<&Value>, service: &mut Value) {
    let given = number(service, &postgres_port_path(service));
    if let Some(asked) = asked
        && old.is_none()
        && given != Some(asked)
    {
        annotate(service, asked);
    }
}

fn annotate(service: &mut Value, asked: i64) {
    let annotations = metadata(service).entry("annotations").or_insert_with(|| json!({}));
    as_map(annotations).insert(REQUESTED_PORT.into(), asked.to_string().into());
}

fn give_address(state: &State, service: &mut Value) -> Result<()> {
    let spec = map(service, "spec");
    if text(spec, "/type") == "ExternalName" {
        return Ok(());
    }
    if text(spec, "/clusterIP").is_empty() {
        let address = free_address(state)
            .ok_or_else(|| ApiError::internal("failed to allocate a serviceIP: range is full"))?;
        as_map(spec).insert("clusterIP".into(), address.into());
    }
    let address = text(spec, "/clusterIP").to_owned();
    as_map(spec).entry("clusterIPs").or_insert_with(|| json!([address]));
    Ok(())
}

fn free_address(state: &State) -> Option<String> {
    let taken: HashSet<&str> =
        state.list(&resource::SERVICE, None).map(|one| text(one, "/spec/clusterIP")).collect();
    let first = u32::from(FIRST_ADDRESS);
    (first..first + ADDRESSES)
        .map(|address| Ipv4Addr::from(address).to_string())
        .find(|address| !taken.contains(address.as_str()))
}

fn give_node_ports(state: &State, service: &mut Value) -> Result<()> {
    let spec = map(service, "spec");
    let wants = match text(spec, "/type") {
        "NodePort" => true,
        "LoadBalancer" => spec.get("allocateLoadBalancerNodePorts") != Some(&Value::Bool(false)),
        _ => false,
    };
    if !wants {
        return Ok(());
    }
    let own = super::object::uid(service).to_owned();
    let others = state.list(&resource::SERVICE, None).filter(|one| super::object::uid(one) != own);
    let mut taken: HashSet<i64> = others.flat_map(|one| node_ports(one)).collect();
    let name = super::object::name(service).to_owned();
    // What this Service asks for is not given to another of its ports, whichever comes first.
    let own_asked: HashSet<i64> = node_ports(service).collect();
    let ports = service.pointer_mut("/spec/ports").and_then(Value::as_array_mut);
    for (place, port) in ports.into_iter().flatten().enumerate() {
        let asked = number(port, "/nodePort").unwrap_or_default();
        let given = if asked == 0 {
            NODE_PORTS.clone().find(|one| !taken.contains(one) && !own_asked.contains(one))
        } else {
            Some(asked)
        };
        let fits = given.filter(|given| NODE_PORTS.contains(given) && taken.insert(*given));
        let Some(given) = fits else {
            let detail = match given {
                None => "failed to allocate a nodePort: range is full",
                Some(given) if NODE_PORTS.contains(&given) => "provided port is already allocated",
                Some(_) => {
                    "provided port is not in the valid range. The range of valid ports is \
                            30000-32767"
                }
            };
            let field = format!("spec.ports[{place}].nodePort");
            let cause = Cause::invalid(field, &asked.into(), detail);
            return Err(ApiError::invalid(&resource::SERVICE, &name, &[cause]));
        };
        as_map(port).insert("nodePort".into(), given.into());
    }
    Ok(())
}

fn node_ports(service: &Value) -> impl Iterator<Item = i64> {
    items(service, "/spec/ports").iter().filter_map(|port| number(port, "/nodePort"))
}
