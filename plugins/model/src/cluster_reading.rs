//! Kubernetes read as a set: what belongs to PostgreSQL is found by its name, its path or its
//! meaning, never by its place in a list.
//!
//! Other tools add ports, volumes, containers and addresses to an instance's objects, in any order,
//! and write the same image or amount in several ways. The control plane, which writes connection
//! strings, and `drift`, which compares them, share these rules, so that neither takes for a change
//! what the other wrote.

mod balancer_address;
mod container_failure;
mod deletion;
mod image_reference;
mod mounted_claim;
mod quantity;
mod service_port;

pub use balancer_address::{is_same_address, preferred_address};
pub use container_failure::is_failure_reason;
pub use deletion::{Deletion, look as look_at_deletion};
pub use image_reference::{ImageMatch, ImageReference, compare_images, version_of_image};
pub use mounted_claim::mounted_volume;
pub use quantity::{Quantity, bytes};
pub use service_port::{ContainerPort, PortTarget, ServicePort, leads_to_postgres, postgres_port};

/// The container that is PostgreSQL.
pub const POSTGRES_CONTAINER: &str = "postgres";
