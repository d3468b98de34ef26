//! duroxide schemas of other releases, and large ones.

use crate::Result;
use crate::postgres::Binaries;
use crate::workload::SCHEMA;

/// The tables as the first releases had them: no attempts, tags, parents, sessions or key-value
/// store, and no instance id in the worker queue.
const OLD_TABLES: &str = "
CREATE SCHEMA toygres_duroxide;
SET search_path = toygres_duroxide;
CREATE TABLE instances (
    instance_id text PRIMARY KEY, orchestration_name text NOT NULL, orchestration_version text,
    current_execution_id bigint NOT NULL DEFAULT 1, created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now()
);
CREATE TABLE executions (
    instance_id text NOT NULL, execution_id bigint NOT NULL, status text NOT NULL DEFAULT 'Running',
    output text, started_at timestamptz DEFAULT now(), completed_at timestamptz,
    PRIMARY KEY (instance_id, execution_id)
);
CREATE TABLE history (
    instance_id text NOT NULL, execution_id bigint NOT NULL, event_id bigint NOT NULL,
    event_type text NOT NULL, event_data text NOT NULL, created_at timestamptz DEFAULT now(),
    PRIMARY KEY (instance_id, execution_id, event_id)
);
CREATE TABLE orchestrator_queue (
    id bigserial PRIMARY KEY, instance_id text NOT NULL, work_item text NOT NULL,
    visible_at timestamptz DEFAULT now(), lock_token text, locked_until bigint,
    created_at timestamptz DEFAULT now()
);
CREATE TABLE worker_queue (
    id bigserial PRIMARY KEY, work_item text NOT NULL, visible_at timestamptz DEFAULT now(),
    lock_token text, locked_until bigint, created_at timestamptz DEFAULT now()
);
CREATE TABLE instance_locks (
    instance_id text PRIMARY KEY, lock_token text NOT NULL, locked_until bigint NOT NULL,
    locked_at bigint NOT NULL
);
CREATE TABLE _duroxide_migrations (
    version bigint PRIMARY KEY, name text NOT NULL, applied_at timestamptz DEFAULT now()
);
INSERT INTO _duroxide_migrations (version, name) VALUES (1, '0001_initial_schema.sql');
";

/// Orchestrations whose events no release agrees on.
const ODD_ROWS: &str = r#"
SET search_path = toygres_duroxide;
INSERT INTO instances (instance_id, orchestration_name, orchestration_version, created_at, updated_at) VALUES
    ('create-olddb-00000001', 'toygres::orchestration::create-instance', '0.1.0', now(), now()),
    ('create-odddb-00000002', 'create-instance', NULL, now(), now()),
    ('health-olddb-00000001', 'health-monitor', '0.1.0', now(), now());
INSERT INTO executions (instance_id, execution_id, status, output, started_at) VALUES
    ('create-olddb-00000001', 1, 'Failed', 'old words', now()),
    ('create-odddb-00000002', 1, 'Suspended', NULL, now()),
    ('health-olddb-00000001', 1, 'Running', NULL, now());
INSERT INTO history (instance_id, execution_id, event_id, event_type, event_data, created_at) VALUES
    ('create-olddb-00000001', 1, 1, 'Event', '{"OrchestrationStarted":{"event_id":1,"name":"create-instance","version":"0.1.0","input":"{\"user_name\":\"olddb\",\"password\":\"canary-INPUT-4f1a9c\"}"}}', now()),
    ('create-olddb-00000001', 1, 2, 'Event', '{"ActivityScheduled":{"event_id":2,"name":"toygres::activity::deploy-postgres","input":""}}', now()),
    ('create-olddb-00000001', 1, 3, 'Event', '{"ActivityFailed":{"event_id":3,"source_event_id":2,"error":"old words"}}', now()),
    ('create-olddb-00000001', 1, 4, 'Event', '{"OrchestrationFailed":{"event_id":4,"error":"old words"}}', now()),
    ('create-odddb-00000002', 1, 1, 'Event', '{"type":"Teleported","event_id":1,"to":"elsewhere"}', now()),
    ('create-odddb-00000002', 1, 2, 'Event', 'no JSON at all', now()),
    ('create-odddb-00000002', 1, 3, 'Event', '[1,2,3]', now()),
    ('create-odddb-00000002', 1, 4, 'Event', '{"type":"TimerCreated","event_id":4}', now()),
    ('create-odddb-00000002', 1, 5, 'Event', '{"type":"ActivityCompleted","source_event_id":77,"result":"of nothing"}', now()),
    ('health-olddb-00000001', 1, 1, 'Event', '{"type":"OrchestrationStarted","event_id":1,"name":"health-monitor","version":"0.1.0","input":"","timestamp_ms":0}', now()),
    ('health-olddb-00000001', 1, 2, 'Event', '{"type":"ActivityScheduled","event_id":2,"name":"check","input":""}', now());
INSERT INTO worker_queue (work_item, visible_at, created_at) VALUES
    ('{"ActivityExecute":{"instance":"health-olddb-00000001","execution_id":1,"id":2,"name":"check","input":""}}', now(), now()),
    ('not even JSON', now(), now());
INSERT INTO orchestrator_queue (instance_id, work_item, visible_at, created_at) VALUES
    ('create-odddb-00000002', '{"Unheard":{"instance":"create-odddb-00000002"}}', now(), now()),
    ('create-nextdb-00000003', '{"StartOrchestration":{"instance":"create-nextdb-00000003","orchestration":"create-instance","input":"{}","version":null}}', now(), now());
"#;

/// What a release to come may have added.
const AHEAD: &str = "
SET search_path = toygres_duroxide;
ALTER TABLE instances ADD COLUMN priority int NOT NULL DEFAULT 5;
ALTER TABLE executions ADD COLUMN region text;
ALTER TABLE history ADD COLUMN checksum bytea;
CREATE TABLE quotas (name text PRIMARY KEY, amount bigint);
INSERT INTO _duroxide_migrations (version, name) VALUES (9001, '9001_quotas.sql');
";

/// Makes the schema of the first releases, with a history of all sorts.
///
/// # Errors
/// When the server refuses it.
pub fn old(url: &str) -> Result {
    let binaries = Binaries::find()?;
    binaries.psql(url, OLD_TABLES)?;
    binaries.psql(url, ODD_ROWS)?;
    Ok(())
}

/// Makes today's schema by duroxide itself and adds what a release to come may have.
///
/// # Errors
/// When the server refuses it.
pub fn ahead(url: &str) -> Result {
    let executor = tokio::runtime::Runtime::new()?;
    executor.block_on(async {
        let made = duroxide_pg::PostgresProvider::new_with_schema(url, Some(SCHEMA)).await;
        made.map(drop).map_err(|error| error.to_string())
    })?;
    let binaries = Binaries::find()?;
    binaries.psql(url, AHEAD)?;
    binaries.psql(url, ODD_ROWS)?;
    Ok(())
}

/// Makes today's schema with so many orchestrations, each a second older than the one before.
///
/// # Errors
/// When the server refuses it.
pub fn many_orchestrations(url: &str, count: u64) -> Result {
    let executor = tokio::runtime::Runtime::new()?;
    executor.block_on(async {
        let made = duroxide_pg::PostgresProvider::new_with_schema(url, Some(SCHEMA)).await;
        made.map(drop).map_err(|error| error.to_string())
    })?;
    Binaries::find()?.psql(
        url,
        &format!(
            "SET search_path = toygres_duroxide;
             INSERT INTO instances (instance_id, orchestration_name, orchestration_version,
                 current_execution_id, created_at, updated_at)
             SELECT 'create-db' || g || '-' || lpad(to_hex(g), 8, '0'),
                 CASE WHEN g % 3 = 0 THEN 'toygres::orchestration::create-instance' ELSE 'health-monitor' END,
                 '1.0.0', 1, now() - g * interval '1 second', now()
             FROM generate_series(1, {count}) g;
             INSERT INTO executions (instance_id, execution_id, status, output, started_at, completed_at)
             SELECT instance_id, 1, CASE WHEN hashtext(instance_id) % 10 = 0 THEN 'Failed' ELSE 'Completed' END,
                 'output', created_at, created_at + interval '3 seconds' FROM instances;
             ANALYZE instances; ANALYZE executions;"
        ),
    )?;
    Ok(())
}
