//! What Kubernetes says of an instance: read back from the server, never concluded from what was
//! asked of it.

use super::{Cluster, call::call_opt, pods};
use crate::control::broken::Broken;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::Api;
use std::net::IpAddr;
use toygres_model::cluster_reading::{
    ContainerPort, POSTGRES_CONTAINER, PortTarget, ServicePort, postgres_port, preferred_address,
};
use toygres_model::kubernetes as names;

/// Something that comes about by itself, or what keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::control) enum Awaited<T> {
    /// It is there.
    There(T),
    /// What it waits for, and whether that will not come about by itself.
    Waits { what: String, failing: bool },
}

/// Where an instance can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::control) struct Address {
    pub(in crate::control) host: String,
    pub(in crate::control) port: u16,
}

impl Cluster {
    /// Whether an instance's pod is ready.
    ///
    /// # Errors
    /// What Kubernetes refuses; that there is no StatefulSet.
    pub(in crate::control) async fn readiness(
        &self,
        namespace: &str,
        k8s_name: &str,
    ) -> Result<Awaited<()>, Broken> {
        let sets: Api<StatefulSet> = self.api(namespace);
        let name = names::stateful_set(k8s_name);
        let set = call_opt("get", "statefulsets", namespace, sets.get(&name)).await?;
        let set =
            set.ok_or_else(|| Broken::lasting(format!("the StatefulSet `{name}` is gone")))?;
        if is_ready(&set) {
            return Ok(Awaited::There(()));
        }
        let pods = self.pods(namespace, k8s_name).await?;
        Ok(Awaited::Waits { what: pods::waits_for(&pods), failing: pods::is_failing(&pods) })
    }

    /// The address that users get: the load balancer's, or the one inside the cluster.
    ///
    /// # Errors
    /// What Kubernetes refuses; that there is no Service.
    pub(in crate::control) async fn address(
        &self,
        namespace: &str,
        k8s_name: &str,
    ) -> Result<Awaited<Address>, Broken> {
        let service = self.service(namespace, k8s_name).await?;
        let port = self.port(namespace, k8s_name, &service).await?;
        let Some(public) = is_public(&service).then(|| balancer(&service, None)) else {
            // A stand-in on this machine has no names; its addresses are this machine's.
            let named = || format!("{}.{namespace}.svc.cluster.local", names::service(k8s_name));
            let host = cluster_ip(&service).filter(|ip| is_loopback(ip)).unwrap_or_else(named);
            return Ok(Awaited::There(Address { host, port }));
        };
        Ok(match public {
            Some(host) => Awaited::There(Address { host, port }),
            None => Awaited::Waits {
                what: "the load balancer has no address yet".to_owned(),
                failing: false,
            },
        })
    }

    /// The address by which this process reaches an instance; `None` where it has none because it
    /// is outside the cluster and the instance has no load balancer. Of several addresses of a load
    /// balancer it is the one that users were told, for as long as it is there.
    ///
    /// # Errors
    /// What Kubernetes refuses; that there is no Service, or no address yet.
    pub(in crate::control) async fn reach(
        &self,
        namespace: &str,
        k8s_name: &str,
        told: Option<&str>,
    ) -> Result<Option<Address>, Broken> {
        let service = self.service(namespace, k8s_name).await?;
        let port = self.port(namespace, k8s_name, &service).await?;
        let inside = cluster_ip(&service).filter(|ip| self.inside || is_loopback(ip));
        let host = if is_public(&service) && !self.inside {
            balancer(&service, told)
        } else if inside.is_some() || self.inside {
            inside
        } else {
            return Ok(None);
        };
        let host = host.ok_or_else(|| Broken::passing("the Service has no address"))?;
        Ok(Some(Address { host, port }))
    }

    /// The port of a Service that leads to PostgreSQL. Where the Service alone does not tell, its
    /// container does.
    async fn port(
        &self,
        namespace: &str,
        k8s_name: &str,
        service: &Service,
    ) -> Result<u16, Broken> {
        let ports = ports(service);
        if let Some(port) = postgres_port(&ports, &[]) {
            return Ok(port.port);
        }
        let sets: Api<StatefulSet> = self.api(namespace);
        let name = names::stateful_set(k8s_name);
        let set = call_opt("get", "statefulsets", namespace, sets.get(&name)).await?;
        let container = set.as_ref().map(container_ports).unwrap_or_default();
        let port = postgres_port(&ports, &container).map(|port| port.port);
        port.ok_or_else(|| Broken::lasting("no port of the Service leads to PostgreSQL"))
    }

    async fn service(&self, namespace: &str, k8s_name: &str) -> Result<Service, Broken> {
        let services: Api<Service> = self.api(namespace);
        let name = names::service(k8s_name);
        let service = call_opt("get", "services", namespace, services.get(&name)).await?;
        service.ok_or_else(|| Broken::lasting(format!("the Service `{name}` is gone")))
    }
}

/// Its status must be about what was asked last, not about what was before.
fn is_ready(set: &StatefulSet) -> bool {
    let Some(status) = &set.status else { return false };
    let current = status.observed_generation.is_none_or(|observed| {
        set.metadata.generation.is_none_or(|generation| observed >= generation)
    });
    current && status.ready_replicas.unwrap_or(0) >= 1
}

fn is_public(service: &Service) -> bool {
    let kind = service.spec.as_ref().and_then(|spec| spec.type_.as_deref());
    kind == Some("LoadBalancer")
}

fn cluster_ip(service: &Service) -> Option<String> {
    let ip = service.spec.as_ref().and_then(|spec| spec.cluster_ip.clone());
    ip.filter(|ip| !ip.is_empty() && ip != "None")
}

fn is_loopback(ip: &str) -> bool {
    ip.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The address of a load balancer: the one that was told, where it still has that.
fn balancer(service: &Service, told: Option<&str>) -> Option<String> {
    let ingresses = service.status.as_ref()?.load_balancer.as_ref()?.ingress.as_ref()?;
    let all = ingresses.iter().flat_map(|it| [&it.ip, &it.hostname]).flatten();
    let all: Vec<String> = all.filter(|address| !address.is_empty()).cloned().collect();
    preferred_address(&all, told).map(str::to_owned)
}

fn ports(service: &Service) -> Vec<ServicePort> {
    let ports = service.spec.as_ref().and_then(|spec| spec.ports.as_ref());
    let ports = ports.into_iter().flatten();
    ports
        .filter_map(|port| {
            let target = port.target_port.as_ref().map(|target| match target {
                IntOrString::Int(number) => PortTarget::Number(i64::from(*number)),
                IntOrString::String(name) => PortTarget::Name(name.clone()),
            });
            let number = u16::try_from(port.port).ok()?;
            Some(ServicePort { name: port.name.clone(), port: number, target })
        })
        .collect()
}

/// The ports of PostgreSQL's container.
fn container_ports(set: &StatefulSet) -> Vec<ContainerPort> {
    let pod = set.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    let mut containers = pod.into_iter().flat_map(|pod| &pod.containers);
    let container = containers.find(|container| container.name == POSTGRES_CONTAINER);
    let ports = container.and_then(|container| container.ports.as_ref());
    let read = |port: &k8s_openapi::api::core::v1::ContainerPort| ContainerPort {
        name: port.name.clone(),
        number: i64::from(port.container_port),
    };
    ports.into_iter().flatten().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::{balancer, ports};
    use k8s_openapi::api::core::v1::Service;
    use serde_json::json;
    use toygres_model::cluster_reading::postgres_port;

    #[test]
    fn an_address_is_told_by_its_name_and_not_by_its_place() {
        let service: Service = serde_json::from_value(json!({
            "metadata": {"name": "a-svc"},
            "spec": {"ports": [
                {"name": "metrics", "port": 9187, "targetPort": 9187},
                {"name": "postgres", "port": 5432, "targetPort": "postgres"},
            ]},
            "status": {"loadBalancer": {"ingress": [
                {"hostname": "lb.example.com"}, {"ip": "10.0.0.2"}, {"ip": "10.0.0.1"},
            ]}},
        }))
        .unwrap();
        assert_eq!(postgres_port(&ports(&service), &[]).map(|port| port.port), Some(5432));
        assert_eq!(balancer(&service, None).as_deref(), Some("10.0.0.2"));
        assert_eq!(balancer(&service, Some("10.0.0.1")).as_deref(), Some("10.0.0.1"));
        assert_eq!(balancer(&service, Some("10.0.0.9")).as_deref(), Some("10.0.0.2"));
    }
}
