//! `check-instance-health` and `cms-record-health-check`.

use super::{Activity, names};
use crate::control::address::old_password;
use crate::control::broken::{self, Broken};
use crate::control::cluster::Address;
use crate::control::order::Watch;
use crate::control::{Inner, cms, probe};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use toygres_model::instance::{Health, State};

/// What a look at an instance found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::control) struct Seen {
    pub(in crate::control) k8s_name: String,
    pub(in crate::control) instance_id: String,
    /// Whether there is still something to watch over.
    pub(in crate::control) watch: bool,
    pub(in crate::control) status: Health,
    pub(in crate::control) version: Option<String>,
    pub(in crate::control) response_time_ms: Option<i32>,
    pub(in crate::control) error: Option<String>,
    pub(in crate::control) checked_ms: i64,
}

pub(super) struct Check;

impl Activity for Check {
    const NAME: &'static str = names::CHECK;
    type Input = Watch;

    async fn run(control: &Inner, watch: &Watch) -> Result<Value, Broken> {
        let record = cms::record(&control.cms.pool, &watch.instance_id).await?;
        let running = record.filter(|record| record.state == State::Running);
        let mut seen = Seen {
            k8s_name: watch.k8s_name.clone(),
            instance_id: watch.instance_id.clone(),
            watch: running.is_some(),
            status: Health::Unknown,
            version: None,
            response_time_ms: None,
            error: None,
            checked_ms: now_ms(),
        };
        if let Some(record) = running {
            look(control, &record, &mut seen).await;
        }
        Ok(serde_json::to_value(seen)?)
    }
}

/// How often a check is tried that this process had no means for.
const ATTEMPTS: u32 = 3;
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// An instance that cannot be asked is unknown; one that does not answer is unhealthy. A check that
/// this process had no descriptor or memory for says nothing of the instance.
async fn look(control: &Inner, record: &cms::Record, seen: &mut Seen) {
    let (address, password) = match way(control, record).await {
        Ok(way) => way,
        Err(broken) => {
            seen.error = Some(broken::reason(&broken.to_string()).to_owned());
            return;
        }
    };
    match ask(&address, &password).await {
        Ok(answer) => {
            seen.status = Health::Healthy;
            seen.version = Some(answer.version);
            seen.response_time_ms = Some(answer.response_ms);
        }
        Err(broken) => {
            if !broken.is_exhaustion() {
                seen.status = Health::Unhealthy;
            }
            seen.error = Some(broken::reason(&broken.to_string()).to_owned());
        }
    }
}

async fn ask(address: &Address, password: &str) -> Result<probe::Answer, Broken> {
    let mut attempt = 1;
    loop {
        let asked = probe::ask(address, password).await.map_err(Broken::or_exhaustion);
        match asked {
            Err(broken) if broken.is_exhaustion() && attempt < ATTEMPTS => {
                attempt += 1;
                tokio::time::sleep(RETRY_PAUSE).await;
            }
            asked => return asked,
        }
    }
}

async fn way(control: &Inner, record: &cms::Record) -> Result<(Address, String), Broken> {
    let told = record.external_ip.as_deref();
    let reach = control.cluster.reach(&record.namespace, &record.k8s_name, told).await?;
    let address = reach.ok_or_else(|| {
        Broken::lasting("this server is outside the cluster, where the instance has no address")
    })?;
    let kept = control.cluster.password(&record.namespace, &record.k8s_name).await?;
    // Instances of old deployments have no Secret.
    let old = || {
        [&record.ip_url, &record.dns_url].into_iter().flatten().find_map(|url| old_password(url))
    };
    let password =
        kept.or_else(old).ok_or_else(|| Broken::lasting("there is no Secret with the password"))?;
    Ok((address, password))
}

pub(super) struct Record;

impl Activity for Record {
    const NAME: &'static str = names::RECORD_CHECK;
    type Input = Seen;

    async fn run(control: &Inner, seen: &Seen) -> Result<Value, Broken> {
        let check = cms::Check {
            id: &seen.instance_id,
            checked_ms: seen.checked_ms,
            status: seen.status.word(),
            version: seen.version.as_deref(),
            response_ms: seen.response_time_ms,
            error: seen.error.as_deref(),
        };
        cms::record_check(&control.cms, &check).await?;
        Ok(serde_json::json!({"recorded": true}))
    }
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
