//! `db-status`.

use crate::status::facts::{
    Connection, Disk, Extension, Facts, Performance, Pool, SchemaFacts, TableFacts, Transaction,
};
use crate::status::{sql, view};
use serde::Deserialize;
use std::time::Instant;
use toygres_plugin_api::context::Session;
use toygres_plugin_api::protocol::DbTarget;
use toygres_plugin_api::{Args, Context, Report, Result};

/// Check the metadata database's health and statistics.
///
/// Row counts of small tables are exact, those of large ones PostgreSQL's estimates; each figure
/// says which.
#[derive(Args)]
#[command(category = "Database", watchable, detail = Facts)]
pub(crate) struct DbStatus {
    /// Show indexes, dead rows, vacuum, long transactions and extensions
    #[arg(long, short)]
    verbose: bool,
}

/// The answer of [`sql::SERVER`].
#[derive(Debug, Deserialize)]
struct Server {
    database: String,
    user_name: String,
    server_version: String,
    server_max_connections: i64,
    database_bytes: i64,
    in_recovery: bool,
    uptime_ms: i64,
    connections: i64,
    pool_active: i64,
    pool_idle: i64,
    slow_now: i64,
    sees_all_activity: bool,
    has_statements: bool,
}

/// One row of [`sql::TABLES`].
#[derive(Debug, Deserialize)]
struct Table {
    schema: String,
    name: String,
    estimate: Option<i64>,
    size_bytes: i64,
    index_bytes: i64,
    dead_rows: Option<i64>,
    vacuumed_at: Option<String>,
    analyzed_at: Option<String>,
    readable: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Statements {
    mean_ms: Option<f64>,
    slow: i64,
}

/// A table up to this size is counted: that takes a few milliseconds.
const COUNTED_BYTES: i64 = 8 * 1024 * 1024;

pub(crate) async fn db_status(ctx: &Context, args: DbStatus) -> Result<Report> {
    let target = ctx.db().target().await?;
    let schemas = schema_names(ctx).await?;
    let session = ctx.db().snapshot().await?;
    let probed = Instant::now();
    let _one: Vec<serde_json::Value> = session.query("SELECT 1").fetch().await?;
    let probe_ms = probed.elapsed().as_secs_f64() * 1000.0;
    let server: Server = session.query(sql::SERVER).fetch_one().await?;
    let found: Vec<SchemaFacts> =
        session.query(sql::SCHEMAS).bind(schemas.clone()).fetch().await?;
    let tables: Vec<Table> = session.query(sql::TABLES).bind(schemas.clone()).fetch().await?;
    let tables = counted(&session, tables).await?;
    let (long_transactions, extensions) = if args.verbose {
        let transactions: Vec<Transaction> = session.query(sql::TRANSACTIONS).fetch().await?;
        let extensions: Vec<Extension> = session.query(sql::EXTENSIONS).fetch().await?;
        (Some(transactions), Some(extensions))
    } else {
        (None, None)
    };
    // The settings' folder is asked for last: without the right to it the session is over.
    let disk = disk(&session, &target, server.database_bytes).await;
    // A statement that was refused has ended the transaction; either way nothing is kept.
    let _over = session.rollback().await;
    let performance = performance(ctx, &server, probe_ms).await;
    let facts = Facts {
        connection: Connection {
            connected: true,
            host: target.host.clone(),
            port: target.port,
            database: server.database.clone(),
            user: server.user_name.clone(),
            server_version: server.server_version.clone(),
            in_recovery: server.in_recovery,
            uptime_ms: server.uptime_ms,
        },
        schemas: found,
        tables,
        pool: pool(&server, &target),
        performance,
        disk,
        long_transactions,
        extensions,
    };
    view::report(&facts, &schemas[0])
}

async fn schema_names(ctx: &Context) -> Result<Vec<String>> {
    let config = ctx.config();
    let cms = config.get("database.cms_schema").await?;
    let duroxide = config.get("database.duroxide_schema").await?;
    Ok(vec![
        cms.unwrap_or_else(|| "toygres_cms".to_owned()),
        duroxide.unwrap_or_else(|| "toygres_duroxide".to_owned()),
    ])
}

/// Counts the small tables; a table that cannot be read is told as such.
async fn counted(session: &Session, tables: Vec<Table>) -> Result<Vec<TableFacts>> {
    #[derive(Deserialize)]
    struct Count {
        rows: i64,
    }
    let mut facts = Vec::new();
    for table in tables {
        let (rows, source) = if table.readable != Some(true) {
            (table.estimate, "forbidden")
        } else if table.size_bytes <= COUNTED_BYTES {
            let count: Count =
                session.query(sql::count(&table.schema, &table.name)).fetch_one().await?;
            (Some(count.rows), "counted")
        } else if table.estimate.is_some() {
            (table.estimate, "estimate")
        } else {
            (None, "never_analyzed")
        };
        facts.push(TableFacts {
            schema: table.schema,
            name: table.name,
            rows,
            rows_source: source.to_owned(),
            size_bytes: table.size_bytes,
            index_bytes: table.index_bytes,
            dead_rows: table.dead_rows,
            vacuumed_at: table.vacuumed_at,
            analyzed_at: table.analyzed_at,
        });
    }
    Ok(facts)
}

fn pool(server: &Server, target: &DbTarget) -> Pool {
    Pool {
        max_connections: target.max_connections,
        active: server.pool_active,
        idle: server.pool_idle,
        server_connections: server.connections,
        server_max_connections: server.server_max_connections,
        reason: (!server.sees_all_activity).then(|| {
            "connections of other roles are not seen; GRANT pg_read_all_stats shows them".to_owned()
        }),
    }
}

async fn performance(ctx: &Context, server: &Server, probe_ms: f64) -> Performance {
    if server.has_statements {
        let seen = ctx.db().query(sql::STATEMENTS).fetch_one::<Statements>().await;
        // Installed in another schema or not preloaded: the probe is as good as there is.
        if let Ok(seen) = seen {
            return Performance {
                avg_query_ms: seen.mean_ms,
                avg_query_source: "pg_stat_statements".to_owned(),
                slow_queries: seen.slow,
                slow_queries_source: "pg_stat_statements".to_owned(),
            };
        }
    }
    Performance {
        avg_query_ms: Some((probe_ms * 100.0).round() / 100.0),
        avg_query_source: "probe".to_owned(),
        slow_queries: server.slow_now,
        slow_queries_source: "pg_stat_activity".to_owned(),
    }
}

/// Free disk cannot be asked for over SQL; where the server is on this machine and tells its
/// folder, the file system is asked.
async fn disk(session: &Session, target: &DbTarget, total_bytes: i64) -> Disk {
    let unknown = |reason: &str| Disk {
        total_bytes,
        available_bytes: None,
        available_reason: Some(reason.to_owned()),
    };
    let local = target.host.starts_with('/')
        || matches!(target.host.as_str(), "localhost" | "127.0.0.1" | "::1");
    if !local {
        return unknown("the server is on another machine, and PostgreSQL cannot be asked");
    }
    #[derive(Deserialize)]
    struct Folder {
        folder: String,
    }
    let asked = session.query("SELECT current_setting('data_directory') AS folder").fetch_one();
    let Ok(Folder { folder }) = asked.await else {
        return unknown("this role may not ask where the data lie (pg_read_all_settings)");
    };
    match rustix::fs::statvfs(folder.as_str()) {
        Ok(found) => Disk {
            total_bytes,
            available_bytes: i64::try_from(found.f_bavail.saturating_mul(found.f_frsize)).ok(),
            available_reason: None,
        },
        Err(_) => unknown("the server's data folder cannot be seen from here"),
    }
}
