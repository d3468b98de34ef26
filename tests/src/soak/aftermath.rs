//! What has to hold when the attack is over.

use super::world::World;
use super::{SoakReport, lifecycle};
use crate::server::Ran;
use crate::{Result, wait};
use serde_json::Value;
use std::time::Duration;

/// Everything that was begun comes to its end within this.
const SETTLE_PATIENCE: Duration = Duration::from_secs(240);

/// What should not be there once every database is deleted.
const LEFT_OVER: &str = "
    SELECT 'execution ' || e.instance_id AS what FROM toygres_duroxide.executions e
        LEFT JOIN toygres_duroxide.instances i ON i.instance_id = e.instance_id
        WHERE e.status = 'Running'
    UNION ALL SELECT 'activity ' || left(work_item, 200) FROM toygres_duroxide.worker_queue
    UNION ALL SELECT 'message ' || left(work_item, 200) FROM toygres_duroxide.orchestrator_queue
    UNION ALL SELECT 'instance ' || k8s_name || ' ' || state::text FROM toygres_cms.instances
        WHERE state <> 'deleted'
    UNION ALL SELECT 'advisory lock of ' || a.application_name || ': ' || left(a.query, 100)
        FROM pg_locks l JOIN pg_stat_activity a USING (pid)
        WHERE l.locktype = 'advisory' AND a.pid <> pg_backend_pid()";

pub(super) fn check(world: &World, report: &mut SoakReport) -> Result {
    let stays = instances(world)?;
    for instance in &stays {
        let name = instance["name"].as_str().unwrap_or_default();
        if let Err(error) = lifecycle::reach(world, name) {
            report.failures.push(format!("{name} is not reached when all is over: {error}"));
        }
    }
    // Health is asked while there is something to be healthy.
    comes_to(world, report, &["server", "health", "-o", "json"]);
    comes_to(world, report, &["server", "drift", "-o", "json"]);
    for instance in &stays {
        let name = instance["name"].as_str().unwrap_or_default();
        let deleted = world.run(&["delete", name, "--force", "--wait", "--timeout", "120s"])?;
        if deleted.code != 0 {
            report.failures.push(format!("{name} is not deleted: {deleted:?}"));
        }
    }
    nothing_is_left(world, report);
    match &world.limit {
        Ok(limit) => {
            report.peak_memory = limit.peak().ok();
            match limit.killed()? {
                0 => {}
                killed => report.failures.push(format!("the kernel killed {killed} processes")),
            }
        }
        Err(reason) => report.remarks.push(format!("without a limit of memory: {reason}")),
    }
    Ok(())
}

/// The instances that are not deleted.
fn instances(world: &World) -> Result<Vec<Value>> {
    let ran = world.run(&["list", "-o", "json"])?;
    let all: Vec<Value> = serde_json::from_str(&ran.stdout)?;
    Ok(all.into_iter().filter(|instance| instance["state"] != "deleted").collect())
}

/// The command comes to say that all is well.
fn comes_to(world: &World, report: &mut SoakReport, args: &[&str]) {
    let mut last: Option<Ran> = None;
    let waited = wait::until_within(SETTLE_PATIENCE, &args.join(" "), || {
        let ran = world.run(args)?;
        let well = ran.code == 0;
        last = Some(ran);
        Ok(well.then_some(()))
    });
    if let Err(error) = waited {
        report.failures.push(format!("{error}: {last:?}"));
    }
}

fn nothing_is_left(world: &World, report: &mut SoakReport) {
    let mut left = String::new();
    let waited = wait::until_within(SETTLE_PATIENCE, "nothing to be left over", || {
        let ran = world.run(&["server", "db-query", LEFT_OVER, "--limit", "0", "-o", "json"])?;
        left = ran.stdout.clone();
        let pods = world.run(&["local", "status", "-o", "json"])?;
        let pods: Value = serde_json::from_str(&pods.stdout).unwrap_or_default();
        let none = pods["pods"].as_array().is_some_and(Vec::is_empty);
        if !none {
            left.push_str(&pods["pods"].to_string());
        }
        Ok((ran.code == 0 && none && ran.stdout.trim() == "[]").then_some(()))
    });
    if let Err(error) = waited {
        report.failures.push(format!("{error}: {left}"));
    }
}
