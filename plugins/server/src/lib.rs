//! The control plane and its process.
