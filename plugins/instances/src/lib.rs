//! `create`, `list`, `get` and `delete`, through the API of the control plane.
