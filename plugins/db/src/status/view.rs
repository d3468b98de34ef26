//! `db-status` as people read it.

use super::facts::{Disk, Facts, TableFacts};
use serde_json::json;
use toygres_plugin_api::report::{Block, Column, Field, Kind, Rows, Step, Table, Tone};
use toygres_plugin_api::{Report, Result};

/// The whole report; `cms` is the schema whose tables are listed first.
pub(crate) fn report(facts: &Facts, cms: &str) -> Result<Report> {
    let report = Report::data(facts)?.verdict(facts.verdict());
    let mut report = report.block(connection(facts)).block(schemas(facts));
    let mut names: Vec<&str> = facts.tables.iter().map(|table| table.schema.as_str()).collect();
    names.dedup();
    names.retain(|name| facts.long_transactions.is_some() || *name == cms);
    for name in names {
        report = report.block(tables(facts, name));
    }
    report = report.block(pool(facts)).block(performance(facts)).block(disk(&facts.disk));
    if facts.long_transactions.is_some() {
        let more = [transactions(), standbys(), migrations(), extensions()];
        report = more.into_iter().fold(report, Report::block);
    }
    for schema in facts.schemas.iter().filter(|schema| !schema.present) {
        report =
            report.warning(format!("the schema `{}` does not exist in this database", schema.name));
    }
    for warning in [facts.full(), facts.forbidden()].into_iter().flatten() {
        report = report.warning(warning);
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
    Block::section(
        "Connection",
        [Block::remark(Tone::Good, "Connected"), Block::fields(fields).at_column(12)],
    )
}

fn schemas(facts: &Facts) -> Block {
    let steps = facts.schemas.iter().map(|schema| Step {
        tone: if schema.present { Tone::Good } else { Tone::Bad },
        label: schema.name.clone(),
        detail: Some(if schema.present {
            let plural = if schema.tables == 1 { "" } else { "s" };
            format!("({} table{plural}, {})", schema.tables, size(schema.size_bytes))
        } else {
            "missing".to_owned()
        }),
        lines: Vec::new(),
    });
    Block::section("Schemas", [Block::steps(steps)])
}

/// As the terminal shows sizes elsewhere.
fn size(bytes: i64) -> String {
    if bytes < 10_240 {
        return format!("{bytes} bytes");
    }
    let mut amount = bytes as f64 / 1024.0;
    for unit in ["kB", "MB", "GB"] {
        if amount < 1024.0 {
            return format!("{amount:.0} {unit}");
        }
        amount /= 1024.0;
    }
    format!("{amount:.0} TB")
}

fn tables(facts: &Facts, schema: &str) -> Block {
    let tables: Vec<&TableFacts> =
        facts.tables.iter().filter(|table| table.schema == schema).collect();
    let table =
        if facts.long_transactions.is_some() { every_figure(&tables) } else { short(&tables) };
    Block::section(format!("Tables ({schema})"), [Block::Table(table)])
}

/// `instances   15 rows   (5 MB)`, without titles.
fn short(tables: &[&TableFacts]) -> Table {
    let counts: Vec<String> = tables.iter().map(|table| rows(table)).collect();
    let sizes: Vec<String> =
        tables.iter().map(|table| format!("({})", size(table.size_bytes))).collect();
    let (widest_count, widest_size) = (widest(&counts), widest(&sizes));
    let lines = tables.iter().zip(counts).zip(sizes).map(|((table, rows), size)| {
        json!({
            "name": table.name,
            "rows": format!("{rows:>widest_count$}"),
            "size": format!("{size:>widest_size$}"),
            "about": about(table),
        })
    });
    let columns = ["name", "rows", "size", "about"].map(|key| Column::new(key, ""));
    Table { columns: columns.into(), rows: Rows::Inline(lines.collect()), empty: None }
}

fn every_figure(tables: &[&TableFacts]) -> Table {
    let lines = tables.iter().map(|table| {
        let mut line = json!(table);
        line["about"] = json!(about(table));
        line
    });
    let mut columns = vec![
        Column::new("name", "TABLE"),
        Column::new("rows", "ROWS").kind(Kind::Number),
        Column::new("size_bytes", "SIZE").kind(Kind::Bytes),
        Column::new("index_bytes", "INDEXES").kind(Kind::Bytes),
        Column::new("dead_rows", "DEAD ROWS").kind(Kind::Number),
        Column::new("vacuumed_at", "VACUUMED").kind(Kind::Ago),
        Column::new("analyzed_at", "ANALYZED").kind(Kind::Ago),
    ];
    // Counted rows are what one expects.
    if tables.iter().any(|table| !about(table).is_empty()) {
        columns.push(Column::new("about", "ROWS ARE"));
    }
    Table { columns, rows: Rows::Inline(lines.collect()), empty: None }
}

fn rows(table: &TableFacts) -> String {
    match table.rows {
        None => "? rows".to_owned(),
        Some(1) => "1 row ".to_owned(),
        Some(rows) => format!("{} rows", thousands(rows)),
    }
}

/// Where the number of rows comes from, where it was not counted.
fn about(table: &TableFacts) -> &'static str {
    match table.rows_source.as_str() {
        "counted" => "",
        "estimate" => "estimated",
        "never_analyzed" => "unknown: never analyzed",
        _ if table.rows.is_none() => "unknown: no right to read it",
        _ => "estimated: no right to read it",
    }
}

fn widest(texts: &[String]) -> usize {
    texts.iter().map(|text| text.len()).max().unwrap_or(0)
}

/// `2,880`.
fn thousands(number: i64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap_or_default())
        .collect();
    groups.join(",")
}

fn pool(facts: &Facts) -> Block {
    let pool = &facts.pool;
    let own = "this command's pool";
    let everyone = "sessions of every toygres process".to_owned();
    let of_all = match &pool.reason {
        Some(reason) => format!("{everyone}; {reason}"),
        None => everyone,
    };
    Block::section(
        "Connection Pool",
        [values([
            Field::new("Max Connections", i64::from(pool.max_connections)).remark(own),
            Field::new("Active", pool.own_active).remark(own),
            Field::new("Idle", pool.own_idle).remark(format!("{own}, not in use")),
            Field::new("All Toygres", format!("{} active, {} idle", pool.active, pool.idle))
                .remark(of_all),
            Field::new(
                "Server",
                format!("{} of {}", pool.server_connections, pool.server_max_connections),
            )
            .remark("sessions of everyone"),
        ])],
    )
}

fn values(fields: impl IntoIterator<Item = Field>) -> Block {
    Block::fields(fields).at_column(21)
}

fn performance(facts: &Facts) -> Block {
    let performance = &facts.performance;
    let average = match (performance.avg_query_source.as_str(), &performance.avg_query_reason) {
        ("probe", reason) => {
            format!("measured now: {}", reason.as_deref().unwrap_or("no other source"))
        }
        (source, None) => format!("source: {source}"),
        (_, Some(reason)) => reason.clone(),
    };
    let slow = match performance.slow_queries_source.as_str() {
        "pg_stat_activity" => "> 1s, running now".to_owned(),
        source => format!("> 1s on average; source: {source}"),
    };
    let slow = match &performance.slow_queries_reason {
        Some(reason) => format!("{slow}; {reason}"),
        None => slow,
    };
    Block::section(
        "Performance",
        [values([
            Field::new("Avg Query Time", json!(performance.avg_query_ms))
                .kind(Kind::Duration)
                .remark(average),
            Field::new("Slow Queries", performance.slow_queries).remark(slow),
        ])],
    )
}

fn disk(disk: &Disk) -> Block {
    let mut available = Field::new("Available", json!(disk.available_bytes)).kind(Kind::Bytes);
    if let Some(reason) = &disk.available_reason {
        available = available.remark(reason.as_str());
    }
    let tone = match disk.room.as_deref() {
        Some("full") => Some((Tone::Bad, "The disk is full: nothing can be written".to_owned())),
        Some("low") => {
            let [left, capacity] = [disk.available_bytes, disk.capacity_bytes]
                .map(|bytes| size(bytes.unwrap_or_default()));
            Some((Tone::Warn, format!("Only {left} of {capacity} are left")))
        }
        _ => None,
    };
    let total = Field::new("Total", disk.total_bytes).kind(Kind::Bytes);
    let mut blocks = Vec::new();
    if let Some((tone, text)) = tone {
        available = available.tone(tone);
        blocks.push(Block::remark(tone, text));
    }
    blocks.push(values([total, available]));
    Block::section("Disk Usage", blocks)
}

fn transactions() -> Block {
    let columns = vec![
        Column::new("pid", "PID"),
        Column::new("user_name", "USER"),
        Column::new("application_name", "APPLICATION"),
        Column::new("state", "STATE"),
        Column::new("age_ms", "AGE").kind(Kind::Duration),
        Column::new("statement", "STATEMENT").shrink(),
    ];
    listed("Long Transactions", "/long_transactions", columns, "None is older than a minute")
}

fn standbys() -> Block {
    let columns = vec![
        Column::new("application_name", "STANDBY"),
        Column::new("address", "ADDRESS"),
        Column::new("state", "STATE"),
        Column::new("sync_state", "SYNC"),
        Column::new("lag_ms", "LAG").kind(Kind::Duration),
    ];
    listed("Replication", "/standbys", columns, "No standby streams from this server")
}

fn migrations() -> Block {
    let columns = vec![
        Column::new("schema", "SCHEMA"),
        Column::new("latest", "NEWEST HERE").kind(Kind::Number),
        Column::new("known", "NEWEST OF THIS RELEASE").kind(Kind::Number),
        Column::new("applied", "RECORDED").kind(Kind::Number),
    ];
    listed("Migrations", "/migrations", columns, "No table records them")
}

fn extensions() -> Block {
    let columns = vec![Column::new("name", "EXTENSION"), Column::new("version", "VERSION")];
    listed("Extensions", "/extensions", columns, "None")
}

/// A section with a table of rows of the data.
fn listed(title: &str, pointer: &str, columns: Vec<Column>, empty: &str) -> Block {
    let rows = Rows::At(pointer.to_owned());
    Block::section(title, [Block::Table(Table { columns, rows, empty: Some(empty.to_owned()) })])
}

#[cfg(test)]
mod tests {
    use super::{Disk, disk, size, thousands};
    use serde_json::json;
    use toygres_plugin_api::report::Tone;

    fn of(available_bytes: Option<i64>, room: Option<&str>) -> Disk {
        Disk {
            total_bytes: 1,
            available_bytes,
            capacity_bytes: available_bytes.map(|_| 1_000_000_000),
            room: room.map(str::to_owned),
            available_reason: None,
        }
    }

    #[test]
    fn a_disk_without_room_is_marked() {
        let toned = |disk_facts: Disk| json!(disk(&disk_facts)).to_string();
        let full = toned(of(Some(0), Some("full")));
        assert!(full.contains("The disk is full") && full.contains(&tone(Tone::Bad)), "{full}");
        let low = toned(of(Some(9_000_000), Some("low")));
        assert!(
            low.contains("Only 9 MB of 954 MB are left") && low.contains(&tone(Tone::Warn)),
            "{low}"
        );
        for fine in [of(Some(900_000_000), Some("enough")), of(None, None)] {
            let fine = toned(fine);
            assert!(!fine.contains(&tone(Tone::Bad)) && !fine.contains(&tone(Tone::Warn)));
        }
    }

    /// As a block tells it.
    fn tone(tone: Tone) -> String {
        json!(tone).to_string()
    }

    #[test]
    fn amounts_are_read_at_a_glance() {
        let shown: Vec<String> = [0, 15, 2880, 1_234_567].map(thousands).into();
        assert_eq!(shown, ["0", "15", "2,880", "1,234,567"]);
        let shown: Vec<String> = [0, 9000, 188_743_680, 2_000_000_000_000_000].map(size).into();
        assert_eq!(shown, ["0 bytes", "9000 bytes", "180 MB", "1819 TB"]);
    }
}
