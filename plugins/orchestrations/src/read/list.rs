//! The list: one keyset-paged statement.

use super::schema::Schema;
use serde::Deserialize;
use toygres_model::records;
use toygres_plugin_api::context::Session;
use toygres_plugin_api::{Bind, Error, Result};

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub(crate) statuses: Vec<String>,
    pub(crate) types: Vec<String>,
    pub(crate) instance: Option<String>,
    pub(crate) since: Option<String>,
    pub(crate) until: Option<String>,
    pub(crate) error_contains: Option<String>,
    /// Only these ids.
    pub(crate) ids: Option<Vec<String>>,
}

/// One row of the list, as the database has it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) execution_id: Option<i64>,
    pub(crate) created_at: String,
    pub(crate) status: String,
    pub(crate) started_at: Option<String>,
    pub(crate) completed_at: Option<String>,
    pub(crate) output: Option<String>,
    pub(crate) parent_id: Option<String>,
    pub(crate) cms_user_name: Option<String>,
    pub(crate) cms_k8s_name: Option<String>,
    pub(crate) cancel_requested: bool,
    pub(crate) total: Option<i64>,
}

/// A statement with its binds.
struct Statement {
    sql: String,
    binds: Vec<Bind>,
}

impl Statement {
    fn bind(&mut self, value: impl Into<Bind>) -> String {
        self.binds.push(value.into());
        format!("${}", self.binds.len())
    }
}

/// By the record at the end; where a schema has no records, by the words of the output.
fn is_cancelled(schema: &Schema) -> String {
    if !schema.has("history") {
        return "e.output LIKE 'canceled:%'".to_owned();
    }
    records::was_cancelled(&schema.table("history"), "e")
}

/// The status as we tell it: a lower-case word.
fn status(schema: &Schema) -> String {
    format!(
        "CASE WHEN e.status = 'Failed' AND {} THEN 'cancelled' \
         WHEN e.status IS NULL THEN 'pending' \
         WHEN e.status = 'ContinuedAsNew' THEN 'running' \
         ELSE lower(e.status) END",
        is_cancelled(schema)
    )
}

/// The conditions on orchestrations that have begun.
fn conditions(filter: &Filter, schema: &Schema, statement: &mut Statement) -> Vec<String> {
    let mut conditions = Vec::new();
    if !filter.statuses.is_empty() {
        let wanted = statement.bind(filter.statuses.clone());
        // The plain column goes first: the records are looked into for failures only.
        let plain: Vec<&str> = filter.statuses.iter().filter_map(|status| plain(status)).collect();
        let plain = statement.bind(plain);
        conditions.push(format!("e.status = ANY ({plain}::text[])"));
        conditions.push(format!("{} = ANY ({wanted}::text[])", status(schema)));
    }
    if !filter.types.is_empty() {
        let types = statement.bind(filter.types.clone());
        conditions.push(format!(
            "regexp_replace(i.orchestration_name, '^.*::', '') = ANY ({types}::text[])"
        ));
    }
    if let Some(name) = &filter.instance {
        conditions.push(of_instance(name, schema, statement, "i.instance_id"));
    }
    if let Some(since) = &filter.since {
        let since = statement.bind(since.as_str());
        conditions.push(format!("i.created_at >= {since}::timestamptz"));
    }
    if let Some(until) = &filter.until {
        let until = statement.bind(until.as_str());
        conditions.push(format!("i.created_at < {until}::timestamptz"));
    }
    if let Some(text) = &filter.error_contains {
        let text = statement.bind(text.as_str());
        conditions.push(format!(
            "e.status = 'Failed' AND strpos(lower(e.output), lower({text}::text)) > 0"
        ));
    }
    if let Some(ids) = &filter.ids {
        let ids = statement.bind(ids.clone());
        conditions.push(format!("i.instance_id = ANY ({ids}::text[])"));
    }
    conditions
}

/// duroxide's own word for one of ours.
fn plain(status: &str) -> Option<&'static str> {
    match status {
        "running" => Some("Running"),
        "completed" => Some("Completed"),
        "failed" | "cancelled" => Some("Failed"),
        _ => None,
    }
}

/// By the id's form (`create-NAME-1234abcd`, with its sub-orchestrations), and by what the
/// metadata say.
fn of_instance(name: &str, schema: &Schema, statement: &mut Statement, id: &str) -> String {
    let name = statement.bind(name);
    let by_id = format!(
        "regexp_replace(split_part({id}, '::', 1), '^[a-z]+-', '') \
         IN ({name}::text, {name}::text || substring(split_part({id}, '::', 1) from '-[0-9A-Za-z]{{8}}$'))"
    );
    if !schema.has("cms") {
        return by_id;
    }
    format!(
        "({by_id} OR split_part({id}, '::', 1) IN (SELECT unnest(ARRAY[c.create_orchestration_id, \
         c.delete_orchestration_id, c.instance_actor_orchestration_id]) FROM {} c \
         WHERE c.user_name = {name}::text OR c.k8s_name = {name}::text))",
        schema.cms_instances()
    )
}

/// The tables that the conditions speak of.
fn from(filter: &Filter, schema: &Schema) -> String {
    let instances = format!("{} i", schema.table("instances"));
    let needs_execution = !filter.statuses.is_empty() || filter.error_contains.is_some();
    if !needs_execution {
        return instances;
    }
    format!(
        "{instances} JOIN {} e ON e.instance_id = i.instance_id AND e.execution_id = i.current_execution_id",
        schema.table("executions")
    )
}

fn all_of(conditions: &[String]) -> String {
    if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") }
}

/// Orchestrations whose start lies in the queue: they have no row of their own yet.
fn queued(filter: &Filter, schema: &Schema, statement: &mut Statement) -> Option<String> {
    let asked =
        filter.statuses.is_empty() || filter.statuses.iter().any(|status| status == "pending");
    if !asked || filter.error_contains.is_some() || !schema.has("orchestrator_queue") {
        return None;
    }
    let said = |key: &str| {
        format!("substring(q.work_item from '\"{key}\"[[:space:]]*:[[:space:]]*\"([^\"]*)\"')")
    };
    let mut conditions = vec![
        // What passed through jsonb on its way into the queue has blanks in it.
        r#"q.work_item ~ '^[[:space:]]*[{][[:space:]]*"StartOrchestration"'"#.to_owned(),
        format!(
            "NOT EXISTS (SELECT FROM {} i WHERE i.instance_id = q.instance_id)",
            schema.table("instances")
        ),
    ];
    if !filter.types.is_empty() {
        let types = statement.bind(filter.types.clone());
        conditions.push(format!(
            "regexp_replace({}, '^.*::', '') = ANY ({types}::text[])",
            said("orchestration")
        ));
    }
    if let Some(name) = &filter.instance {
        conditions.push(of_instance(name, schema, statement, "q.instance_id"));
    }
    for (bound, sign) in [(&filter.since, ">="), (&filter.until, "<")] {
        if let Some(bound) = bound {
            let bound = statement.bind(bound.as_str());
            conditions.push(format!("q.created_at {sign} {bound}::timestamptz"));
        }
    }
    if let Some(ids) = &filter.ids {
        let ids = statement.bind(ids.clone());
        conditions.push(format!("q.instance_id = ANY ({ids}::text[])"));
    }
    Some(format!(
        "SELECT q.instance_id, {} AS orchestration_name, {} AS orchestration_version, \
         NULL::bigint AS current_execution_id, q.created_at FROM {} q WHERE {}",
        said("orchestration"),
        said("version"),
        schema.table("orchestrator_queue"),
        all_of(&conditions)
    ))
}

/// Executions that are recorded without an instance, where what runs or certain ids were asked for:
/// they are looked for among all that run, which the plain list need not read.
fn alone(filter: &Filter, schema: &Schema, statement: &mut Statement) -> Option<String> {
    let running = filter.statuses.iter().any(|status| status == "running");
    let asked = running || (filter.statuses.is_empty() && filter.ids.is_some());
    // What type it would have been, nothing says.
    if !asked || !filter.types.is_empty() || filter.error_contains.is_some() {
        return None;
    }
    let mut conditions = vec![
        "e.status = 'Running'".to_owned(),
        format!(
            "NOT EXISTS (SELECT FROM {} i WHERE i.instance_id = e.instance_id)",
            schema.table("instances")
        ),
    ];
    if schema.has("orchestrator_queue") {
        conditions.push(format!(
            r#"NOT EXISTS (SELECT FROM {} q WHERE q.instance_id = e.instance_id
                AND q.work_item ~ '^[[:space:]]*[{{][[:space:]]*"StartOrchestration"')"#,
            schema.table("orchestrator_queue")
        ));
    }
    if let Some(name) = &filter.instance {
        conditions.push(of_instance(name, schema, statement, "e.instance_id"));
    }
    for (bound, sign) in [(&filter.since, ">="), (&filter.until, "<")] {
        if let Some(bound) = bound {
            let bound = statement.bind(bound.as_str());
            conditions.push(format!("e.started_at {sign} {bound}::timestamptz"));
        }
    }
    if let Some(ids) = &filter.ids {
        let ids = statement.bind(ids.clone());
        conditions.push(format!("e.instance_id = ANY ({ids}::text[])"));
    }
    Some(format!(
        "SELECT e.instance_id, NULL::text AS orchestration_name, NULL::text AS \
         orchestration_version, max(e.execution_id) AS current_execution_id, \
         coalesce(min(e.started_at), 'epoch') AS created_at FROM {} e WHERE {} GROUP BY e.instance_id",
        schema.table("executions"),
        all_of(&conditions)
    ))
}

/// One page, latest first; one row more than `limit` where there are more. `limit` 0 gives all.
pub(crate) async fn page(
    session: &Session,
    schema: &Schema,
    filter: &Filter,
    limit: u64,
    after: Option<&Cursor>,
) -> Result<Vec<Row>> {
    let statement = page_statement(schema, filter, limit, after);
    let mut query = session.query(statement.sql);
    for bind in statement.binds {
        query = query.bind(bind);
    }
    query.fetch().await
}

fn page_statement(
    schema: &Schema,
    filter: &Filter,
    limit: u64,
    after: Option<&Cursor>,
) -> Statement {
    let mut statement = Statement { sql: String::new(), binds: Vec::new() };
    let conditions = conditions(filter, schema, &mut statement);
    let from = from(filter, schema);
    let queued = queued(filter, schema, &mut statement);
    let alone = alone(filter, schema, &mut statement);
    let columns = "i.instance_id, i.orchestration_name, i.orchestration_version, \
                   i.current_execution_id, i.created_at";
    let begun = format!("SELECT {columns} FROM {from} WHERE {}", all_of(&conditions));
    let cut = match limit {
        0 => String::new(),
        _ => format!(" LIMIT {}", limit.saturating_add(1)),
    };
    let order = "ORDER BY created_at DESC, instance_id";
    let keyset = match after {
        None => String::new(),
        Some(cursor) => {
            let (at, id) =
                (statement.bind(cursor.created_at.as_str()), statement.bind(cursor.id.as_str()));
            format!(" WHERE (created_at, {id}::text) < ({at}::timestamptz, instance_id)")
        }
    };
    let parts: Vec<String> = std::iter::once(begun.clone())
        .chain(queued.clone())
        .chain(alone.clone())
        .map(|part| format!("(SELECT * FROM ({part}) AS part{keyset} {order}{cut})"))
        .collect();
    let total = if limit == 0 {
        "NULL::bigint".to_owned()
    } else {
        let counts = std::iter::once(begun)
            .chain(queued)
            .chain(alone)
            .map(|part| format!("(SELECT count(*) FROM ({part}) AS counted)"));
        counts.collect::<Vec<_>>().join(" + ")
    };
    let cms = if schema.has("cms") {
        format!(
            "LEFT JOIN LATERAL (SELECT c.user_name, c.k8s_name FROM {} c WHERE \
             split_part(p.instance_id, '::', 1) IN (c.create_orchestration_id, \
             c.delete_orchestration_id, c.instance_actor_orchestration_id) LIMIT 1) cms ON true",
            schema.cms_instances()
        )
    } else {
        "CROSS JOIN (SELECT NULL::text AS user_name, NULL::text AS k8s_name) cms".to_owned()
    };
    let cancel_requested = cancel_requested(schema);
    statement.sql = format!(
        "WITH page AS (SELECT * FROM ({}) AS parts {order}{cut}) \
         SELECT p.instance_id AS id, p.orchestration_name AS name, \
         p.orchestration_version AS version, p.current_execution_id AS execution_id, p.created_at, \
         {} AS status, coalesce(e.started_at, p.created_at) AS started_at, e.completed_at, e.output, \
         to_jsonb(i)->>'parent_instance_id' AS parent_id, cms.user_name AS cms_user_name, \
         cms.k8s_name AS cms_k8s_name, {cancel_requested} AS cancel_requested, {total} AS total \
         FROM page p LEFT JOIN {} i ON i.instance_id = p.instance_id \
         LEFT JOIN {} e ON e.instance_id = p.instance_id AND e.execution_id = p.current_execution_id \
         {cms} ORDER BY p.created_at DESC, p.instance_id",
        parts.join(" UNION ALL "),
        status(schema),
        schema.table("instances"),
        schema.table("executions"),
    );
    statement
}

/// Asked to stop, and no terminal record yet.
fn cancel_requested(schema: &Schema) -> String {
    let mut places = Vec::new();
    if schema.has("history") {
        places.push(format!(
            "coalesce((SELECT true FROM {} h WHERE h.instance_id = e.instance_id \
             AND h.execution_id = e.execution_id \
             AND h.event_data LIKE '%\"OrchestrationCancelRequested\"%' LIMIT 1), false)",
            schema.table("history")
        ));
    }
    if schema.has("orchestrator_queue") {
        places.push(format!(
            "EXISTS (SELECT FROM {} c WHERE c.instance_id = p.instance_id AND c.work_item ~ '^[[:space:]]*[{{][[:space:]]*\"CancelInstance\"')",
            schema.table("orchestrator_queue")
        ));
    }
    if places.is_empty() {
        return "false".to_owned();
    }
    format!("(coalesce(e.status, 'Running') = 'Running' AND ({}))", places.join(" OR "))
}

/// What to count by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupBy {
    Type,
    Status,
    Error,
    Nothing,
}

/// One group and how many it has.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Group {
    pub(crate) key: Option<String>,
    pub(crate) count: i64,
}

/// Counts, largest first.
pub(crate) async fn groups(
    session: &Session,
    schema: &Schema,
    filter: &Filter,
    by: GroupBy,
) -> Result<Vec<Group>> {
    let mut statement = Statement { sql: String::new(), binds: Vec::new() };
    let conditions = conditions(filter, schema, &mut statement);
    let (key, queued_key) = match by {
        GroupBy::Type => (
            "regexp_replace(i.orchestration_name, '^.*::', '')".to_owned(),
            "regexp_replace(orchestration_name, '^.*::', '')",
        ),
        GroupBy::Status => (status(schema), "'pending'"),
        // Errors that differ in their numbers only are one.
        GroupBy::Error => (
            "CASE WHEN e.status = 'Failed' THEN left(regexp_replace(e.output, '[0-9a-f]{8,}|[0-9]+', '#', 'g'), 200) END".to_owned(),
            "NULL::text",
        ),
        GroupBy::Nothing => ("NULL::text".to_owned(), "NULL::text"),
    };
    let queued = queued(filter, schema, &mut statement)
        .map(|part| {
            format!(" UNION ALL SELECT {queued_key}, count(*) FROM ({part}) AS waiting GROUP BY 1")
        })
        .unwrap_or_default();
    let alone_key = if by == GroupBy::Status { "'running'" } else { "NULL::text" };
    let alone = alone(filter, schema, &mut statement)
        .map(|part| {
            format!(" UNION ALL SELECT {alone_key}, count(*) FROM ({part}) AS alone GROUP BY 1")
        })
        .unwrap_or_default();
    let only = if by == GroupBy::Error { " WHERE key IS NOT NULL" } else { "" };
    statement.sql = format!(
        "SELECT key, sum(count)::bigint AS count FROM (SELECT {key} AS key, count(*) AS count \
         FROM {} i LEFT JOIN {} e ON e.instance_id = i.instance_id \
         AND e.execution_id = i.current_execution_id WHERE {} GROUP BY 1{queued}{alone}) AS counted{only} \
         GROUP BY key HAVING sum(count) > 0 ORDER BY 2 DESC, 1",
        schema.table("instances"),
        schema.table("executions"),
        all_of(&conditions),
    );
    let mut query = session.query(statement.sql);
    for bind in statement.binds {
        query = query.bind(bind);
    }
    query.fetch().await
}

/// Where a page ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor {
    created_at: String,
    id: String,
}

impl Cursor {
    /// Behind this row.
    pub(crate) fn after(row: &Row) -> Self {
        Self { created_at: row.created_at.clone(), id: row.id.clone() }
    }

    /// As it is typed: time and id.
    pub(crate) fn text(&self) -> String {
        format!("{},{}", self.created_at, self.id)
    }

    /// Reads what was typed.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let parts = text.split_once(',').filter(|(at, _)| toygres_model::time::parse(at).is_some());
        let (created_at, id) = parts.ok_or_else(|| {
            Error::usage(format!("`{text}` is no cursor"))
                .hint("take it from the note below a list that has more")
        })?;
        Ok(Self { created_at: created_at.to_owned(), id: id.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::Cursor;

    #[test]
    fn a_cursor_comes_back() {
        let text = "2024-11-17T12:00:00.123456Z,create-a,b";
        assert_eq!(Cursor::parse(text).unwrap().text(), text);
        for wrong in ["", "x", "x,y", "2024-11-17T12:00:00Z"] {
            assert!(Cursor::parse(wrong).is_err(), "{wrong}");
        }
    }
}
