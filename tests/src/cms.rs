//! The control plane's tables as existing deployments have them, with a row of every state.

use crate::Result;
use crate::postgres::Binaries;
use crate::secrets::Secrets;
use crate::workload::Scenario;

/// Tables and types.
const SCHEMA: &str = "
CREATE TYPE public.instance_state AS ENUM ('creating', 'running', 'deleting', 'deleted', 'failed');
CREATE TYPE public.health_status AS ENUM ('healthy', 'unhealthy', 'unknown');
CREATE SCHEMA toygres_cms;
SET search_path = toygres_cms, public;
CREATE TABLE instances (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_name text NOT NULL,
    k8s_name text NOT NULL UNIQUE,
    namespace text NOT NULL DEFAULT 'toygres',
    postgres_version text NOT NULL DEFAULT '18',
    storage_size_gb int NOT NULL DEFAULT 10,
    use_load_balancer bool NOT NULL DEFAULT true,
    dns_name text,
    ip_connection_string text,
    dns_connection_string text,
    external_ip text,
    state public.instance_state NOT NULL DEFAULT 'creating',
    health_status public.health_status NOT NULL DEFAULT 'unknown',
    create_orchestration_id text,
    delete_orchestration_id text,
    instance_actor_orchestration_id text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    tags jsonb
);
CREATE UNIQUE INDEX instances_dns_name ON instances (dns_name) WHERE state IN ('creating', 'running');
CREATE TABLE instance_events (
    id bigserial PRIMARY KEY,
    instance_id uuid NOT NULL REFERENCES instances (id),
    event_type text NOT NULL,
    old_state public.instance_state,
    new_state public.instance_state,
    message text,
    metadata jsonb,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE instance_health_checks (
    id bigserial PRIMARY KEY,
    instance_id uuid NOT NULL REFERENCES instances (id),
    status public.health_status NOT NULL,
    postgres_version text,
    response_time_ms int,
    error_message text,
    checked_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE drift_detections (
    id bigserial PRIMARY KEY,
    detection_type text NOT NULL,
    k8s_name text,
    cms_state text,
    k8s_exists bool,
    message text,
    metadata jsonb,
    detected_at timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz,
    resolved_by text
);
";

/// Makes the schema with instances in every state; the connection strings hold plain passwords, as
/// old deployments left them.
///
/// # Errors
/// When the server refuses it.
pub fn create(url: &str, secrets: &Secrets) -> Result {
    let rows = [
        (Scenario::Completed, "running", "healthy"),
        (Scenario::LongTimer, "creating", "unknown"),
        (Scenario::Failed, "failed", "unknown"),
        (Scenario::Deleted, "deleted", "unknown"),
        (Scenario::Parallel, "running", "unhealthy"),
    ];
    let rows = rows.map(|(scenario, state, health)| {
        let (user, k8s) = (scenario.user_name(), scenario.k8s_name());
        let monitor =
            if state == "running" { format!("'health-{k8s}'") } else { "NULL".to_owned() };
        format!(
            "('{user}', '{k8s}', '{user}', '{state}', '{health}', 'create-{k8s}', {monitor}, \
             'postgresql://postgres:{}@4.249.117.85:5432/postgres', \
             'postgresql://postgres:{}@{user}.westus3.cloudapp.azure.com:5432/postgres')",
            secrets.ip_connection_string, secrets.dns_connection_string
        )
    });
    let sql = format!(
        "{SCHEMA}
         INSERT INTO instances (user_name, k8s_name, dns_name, state, health_status,
             create_orchestration_id, instance_actor_orchestration_id, ip_connection_string,
             dns_connection_string) VALUES {};
         INSERT INTO instance_events (instance_id, event_type, new_state, message)
             SELECT id, 'created', state, 'created' FROM instances;
         INSERT INTO instance_health_checks (instance_id, status, postgres_version, response_time_ms)
             SELECT id, health_status, '18.0', 4 FROM instances WHERE state = 'running';",
        rows.join(", ")
    );
    Binaries::find()?.psql(url, &sql)?;
    Ok(())
}
