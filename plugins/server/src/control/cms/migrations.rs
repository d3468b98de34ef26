//! The tables of the CMS, release by release. A published migration is never changed.

/// One step from the schema before to the one after.
pub(super) struct Migration {
    pub(super) version: i32,
    pub(super) name: &'static str,
    pub(super) sql: &'static str,
}

/// All of them, in order.
pub(super) const ALL: &[Migration] = &[
    Migration { version: 1, name: "instances", sql: INSTANCES },
    Migration { version: 2, name: "worker heartbeats", sql: HEARTBEATS },
    Migration { version: 3, name: "indexes of lists", sql: INDEXES },
    Migration { version: 4, name: "roll-ups", sql: super::rollups::TABLES },
    Migration { version: 5, name: "run times of activities", sql: super::activity_runs::TABLE },
];

/// What deployments have had before there was a table of migrations: each part is made only where
/// it is missing, so that theirs are taken over as they are.
const INSTANCES: &str = "
DO $$ BEGIN
    IF to_regtype('public.instance_state') IS NULL THEN
        CREATE TYPE public.instance_state AS ENUM
            ('creating', 'running', 'deleting', 'deleted', 'failed');
    END IF;
    IF to_regtype('public.health_status') IS NULL THEN
        CREATE TYPE public.health_status AS ENUM ('healthy', 'unhealthy', 'unknown');
    END IF;
    IF to_regclass('instances') IS NULL THEN
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
        CREATE UNIQUE INDEX instances_dns_name ON instances (dns_name)
            WHERE state IN ('creating', 'running');
    END IF;
END $$;
CREATE TABLE IF NOT EXISTS instance_events (
    id bigserial PRIMARY KEY,
    instance_id uuid NOT NULL REFERENCES instances (id),
    event_type text NOT NULL,
    old_state public.instance_state,
    new_state public.instance_state,
    message text,
    metadata jsonb,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS instance_health_checks (
    id bigserial PRIMARY KEY,
    instance_id uuid NOT NULL REFERENCES instances (id),
    status public.health_status NOT NULL,
    postgres_version text,
    response_time_ms int,
    error_message text,
    checked_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS drift_detections (
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

const HEARTBEATS: &str = "
CREATE TABLE IF NOT EXISTS worker_heartbeats (
    worker_id text PRIMARY KEY,
    host text NOT NULL,
    pid bigint NOT NULL,
    mode text NOT NULL,
    version text NOT NULL,
    concurrency int NOT NULL,
    started_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    stopped_at timestamptz,
    activities jsonb NOT NULL DEFAULT '[]',
    recent jsonb NOT NULL DEFAULT '[]'
);
CREATE INDEX IF NOT EXISTS worker_heartbeats_last_seen ON worker_heartbeats (last_seen_at);
";

const INDEXES: &str = "
CREATE INDEX IF NOT EXISTS instances_created ON instances (created_at DESC);
CREATE INDEX IF NOT EXISTS instances_unfinished ON instances (updated_at)
    WHERE state IN ('creating', 'deleting');
CREATE INDEX IF NOT EXISTS instances_user_name ON instances (user_name);
CREATE INDEX IF NOT EXISTS instance_events_of ON instance_events (instance_id, created_at DESC);
CREATE INDEX IF NOT EXISTS instance_health_checks_of
    ON instance_health_checks (instance_id, checked_at DESC);
";

/// A name belongs to one live instance. Made apart from the migrations, since an old deployment may
/// hold names twice: it then waits until they are put right.
pub(super) const LIVE_NAMES: &str = "
CREATE UNIQUE INDEX IF NOT EXISTS instances_live_name ON instances (user_name)
    WHERE state IN ('creating', 'running', 'deleting')";

/// The names that stand in its way.
pub(super) const LIVE_NAMES_TWICE: &str = "
SELECT user_name FROM instances WHERE state IN ('creating', 'running', 'deleting')
GROUP BY user_name HAVING count(*) > 1 ORDER BY user_name";

/// What the code here reads and writes, by table; older tables may have more.
pub(super) const COLUMNS: &[(&str, &[&str])] = &[
    (
        "instances",
        &[
            "id",
            "user_name",
            "k8s_name",
            "namespace",
            "postgres_version",
            "storage_size_gb",
            "use_load_balancer",
            "dns_name",
            "ip_connection_string",
            "dns_connection_string",
            "external_ip",
            "state",
            "health_status",
            "create_orchestration_id",
            "delete_orchestration_id",
            "instance_actor_orchestration_id",
            "created_at",
            "updated_at",
            "deleted_at",
            "tags",
        ],
    ),
    (
        "instance_events",
        &["instance_id", "event_type", "old_state", "new_state", "message", "created_at"],
    ),
    (
        "instance_health_checks",
        &[
            "instance_id",
            "status",
            "postgres_version",
            "response_time_ms",
            "error_message",
            "checked_at",
        ],
    ),
];
