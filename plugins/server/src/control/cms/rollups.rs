//! The tables of the roll-ups: see `control/rollup.rs`.

/// Counts of orchestrations that ended, by the time at which they began, and of activities, by the
/// time at which they ended; how far the counting is; and what of the last minutes was counted.
pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS rollup_orchestrations (
    bucket timestamptz NOT NULL,
    kind text NOT NULL,
    status text NOT NULL,
    count bigint NOT NULL,
    total_ms bigint NOT NULL,
    PRIMARY KEY (bucket, kind, status)
);
CREATE TABLE IF NOT EXISTS rollup_activities (
    bucket timestamptz NOT NULL,
    activity text NOT NULL,
    succeeded bool NOT NULL,
    bin int NOT NULL,
    count bigint NOT NULL,
    total_ms bigint NOT NULL,
    most_ms bigint NOT NULL,
    PRIMARY KEY (bucket, activity, succeeded, bin)
);
CREATE TABLE IF NOT EXISTS rollup_progress (
    name text PRIMARY KEY,
    rolled_from timestamptz NOT NULL,
    rolled_until timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS rollup_done (
    instance_id text NOT NULL,
    execution_id bigint NOT NULL,
    completed_at timestamptz NOT NULL,
    PRIMARY KEY (instance_id, execution_id)
);
CREATE INDEX IF NOT EXISTS rollup_done_completed ON rollup_done (completed_at);
";

#[cfg(test)]
mod tests {
    use super::super::migrations::ALL;

    /// A diagnostic tells by it whether a deployment is behind.
    #[test]
    fn the_newest_migration_is_the_one_that_diagnostics_know() {
        let newest = ALL.last().map(|migration| i64::from(migration.version));
        assert_eq!(newest, Some(toygres_model::releases::CMS_SCHEMA));
    }
}
