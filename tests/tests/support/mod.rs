//! What the suites over `db-status`, `db-query`, `config` and `env` share.

#![allow(dead_code, unused_imports, reason = "each suite is a crate of its own and uses a part")]

mod formats;
pub(crate) mod plane;
mod run;

pub(crate) use formats::{FORMATS, check};
pub(crate) use run::{Ran, Toygres};

use toygres_tests::postgres::{Database, PrivatePostgres};

/// Passwords that may stand in no output.
pub(crate) const CANARY: &str = "canary-7f3a1c";

/// A database with the control plane's tables as deployments have them, in small.
pub(crate) const CMS: &str = r#"
CREATE TYPE public.instance_state AS ENUM ('creating', 'running', 'deleting', 'deleted', 'failed');
CREATE SCHEMA toygres_cms;
CREATE TABLE toygres_cms.instances (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_name text NOT NULL,
    k8s_name text UNIQUE NOT NULL, state public.instance_state NOT NULL,
    ip_connection_string text, dns_connection_string text, tags jsonb,
    created_at timestamptz NOT NULL DEFAULT '2024-11-17 12:00:00+00'
);
CREATE TABLE toygres_cms.instance_events (
    id bigserial PRIMARY KEY, event_type text NOT NULL, metadata jsonb
);
INSERT INTO toygres_cms.instances (user_name, k8s_name, state, ip_connection_string, tags) VALUES
    ('proddb', 'proddb-a1b2c3d4', 'running',
     'postgresql://postgres:canary-7f3a1c@10.0.0.1:5432/postgres', '{"password": "canary-7f3a1c"}'),
    ('testdb1', 'testdb1-e5f6a7b8', 'creating', NULL, NULL),
    ('analytics', 'analytics-c9d0e1f2', 'running', '', '{"team": "data"}');
INSERT INTO toygres_cms.instance_events (event_type, metadata) VALUES
    ('created', '{"input": "{\"user_name\":\"proddb\",\"password\":\"canary-7f3a1c\"}"}');
"#;

/// A database made by a script.
///
/// # Panics
/// When the server refuses the script.
pub(crate) fn database<'a>(server: &'a PrivatePostgres, script: &str) -> Database<'a> {
    let database = server.database().unwrap_or_else(|error| panic!("{error}"));
    database.psql(script);
    database
}
