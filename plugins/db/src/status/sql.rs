//! The statements. They work for a role that may only read the schemas: what needs more rights is
//! asked for on its own, so that its refusal costs nothing else.

/// The server, this session, and the connections of every toygres process.
pub(crate) const SERVER: &str = "\
SELECT current_database() AS database, current_user AS user_name, \
       current_setting('server_version') AS server_version, \
       current_setting('max_connections')::int AS server_max_connections, \
       pg_database_size(current_database()) AS database_bytes, \
       pg_is_in_recovery() AS in_recovery, \
       extract(epoch FROM now() - pg_postmaster_start_time())::bigint * 1000 AS uptime_ms, \
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections, \
       (SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'toygres%' \
           AND state = 'active') AS pool_active, \
       (SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'toygres%' \
           AND state LIKE 'idle%') AS pool_idle, \
       (SELECT count(*) FROM pg_stat_activity WHERE state = 'active' \
           AND pid <> pg_backend_pid() AND backend_type = 'client backend' \
           AND now() - query_start > interval '1 second') AS slow_now, \
       (pg_has_role('pg_read_all_stats', 'USAGE') \
           OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)) AS sees_all_activity, \
       EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_stat_statements') AS has_statements";

/// The schemas asked for, each with its tables.
pub(crate) const SCHEMAS: &str = "\
SELECT wanted.name AS name, n.oid IS NOT NULL AS present, count(c.oid) AS tables, \
       coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint AS size_bytes \
FROM unnest($1::text[]) WITH ORDINALITY AS wanted(name, place) \
LEFT JOIN pg_namespace n ON n.nspname = wanted.name \
LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p') \
GROUP BY wanted.name, wanted.place, n.oid ORDER BY wanted.place";

/// The tables of the schemas asked for. Row counts are PostgreSQL's estimates.
pub(crate) const TABLES: &str = "\
SELECT n.nspname AS schema, c.relname AS name, \
       CASE WHEN c.reltuples < 0 THEN NULL ELSE c.reltuples::bigint END AS estimate, \
       pg_total_relation_size(c.oid) AS size_bytes, pg_indexes_size(c.oid) AS index_bytes, \
       s.n_dead_tup AS dead_rows, \
       greatest(s.last_vacuum, s.last_autovacuum) AS vacuumed_at, \
       greatest(s.last_analyze, s.last_autoanalyze) AS analyzed_at, \
       has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE') AS readable \
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid \
WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'p') \
ORDER BY n.nspname, c.relname";

/// Mean time of all statements that `pg_stat_statements` has seen in this database.
pub(crate) const STATEMENTS: &str = "\
SELECT sum(total_exec_time) / nullif(sum(calls), 0) AS mean_ms, \
       count(*) FILTER (WHERE mean_exec_time > 1000) AS slow \
FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid \
WHERE d.datname = current_database()";

/// Transactions that have been open for long.
pub(crate) const TRANSACTIONS: &str = "\
SELECT pid, usename AS user_name, application_name, state, \
       (extract(epoch FROM now() - xact_start) * 1000)::bigint AS age_ms, \
       left(query, 200) AS statement \
FROM pg_stat_activity WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid() \
  AND now() - xact_start > interval '1 minute' ORDER BY xact_start LIMIT 10";

/// Extensions.
pub(crate) const EXTENSIONS: &str =
    "SELECT extname AS name, extversion AS version FROM pg_extension ORDER BY extname";

/// A table's exact number of rows; the name is quoted.
pub(crate) fn count(schema: &str, table: &str) -> String {
    format!("SELECT count(*) AS rows FROM {}.{}", quoted(schema), quoted(table))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_quoted() {
        assert_eq!(
            super::count("a\"b", "c d"),
            "SELECT count(*) AS rows FROM \"a\"\"b\".\"c d\""
        );
    }
}
