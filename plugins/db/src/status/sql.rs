//! The statements. They work for a role that may only read the schemas: what needs more rights
//! comes back as NULL instead of failing.

/// The server, this session, and the connections of every toygres process.
pub(crate) const SERVER: &str = "\
SELECT current_database() AS database, current_user AS user_name, \
       current_setting('server_version') AS server_version, \
       current_setting('max_connections')::int AS server_max_connections, \
       pg_database_size(current_database()) AS database_bytes, \
       pg_is_in_recovery() AS in_recovery, \
       extract(epoch FROM now() - pg_postmaster_start_time())::bigint * 1000 AS uptime_ms, \
       (SELECT sum(numbackends) FROM pg_stat_database)::bigint AS server_connections, \
       (SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'toygres%' \
           AND state = 'active') AS pool_active, \
       (SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'toygres%' \
           AND state LIKE 'idle%') AS pool_idle, \
       (SELECT count(*) FROM pg_stat_activity WHERE state = 'active' \
           AND pid <> pg_backend_pid() AND backend_type = 'client backend' \
           AND clock_timestamp() - query_start > interval '1 second') AS slow_now, \
       (pg_has_role('pg_read_all_stats', 'USAGE') \
           OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)) AS sees_all_activity, \
       (SELECT setting FROM pg_settings WHERE name = 'data_directory') AS data_directory, \
       pg_backend_pid() AS backend_pid, \
       (SELECT quote_ident(n.nspname) FROM pg_extension e \
           JOIN pg_namespace n ON n.oid = e.extnamespace \
           WHERE e.extname = 'pg_stat_statements') AS statements_schema, \
       (SELECT json_agg(nspname) FROM pg_namespace WHERE nspname = ANY ($1::text[])) AS schemas";

/// The tables of the schemas asked for. Row counts are PostgreSQL's estimates.
pub(crate) const TABLES: &str = "\
SELECT n.nspname AS schema, c.relname AS name, \
       CASE WHEN c.reltuples < 0 THEN NULL ELSE c.reltuples::bigint END AS estimate, \
       pg_total_relation_size(c.oid) AS size_bytes, pg_indexes_size(c.oid) AS index_bytes, \
       s.n_dead_tup AS dead_rows, \
       greatest(s.last_vacuum, s.last_autovacuum) AS vacuumed_at, \
       greatest(s.last_analyze, s.last_autoanalyze) AS analyzed_at, \
       has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE') AS readable, \
       c.relname LIKE '%migrations' AND EXISTS (SELECT FROM pg_attribute a \
           WHERE a.attrelid = c.oid AND a.attname = 'version' AND NOT a.attisdropped) AS is_migrations \
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid \
WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'p') \
ORDER BY array_position($1::text[], n.nspname::text), c.relname";

/// Transactions that have been open for long.
pub(crate) const TRANSACTIONS: &str = "\
SELECT pid, usename AS user_name, application_name, state, \
       (extract(epoch FROM now() - xact_start) * 1000)::bigint AS age_ms, \
       left(query, 200) AS statement \
FROM pg_stat_activity WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid() \
  AND now() - xact_start > interval '1 minute' ORDER BY xact_start LIMIT 10";

/// Standbys that stream from this server; the positions are NULL without the right to see them.
pub(crate) const STANDBYS: &str = "\
SELECT application_name, client_addr::text AS address, state, sync_state, \
       (extract(epoch FROM replay_lag) * 1000)::bigint AS lag_ms \
FROM pg_stat_replication ORDER BY application_name, client_addr";

/// Extensions.
pub(crate) const EXTENSIONS: &str =
    "SELECT extname AS name, extversion AS version FROM pg_extension ORDER BY extname";

/// Mean time of all statements that `pg_stat_statements`, found in `schema`, has seen in this
/// database. The name comes quoted from PostgreSQL.
pub(crate) fn statements(schema: &str) -> String {
    format!(
        "SELECT sum(s.total_exec_time) / nullif(sum(s.calls), 0) AS mean_ms, \
                count(*) FILTER (WHERE s.mean_exec_time > 1000) AS slow \
         FROM {schema}.pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid \
         WHERE d.datname = current_database()"
    )
}

/// The exact numbers of rows of tables, in their order, as one array.
pub(crate) fn counts<'a>(tables: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let counts = tables.map(|(schema, table)| {
        format!("(SELECT count(*) FROM {}.{})", quoted(schema), quoted(table))
    });
    format!(
        "SELECT array_to_json(ARRAY[{}]::bigint[]) AS counts",
        counts.collect::<Vec<_>>().join(", ")
    )
}

/// Migrations that have been applied, by the tables that record them.
pub(crate) fn migrations<'a>(tables: impl Iterator<Item = (&'a str, &'a str)>) -> Option<String> {
    let each = tables.map(|(schema, table)| {
        format!(
            "SELECT {} AS schema, count(*) AS applied, max(version) AS latest FROM {}.{}",
            literal(schema),
            quoted(schema),
            quoted(table)
        )
    });
    let all: Vec<String> = each.collect();
    (!all.is_empty()).then(|| all.join(" UNION ALL "))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::{counts, migrations};

    #[test]
    fn names_are_quoted() {
        assert_eq!(
            counts([("a\"b", "c d"), ("e", "f")].into_iter()),
            "SELECT array_to_json(ARRAY[(SELECT count(*) FROM \"a\"\"b\".\"c d\"), \
             (SELECT count(*) FROM \"e\".\"f\")]::bigint[]) AS counts"
        );
        let one = migrations([("it's", "_m")].into_iter()).unwrap();
        assert!(one.starts_with("SELECT 'it''s' AS schema"), "{one}");
        assert!(migrations(std::iter::empty()).is_none());
    }
}
