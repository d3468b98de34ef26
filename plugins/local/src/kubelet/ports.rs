//! Which port belongs to which Service and pod.
//!
//! All pods share one address, so a port tells them apart: a Service gets a free one for its life,
//! and the pods that it selects listen on that very port. Services with the same selector share it.

use crate::ports;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use toygres_plugin_api::Result;

/// Labels by name.
pub(super) type Labels = BTreeMap<String, String>;

/// Whose a port is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Owner {
    namespace: String,
    /// A Service's selector.
    selector: Labels,
}

/// The ports that are given.
#[derive(Debug, Default)]
pub(super) struct Ports {
    /// All Services get this one, where pods are light.
    light: Option<u16>,
    given: Mutex<Given>,
}

#[derive(Debug, Default)]
struct Given {
    services: BTreeMap<Owner, u16>,
    /// Namespace and name, with the pod's labels: of pods that no Service selected.
    pods: BTreeMap<(String, String), (Labels, u16)>,
}

impl Ports {
    /// With one port for all Services where `light` names it.
    pub(super) fn new(light: Option<u16>) -> Self {
        Self { light, given: Mutex::default() }
    }

    /// Knows a Service's port from before.
    pub(super) fn remember(&self, namespace: &str, selector: Labels, port: u16) {
        let owner = Owner { namespace: namespace.to_owned(), selector };
        self.lock().services.insert(owner, port);
    }

    /// The port of a Service with this selector: the one that it has, that of a pod that runs
    /// already, or a free one.
    pub(super) fn of_service(&self, namespace: &str, selector: Labels) -> Result<u16> {
        if let Some(light) = self.light {
            return Ok(light);
        }
        let mut given = self.lock();
        let owner = Owner { namespace: namespace.to_owned(), selector };
        if let Some(port) = given.services.get(&owner) {
            return Ok(*port);
        }
        let of_pod = given.pods.iter().find_map(|((space, _), (labels, port))| {
            let selected = space == namespace && selects(&owner.selector, labels);
            selected.then_some(*port)
        });
        let port = match of_pod {
            Some(port) => port,
            None => ports::free(|port| given.has(port))?,
        };
        given.services.insert(owner, port);
        Ok(port)
    }

    /// The last Service with this selector is gone, and its port free.
    pub(super) fn forget_service(&self, namespace: &str, selector: Labels) {
        self.lock().services.remove(&Owner { namespace: namespace.to_owned(), selector });
    }

    /// The port of a pod: that of a Service that selects it, the one it `had`, or a free one.
    pub(super) fn of_pod(
        &self,
        namespace: &str,
        name: &str,
        labels: &Labels,
        had: Option<u16>,
    ) -> Result<u16> {
        let mut given = self.lock();
        let of_service = given
            .services
            .iter()
            .find(|(owner, _)| owner.namespace == namespace && selects(&owner.selector, labels))
            .map(|(_, port)| *port);
        let key = (namespace.to_owned(), name.to_owned());
        let port = match of_service.or(had) {
            Some(port) => port,
            None => match given.pods.get(&key) {
                Some((_, port)) => *port,
                None => ports::free(|port| given.has(port))?,
            },
        };
        given.pods.insert(key, (labels.clone(), port));
        Ok(port)
    }

    /// A pod is gone, and its port free unless a Service has it.
    pub(super) fn forget_pod(&self, namespace: &str, name: &str) {
        self.lock().pods.remove(&(namespace.to_owned(), name.to_owned()));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Given> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Given {
    fn has(&self, port: u16) -> bool {
        self.services.values().any(|given| *given == port)
            || self.pods.values().any(|(_, given)| *given == port)
    }
}

/// Whether a Service's selector selects these labels; an empty one selects nothing.
fn selects(selector: &Labels, labels: &Labels) -> bool {
    !selector.is_empty() && selector.iter().all(|(name, value)| labels.get(name) == Some(value))
}

/// The labels or the selector in a JSON object.
pub(super) fn labels(object: Option<&Value>) -> Labels {
    let empty = Map::new();
    let map = object.and_then(Value::as_object).unwrap_or(&empty);
    map.iter()
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Labels, Ports};

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_pod_listens_where_its_service_points() {
        let ports = Ports::new(None);
        let port = ports.of_service("toygres", labels(&[("instance", "a")])).unwrap();
        let pod = labels(&[("instance", "a"), ("app", "postgres")]);
        assert_eq!(ports.of_pod("toygres", "a-0", &pod, None).unwrap(), port);
        let other = labels(&[("instance", "b"), ("app", "postgres")]);
        assert_ne!(ports.of_pod("toygres", "b-0", &other, None).unwrap(), port);
        assert_ne!(ports.of_pod("elsewhere", "a-0", &pod, None).unwrap(), port);
        let again = ports.of_service("toygres", labels(&[("instance", "a")])).unwrap();
        assert_eq!(again, port, "the same selector is the same port");
    }

    #[test]
    fn a_service_that_comes_later_gets_the_pods_port() {
        let ports = Ports::new(None);
        let pod = labels(&[("instance", "a")]);
        let port = ports.of_pod("toygres", "a-0", &pod, None).unwrap();
        assert_eq!(ports.of_service("toygres", pod).unwrap(), port);
        let port = ports.of_service("toygres", Labels::new()).unwrap();
        assert_ne!(ports.of_pod("toygres", "b-0", &Labels::new(), None).unwrap(), port);
    }

    #[test]
    fn a_port_is_given_again_after_its_owner_is_gone() {
        let ports = Ports::new(None);
        let service = labels(&[("instance", "a")]);
        let port = ports.of_service("toygres", service.clone()).unwrap();
        ports.of_pod("toygres", "a-0", &service, None).unwrap();
        ports.forget_service("toygres", service.clone());
        assert_eq!(
            ports.of_pod("toygres", "a-0", &service, None).unwrap(),
            port,
            "it listens there"
        );
        ports.forget_pod("toygres", "a-0");
        assert!(!ports.lock().has(port));
    }
}
