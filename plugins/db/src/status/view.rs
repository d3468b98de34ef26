//! `db-status` as people read it.

use super::facts::Facts;
use serde_json::json;
use toygres_plugin_api::report::{Block, Column, Field, Kind, Step, Table, Rows, Tone};
use toygres_plugin_api::{Report, Result};

/// The whole report; `cms` is the schema whose tables are listed first.
pub(crate) fn report(facts: &Facts, cms: &str) -> Result<Report> {
    let mut report = Report::data(facts)?
        .block(connection(facts))
        .block(schemas(facts));
    let mut names: Vec<&str> = facts.tables.iter().map(|table| table.schema.as_str()).collect();
    names.dedup();
    names.retain(|name| facts.long_transactions.is_some() || *name == cms);
    for name in names {
        report = report.block(tables(facts, name));
    }
    report = report.block(pool(facts)).block(performance(facts)).block(disk(facts));
    if facts.long_transactions.is_some() {
        report = report.block(transactions()).block(extensions());
    }
    for schema in facts.schemas.iter().filter(|schema| !schema.present) {
        report = report.warning(format!("the schema `{}` does not exist in this database", schema.name));
    }
    Ok(report.heading("CMS Database Status"))
}

fn connection(facts: &Facts) -> Block {
    let connection = &facts.connection;
    let mut fields = vec![
        Field::new("Host", connection.host.as_str()),
        Field::new("Port", connection.port),
        Field::new("Database", connection.database.as_str()),
        Field::new("User", connection.user.as_str()),
        Field::new("Server", format!("PostgreSQL {}", connection.server_version)),
        Field::new("Uptime", connection.uptime_ms).kind(Kind::Duration),
    ];
    if connection.in_recovery {
        fields.push(Field::new("Role", "standby (read-only)").tone(Tone::Warn));
    }
    Block::section("Connection", [Block::remark(Tone::Good, "Connected"), Block::fields(fields)])
}

fn schemas(facts: &Facts) -> Block {
    let steps = facts.schemas.iter().map(|schema| Step {
        tone: if schema.present { Tone::Good } else { Tone::Bad },
        label: schema.name.clone(),
        detail: Some(if schema.present {
            format!("({} tables, {})", schema.tables, size(schema.size_bytes))
        } else {
            "missing".to_owned()
        }),
        lines: Vec::new(),
    });
    Block::section("Schemas", [Block::steps(steps)])
}

/// As the terminal shows sizes elsewhere.
fn size(bytes: i64) -> String {
    let mut amount = bytes;
    for unit in ["bytes", "kB", "MB", "GB"] {
        if amount < 10_240 {
            return format!("{amount} {unit}");
        }
        amount = (amount + 512) / 1024;
    }
    format!("{amount} TB")
}

fn tables(facts: &Facts, schema: &str) -> Block {
    let rows = facts.tables.iter().filter(|table| table.schema == schema).map(|table| {
        let mut row = json!(table);
        row["about"] = json!(match table.rows_source.as_str() {
            "counted" => "",
            "estimate" => "estimate",
            "never_analyzed" => "never analyzed",
            _ => "estimate; no right to count",
        });
        row
    });
    let verbose = facts.long_transactions.is_some();
    let mut columns = vec![
        Column::new("name", "TABLE"),
        Column::new("rows", "ROWS").kind(Kind::Number),
        Column::new("size_bytes", "SIZE").kind(Kind::Bytes),
    ];
    if verbose {
        columns.extend([
            Column::new("index_bytes", "INDEXES").kind(Kind::Bytes),
            Column::new("dead_rows", "DEAD ROWS").kind(Kind::Number),
            Column::new("vacuumed_at", "VACUUMED").kind(Kind::Ago),
            Column::new("analyzed_at", "ANALYZED").kind(Kind::Ago),
        ]);
    }
    columns.push(Column::new("about", ""));
    let table = Table { columns, rows: Rows::Inline(rows.collect()), empty: None };
    Block::section(format!("Tables ({schema})"), [Block::Table(table)])
}

fn pool(facts: &Facts) -> Block {
    let pool = &facts.pool;
    let mut active = Field::new("Active", pool.active);
    if let Some(reason) = &pool.reason {
        active = active.remark(reason.as_str());
    }
    Block::section(
        "Connection Pool",
        [Block::fields([
            Field::new("Max Connections", i64::from(pool.max_connections)),
            active,
            Field::new("Idle", pool.idle),
            Field::new(
                "Server",
                format!("{} of {}", pool.server_connections, pool.server_max_connections),
            ),
        ])],
    )
}

fn performance(facts: &Facts) -> Block {
    let performance = &facts.performance;
    let source = |name: &str| match name {
        "probe" => "measured now: pg_stat_statements is not installed".to_owned(),
        "pg_stat_activity" => "> 1s, running now".to_owned(),
        other => format!("> 1s on average; source: {other}"),
    };
    Block::section(
        "Performance",
        [Block::fields([
            Field::new("Avg Query Time", json!(performance.avg_query_ms))
                .kind(Kind::Duration)
                .remark(source(&performance.avg_query_source).replace("> 1s on average; ", "")),
            Field::new("Slow Queries", performance.slow_queries)
                .remark(source(&performance.slow_queries_source)),
        ])],
    )
}

fn disk(facts: &Facts) -> Block {
    let disk = &facts.disk;
    let mut available = Field::new("Available", json!(disk.available_bytes)).kind(Kind::Bytes);
    if let Some(reason) = &disk.available_reason {
        available = available.remark(reason.as_str());
    }
    let total = Field::new("Total", disk.total_bytes).kind(Kind::Bytes);
    Block::section("Disk Usage", [Block::fields([total, available])])
}

fn transactions() -> Block {
    let table = Table {
        columns: vec![
            Column::new("pid", "PID"),
            Column::new("user_name", "USER"),
            Column::new("application_name", "APPLICATION"),
            Column::new("state", "STATE"),
            Column::new("age_ms", "AGE").kind(Kind::Duration),
            Column::new("statement", "STATEMENT").shrink(),
        ],
        rows: Rows::At("/long_transactions".to_owned()),
        empty: Some("None is older than a minute".to_owned()),
    };
    Block::section("Long Transactions", [Block::Table(table)])
}

fn extensions() -> Block {
    let table = Table {
        columns: vec![Column::new("name", "EXTENSION"), Column::new("version", "VERSION")],
        rows: Rows::At("/extensions".to_owned()),
        empty: Some("None".to_owned()),
    };
    Block::section("Extensions", [Block::Table(table)])
}
