//! The port of a Service, and of a container, that is PostgreSQL's.

use crate::kubernetes::{PORT, PORT_NAME};

/// A port of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePort {
    /// Its name; a Service with one port need not give it one.
    pub name: Option<String>,
    /// Where clients connect.
    pub port: u16,
    /// Where it leads to; the port itself where none is named.
    pub target: Option<PortTarget>,
}

/// The port of a pod that a Service leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortTarget {
    /// By number.
    Number(i64),
    /// By the name that the container gives it.
    Name(String),
}

/// A port of the container that is PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerPort {
    /// Its name.
    pub name: Option<String>,
    /// Its number.
    pub number: i64,
}

impl std::fmt::Display for PortTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// The port of a Service through which PostgreSQL is reached: the one that is called `postgres`,
/// else the one that leads to PostgreSQL's port, else the only one.
///
/// `container` are the ports of PostgreSQL's container, as far as they are known.
#[must_use]
pub fn postgres_port<'a>(
    ports: &'a [ServicePort],
    container: &[ContainerPort],
) -> Option<&'a ServicePort> {
    let named = ports.iter().find(|port| port.name.as_deref() == Some(PORT_NAME));
    let leading = || ports.iter().find(|port| leads_to_postgres(port, container));
    let only = || if let [only] = ports { Some(only) } else { None };
    named.or_else(leading).or_else(only)
}

/// Whether a port of a Service leads to PostgreSQL: by its usual number or name, or by those that
/// its container gives it.
#[must_use]
pub fn leads_to_postgres(port: &ServicePort, container: &[ContainerPort]) -> bool {
    let own = own_port(container);
    match &port.target {
        Some(PortTarget::Name(name)) => match own {
            // Kubernetes looks a name up in the container, so only the container can say.
            Some(own) => own.name.as_deref() == Some(name.as_str()),
            None => name == PORT_NAME,
        },
        Some(PortTarget::Number(number)) => is_own_number(*number, own),
        None => is_own_number(i64::from(port.port), own),
    }
}

fn is_own_number(number: i64, own: Option<&ContainerPort>) -> bool {
    number == own.map_or(i64::from(PORT), |own| own.number)
}

/// PostgreSQL's port among those of its container: the one of its name, of its number, or the only.
fn own_port(container: &[ContainerPort]) -> Option<&ContainerPort> {
    let named = container.iter().find(|port| port.name.as_deref() == Some(PORT_NAME));
    let numbered = || container.iter().find(|port| port.number == i64::from(PORT));
    let only = || if let [only] = container { Some(only) } else { None };
    named.or_else(numbered).or_else(only)
}

#[cfg(test)]
mod tests {
    use super::{ContainerPort, PortTarget, ServicePort, leads_to_postgres, postgres_port};

    fn port(name: &str, port: u16, target: &str) -> ServicePort {
        let name = Some(name.to_owned()).filter(|name| !name.is_empty());
        let target = match target.parse() {
            Ok(number) => Some(PortTarget::Number(number)),
            Err(_) => Some(PortTarget::Name(target.to_owned())).filter(|_| !target.is_empty()),
        };
        ServicePort { name, port, target }
    }

    fn chosen(ports: &[ServicePort], container: &[ContainerPort]) -> Option<u16> {
        postgres_port(ports, container).map(|port| port.port)
    }

    #[test]
    fn a_port_is_found_by_its_name_or_by_where_it_leads() {
        let metrics = port("metrics", 9187, "9187");
        let postgres = port("postgres", 5432, "postgres");
        let mut both = [metrics.clone(), postgres];
        assert_eq!(chosen(&both, &[]), Some(5432));
        both.reverse();
        assert_eq!(chosen(&both, &[]), Some(5432));
        // Without its name, by its target.
        assert_eq!(chosen(&[metrics.clone(), port("db", 6000, "5432")], &[]), Some(6000));
        assert_eq!(chosen(&[metrics.clone(), port("db", 6000, "postgres")], &[]), Some(6000));
        assert_eq!(chosen(&[metrics.clone(), port("db", 5432, "")], &[]), Some(5432));
        assert_eq!(chosen(&[metrics.clone(), port("pooler", 6432, "6432")], &[]), None);
        assert_eq!(chosen(&[port("", 5433, "80")], &[]), Some(5433));
        assert_eq!(chosen(&[], &[]), None);
    }

    #[test]
    fn a_container_says_what_its_port_is_called() {
        let own = |name: &str, number| ContainerPort { name: Some(name.to_owned()), number };
        let ports = [port("metrics", 9187, "9187"), port("db", 6000, "pg")];
        assert_eq!(chosen(&ports, &[]), None);
        assert_eq!(chosen(&ports, &[own("pg", 5432)]), Some(6000));
        assert_eq!(chosen(&ports, &[own("metrics", 9187), own("pg", 5432)]), Some(6000));
        // The usual name may be another port's in this container.
        let odd = [own("pg", 5432), own("sidecar", 80)];
        assert!(!leads_to_postgres(&port("x", 1, "postgres"), &odd));
        assert!(leads_to_postgres(&port("x", 1, "5433"), &[own("postgres", 5433)]));
        assert!(!leads_to_postgres(&port("x", 1, "5432"), &[own("postgres", 5433)]));
    }
}
