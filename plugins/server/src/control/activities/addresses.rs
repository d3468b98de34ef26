//! `get-connection-strings`: the address that Kubernetes gave the Service, read back from it.

use super::state::Reached;
use super::{Activity, Attempt, names};
use crate::control::address::{MASK, dns_name, with_password};
use crate::control::broken::Broken;
use crate::control::cluster::{Address, Awaited};
use crate::control::{Inner, order::Order};
use serde_json::{Value, json};

pub(super) struct Addresses;

impl Activity for Addresses {
    const NAME: &'static str = names::ADDRESSES;
    type Input = Attempt;

    async fn run(control: &Inner, input: &Attempt) -> Result<Value, Broken> {
        let order = &input.order;
        let address = match control.cluster.address(&order.namespace, &order.k8s_name).await? {
            Awaited::There(address) => address,
            Awaited::Waits { what, .. } => {
                let attempt = input.attempt;
                return Ok(json!({"ready": false, "attempt": attempt, "waiting_for": what}));
            }
        };
        let reached = reached(order, &address, control.settings.dns_suffix.as_deref());
        let url = reached.dns_url.as_ref().or(reached.ip_url.as_ref());
        let shown = url.and_then(|url| with_password(url, MASK));
        Ok(json!({
            "ready": true,
            "dns_name": reached.dns_name,
            "external_ip": reached.external_ip,
            "port": address.port,
            "connection": shown,
            "reached": reached,
        }))
    }
}

/// What the CMS keeps of an address.
fn reached(order: &Order, address: &Address, suffix: Option<&str>) -> Reached {
    if !order.load_balancer {
        // A name that only the cluster knows.
        return Reached { dns_url: Some(address.url()), ..Reached::default() };
    }
    // A label without a suffix is no name that anybody could resolve.
    let label = order.dns_label.as_ref().filter(|_| suffix.is_some());
    let dns_name = label.map(|label| dns_name(label, suffix));
    let named = dns_name.as_ref().map(|host| Address { host: host.clone(), port: address.port });
    Reached {
        dns_name,
        external_ip: Some(address.host.clone()),
        ip_url: Some(address.url()),
        dns_url: named.map(|address| address.url()),
    }
}
