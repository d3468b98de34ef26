//! The plugin manager through the real binary: install, upgrade, roll back, remove, and what is
//! refused.

mod concurrent;
mod faults;
mod hints;
mod home;
mod killed;
mod life;
mod strict;
mod trust;
mod url;
