//! Services and what is behind them.

use super::words::{NONE, age, joined, labels, or_none};
use super::{Column, Table, column, wide};
use crate::kube::object::{items, number, text};
use serde_json::Value;

const COLUMNS: &[Column] = &[
    column("Type"),
    column("Cluster-IP"),
    column("External-IP"),
    column("Port(s)"),
    column("Age"),
    wide("Selector"),
];

/// Services.
pub(super) const SERVICE: Table = Table { columns: COLUMNS, cells };

/// The addresses behind Services.
pub(super) const ENDPOINTS: Table = Table {
    columns: &[column("Endpoints"), column("Age")],
    cells: |object| vec![addresses(object).into(), age(object).into()],
};

fn cells(service: &Value) -> Vec<Value> {
    vec![
        text(service, "/spec/type").into(),
        or_none(text(service, "/spec/clusterIP")).into(),
        external(service).into(),
        ports(service).into(),
        age(service).into(),
        labels(service.pointer("/spec/selector")).into(),
    ]
}

fn external(service: &Value) -> String {
    match text(service, "/spec/type") {
        "ExternalName" => text(service, "/spec/externalName").to_owned(),
        "LoadBalancer" => {
            let ingress = items(service, "/status/loadBalancer/ingress");
            if ingress.is_empty() {
                return "<pending>".into();
            }
            joined(ingress.iter().map(|one| {
                let address = text(one, "/ip");
                if address.is_empty() { text(one, "/hostname") } else { address }.to_owned()
            }))
        }
        _ => NONE.into(),
    }
}

fn ports(service: &Value) -> String {
    joined(items(service, "/spec/ports").iter().map(|port| {
        let number_of = number(port, "/port").unwrap_or_default();
        let protocol = text(port, "/protocol");
        match number(port, "/nodePort") {
            Some(node) if node > 0 => format!("{number_of}:{node}/{protocol}"),
            _ => format!("{number_of}/{protocol}"),
        }
    }))
}

fn addresses(endpoints: &Value) -> String {
    joined(items(endpoints, "/subsets").iter().flat_map(|subset| {
        let ports = items(subset, "/ports");
        items(subset, "/addresses").iter().flat_map(move |address| {
            let ip = text(address, "/ip");
            ports
                .iter()
                .map(move |port| format!("{ip}:{}", number(port, "/port").unwrap_or_default()))
        })
    }))
}
