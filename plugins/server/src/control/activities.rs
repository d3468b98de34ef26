//! The activities: one file each, and each one done twice or half and then again ends the same.
//!
//! What an activity answers stands in the workflows' records for ever, so no password is ever part
//! of its input, its answer or its failure.

mod addresses;
mod clean_up;
mod deploy;
mod health;
mod monitor;
mod ready;
mod record;
mod remove;
mod state;
mod stop;
mod test;

pub(super) use health::Seen;
pub(super) use monitor::start as start_monitor;
pub(super) use ready::Attempt;
pub(super) use state::{NewState, Reached};

use super::ControlPlane;
use super::broken::Broken;
use super::worker::Log;
use super::{Inner, faults};
use duroxide::ActivityContext;
use duroxide::runtime::registry::{ActivityRegistry, ActivityRegistryBuilder};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::future::Future;
use std::sync::Arc;

/// The names, as they stand in histories.
pub(super) mod names {
    pub(in crate::control) const RECORD: &str = "cms-create-instance-record";
    pub(in crate::control) const DEPLOY: &str = "deploy-postgres";
    pub(in crate::control) const READY: &str = "wait-for-ready";
    pub(in crate::control) const ADDRESSES: &str = "get-connection-strings";
    pub(in crate::control) const TEST: &str = "test-connection";
    pub(in crate::control) const STATE: &str = "cms-update-instance-state";
    pub(in crate::control) const START_MONITOR: &str = "start-health-monitor";
    pub(in crate::control) const RECORD_MONITOR: &str = "cms-record-health-monitor";
    pub(in crate::control) const STOP_CREATE: &str = "stop-create-instance";
    pub(in crate::control) const STOP_MONITOR: &str = "stop-health-monitor";
    pub(in crate::control) const REMOVE: &str = "delete-postgres";
    pub(in crate::control) const START_CLEAN_UP: &str = "start-clean-up";
    pub(in crate::control) const AWAIT_CLEAN_UP: &str = "wait-for-clean-up";
    pub(in crate::control) const CHECK: &str = "check-instance-health";
    pub(in crate::control) const RECORD_CHECK: &str = "cms-record-health-check";
}

/// One activity.
trait Activity: Send + Sync + 'static {
    /// As it stands in histories.
    const NAME: &'static str;
    /// What it is asked with.
    type Input: DeserializeOwned + Send + Sync;
    /// Does its work.
    fn run(
        control: &Inner,
        input: &Self::Input,
    ) -> impl Future<Output = Result<Value, Broken>> + Send;
}

/// All of them, as a worker runs them.
pub(super) fn registry(control: &ControlPlane, log: &Log) -> ActivityRegistry {
    let builder = ActivityRegistry::builder();
    let add = Adder { control: control.inner.clone(), log: log.clone() };
    let builder = add.one::<record::Record>(builder);
    let builder = add.one::<deploy::Deploy>(builder);
    let builder = add.one::<ready::Ready>(builder);
    let builder = add.one::<addresses::Addresses>(builder);
    let builder = add.one::<test::Test>(builder);
    let builder = add.one::<state::Update>(builder);
    let builder = add.one::<monitor::Start>(builder);
    let builder = add.one::<monitor::Record>(builder);
    let builder = add.one::<stop::Create>(builder);
    let builder = add.one::<stop::Monitor>(builder);
    let builder = add.one::<remove::Remove>(builder);
    let builder = add.one::<clean_up::Start>(builder);
    let builder = add.one::<clean_up::Await>(builder);
    let builder = add.one::<health::Check>(builder);
    let builder = add.one::<health::Record>(builder);
    builder.build()
}

struct Adder {
    control: Arc<Inner>,
    log: Log,
}

impl Adder {
    fn one<A: Activity>(&self, builder: ActivityRegistryBuilder) -> ActivityRegistryBuilder {
        let (control, log) = (self.control.clone(), self.log.clone());
        builder.register(A::NAME, move |ctx: ActivityContext, input: String| {
            let (control, log) = (control.clone(), log.clone());
            async move {
                let entry = log.begin(A::NAME, ctx.instance_id());
                let answer = run::<A>(&control, &input).await;
                entry.end(answer.as_ref().err());
                answer.map_err(|broken| broken.to_string())
            }
        })
    }
}

async fn run<A: Activity>(control: &Inner, input: &str) -> Result<String, Broken> {
    let input: A::Input = serde_json::from_str(input)?;
    let answer = faults::around(A::NAME, || A::run(control, &input)).await;
    Ok(answer.map_err(Broken::or_exhaustion)?.to_string())
}
