//! `drift` and `sync`: where the metadata database and Kubernetes differ, and how they agree again.
