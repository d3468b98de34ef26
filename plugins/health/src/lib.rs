//! `health`, `stats` and `workers`: whether the control plane and what it runs are well.
