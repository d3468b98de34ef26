//! `config` and `env`, through the real binary.

#[path = "../support/mod.rs"]
mod support;

mod dotenv;
mod home_trust;
mod kubeconfigs;
mod masking;
mod not_text;
mod secrets;
mod sources;
mod stage;
mod variables;

use support::{Ran, Toygres};

const URL: &str = "postgresql://affandar:canary-7f3a1c@db.example.com:5432/postgres";

fn run(toygres: Toygres, args: &[&str]) -> Ran {
    toygres.args(["server"]).args(args.iter().copied()).run()
}
