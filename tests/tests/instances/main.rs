//! `create`, `list`, `get` and `delete`, through the real binary on a whole control plane of its own:
//! `toygres local up` and `toygres server start`.

#[path = "../support/mod.rs"]
mod support;

mod clock;
mod failures;
mod faults;
mod formats;
mod lifecycle;
mod passwords;
mod repair;
mod terminal;

use support::Ran;
use support::plane::Plane;

/// A command on this process' control plane.
fn toygres(args: &[&str]) -> Ran {
    Plane::shared().toygres().args(args.iter().copied()).run()
}
