//! The plugin manager through the real binary: install, upgrade, roll back, remove, and what is
//! refused.

mod bounds;
mod concurrent;
mod evil;
mod faults;
mod hints;
mod home;
mod killed;
mod layouts;
mod life;
mod race;
mod signers;
mod strict;
mod trust;
mod url;
