//! The embedded default: a private PostgreSQL and a stand-in for Kubernetes on one machine.
