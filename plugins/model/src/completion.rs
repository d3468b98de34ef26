//! What a shell is offered for an id or a name: the statements, each with one bind, the pattern of
//! what is typed. Their columns are `value` and `help`.

/// More than a screen of candidates helps nobody.
const MOST: u32 = 50;

/// The pattern of `LIKE` for texts that begin so, with nothing special in them.
#[must_use]
pub fn begins_with(typed: &str) -> String {
    let mut pattern = String::with_capacity(typed.len() + 1);
    for letter in typed.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

/// Orchestrations of duroxide's schema, the latest first.
#[must_use]
pub fn orchestrations(schema: &str) -> String {
    let schema = quoted(schema);
    // The few are chosen first: their states are looked up for them alone.
    statement(
        &schema,
        &format!(
            "(SELECT * FROM {schema}.instances WHERE instance_id LIKE $1 \
             ORDER BY created_at DESC, instance_id LIMIT {MOST})"
        ),
        "true",
    )
}

/// Those that have not ended: what can be cancelled.
#[must_use]
pub fn live_orchestrations(schema: &str) -> String {
    let schema = quoted(schema);
    let live = "i.instance_id LIKE $1 AND (e.status IS NULL OR e.status IN ('Running', \
                'ContinuedAsNew'))";
    statement(&schema, &format!("{schema}.instances"), live)
}

fn statement(schema: &str, instances: &str, wanted: &str) -> String {
    format!(
        "SELECT i.instance_id AS value, concat_ws(', ', \
         regexp_replace(i.orchestration_name, '^.*::', ''), \
         CASE WHEN e.status IS NULL THEN 'pending' WHEN e.status = 'ContinuedAsNew' THEN 'running' \
         WHEN e.status = 'Failed' AND {cancelled} THEN 'cancelled' ELSE lower(e.status) END, \
         'since ' || to_char(i.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')) AS help \
         FROM {instances} i LEFT JOIN {schema}.executions e \
         ON e.instance_id = i.instance_id AND e.execution_id = i.current_execution_id \
         WHERE {wanted} ORDER BY i.created_at DESC, i.instance_id LIMIT {MOST}",
        cancelled = crate::records::was_cancelled(&format!("{schema}.history"), "e"),
    )
}

/// Database instances of the metadata's schema by name, the latest first. A name in Kubernetes is
/// offered where what is typed goes beyond the name that was given.
#[must_use]
pub fn instances(schema: &str) -> String {
    let table = format!("{}.instances", quoted(schema));
    format!(
        "SELECT value, min(help) AS help FROM (\
         SELECT user_name AS value, state::text || ', ' || k8s_name AS help, created_at FROM {table} \
         WHERE state::text <> 'deleted' AND user_name LIKE $1 \
         UNION ALL SELECT k8s_name, state::text || ', ' || user_name, created_at FROM {table} \
         WHERE k8s_name LIKE $1 AND user_name NOT LIKE $1) AS known \
         GROUP BY value ORDER BY max(created_at) DESC, value LIMIT {MOST}"
    )
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::{begins_with, orchestrations};

    #[test]
    fn what_is_typed_is_no_pattern() {
        assert_eq!(begins_with(""), "%");
        assert_eq!(begins_with("create-a"), "create-a%");
        assert_eq!(begins_with("50%_\\"), "50\\%\\_\\\\%");
    }

    #[test]
    fn a_schema_is_quoted() {
        assert!(orchestrations("a\"b").contains("\"a\"\"b\".instances"));
    }
}
