//! A deployment of a size at which statistics cannot be counted event by event: duroxide's tables
//! with so many orchestrations and their events, and the CMS of a server that keeps roll-ups.

use crate::Result;
use crate::postgres::Binaries;
use crate::workload::SCHEMA;

/// Events of one orchestration: a beginning, six activities with their ends, one more, and an end.
pub const EVENTS: u64 = 15;

/// Makes duroxide's schema with `count` orchestrations of the last day, each with [`EVENTS`] events;
/// one in a hundred failed, one in two hundred runs.
///
/// # Errors
/// When the server refuses it.
pub fn generate(url: &str, count: u64) -> Result {
    let executor = tokio::runtime::Runtime::new()?;
    executor.block_on(async {
        let made = duroxide_pg::PostgresProvider::new_with_schema(url, Some(SCHEMA)).await;
        made.map(drop).map_err(|error| error.to_string())
    })?;
    let binaries = Binaries::find()?;
    binaries.psql(url, &orchestrations(count))?;
    binaries.psql(url, &events())?;
    binaries
        .psql(url, &format!("ANALYZE {SCHEMA}.instances, {SCHEMA}.executions, {SCHEMA}.history"))?;
    Ok(())
}

fn orchestrations(count: u64) -> String {
    format!(
        "SET search_path = {SCHEMA};
         INSERT INTO instances (instance_id, orchestration_name, orchestration_version,
             current_execution_id, created_at, updated_at)
         SELECT 'create-db' || g || '-' || lpad(to_hex(g), 8, '0'),
             CASE g % 4 WHEN 0 THEN 'delete-instance' ELSE 'create-instance' END, '1.0.0', 1,
             now() - interval '1 day' + g * (interval '23 hours' / {count}), now()
         FROM generate_series(1, {count}) g;
         INSERT INTO executions (instance_id, execution_id, status, output, started_at, completed_at)
         SELECT instance_id, 1,
             CASE WHEN hashtext(instance_id) % 200 = 0 THEN 'Running'
                 WHEN hashtext(instance_id) % 100 = 1 THEN 'Failed' ELSE 'Completed' END,
             'output', created_at,
             CASE WHEN hashtext(instance_id) % 200 <> 0 THEN created_at + interval '40 seconds' END
         FROM instances;"
    )
}

/// Event 1 is the beginning, 15 the end; each even one schedules an activity that the next one ends,
/// after a time that differs.
fn events() -> String {
    format!(
        r#"SET search_path = {SCHEMA};
         INSERT INTO history (instance_id, execution_id, event_id, event_type, event_data, created_at)
         SELECT i.instance_id, 1, e, 'Event',
             '{{"event_id":' || e || ',"source_event_id":' ||
             CASE WHEN e % 2 = 1 AND e > 1 AND e < 15 THEN (e - 1)::text ELSE 'null' END ||
             ',"instance_id":"' || i.instance_id || '","execution_id":1,"timestamp_ms":' ||
             ((extract(epoch FROM i.created_at) * 1000)::bigint + e / 2 * 5000
                 + CASE WHEN e % 2 = 1 THEN 50 + abs(hashtext(i.instance_id || e)) % 4000 ELSE 0 END) ||
             ',"duroxide_version":"0.1.32","type":"' ||
             CASE WHEN e = 1 THEN 'OrchestrationStarted","name":"create-instance","version":"1.0.0","input":""'
                 WHEN e = 15 THEN 'OrchestrationCompleted","output":""'
                 WHEN e % 2 = 0 THEN 'ActivityScheduled","name":"' ||
                     (ARRAY['cms-create-instance-record', 'deploy-postgres', 'wait-for-ready',
                         'get-connection-strings', 'test-connection', 'cms-update-instance-state',
                         'start-health-monitor'])[e / 2] || '","input":"{{\"user_name\":\"db\",\"poll_ms\":30000}}"'
                 ELSE 'ActivityCompleted","result":"{{}}"' END || '}}',
             i.created_at + e * interval '1 second'
         FROM instances i JOIN executions x ON x.instance_id = i.instance_id,
             generate_series(1, 15) e
         WHERE x.status <> 'Running' OR e < 15"#
    )
}
