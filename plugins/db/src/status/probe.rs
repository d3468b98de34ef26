//! Asking the server: few statements, in one moment, because each takes several round trips.

use super::facts::{
    Connection, Extension, Facts, Migrations, Pool, SchemaFacts, Standby, TableFacts, Transaction,
};
use super::{disk, performance, sql};
use serde::Deserialize;
use toygres_model::releases::{CMS_SCHEMA, DUROXIDE_SCHEMA};
use toygres_plugin_api::context::Session;
use toygres_plugin_api::protocol::DbTarget;
use toygres_plugin_api::{Context, Result};

/// The answer of [`sql::SERVER`].
#[derive(Debug, Deserialize)]
pub(super) struct Server {
    database: String,
    user_name: String,
    server_version: String,
    server_max_connections: i64,
    pub(super) database_bytes: i64,
    in_recovery: bool,
    uptime_ms: i64,
    server_connections: i64,
    pool_active: i64,
    pool_idle: i64,
    pub(super) slow_now: i64,
    pub(super) sees_all_activity: bool,
    pub(super) data_directory: Option<String>,
    pub(super) backend_pid: i64,
    pub(super) statements_schema: Option<String>,
    schemas: Option<Vec<String>>,
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
    is_migrations: bool,
}

impl Table {
    fn place(&self) -> (&str, &str) {
        (&self.schema, &self.name)
    }

    /// Counting takes no more than a few milliseconds.
    fn is_counted(&self) -> bool {
        self.readable == Some(true) && self.size_bytes <= COUNTED_BYTES
    }
}

const COUNTED_BYTES: i64 = 8 * 1024 * 1024;

/// What only `--verbose` asks for.
#[derive(Default)]
struct More {
    transactions: Option<Vec<Transaction>>,
    extensions: Option<Vec<Extension>>,
    migrations: Option<Vec<Migrations>>,
    standbys: Option<Vec<Standby>>,
}

/// Everything, about these schemas.
pub(crate) async fn facts(
    ctx: &Context,
    [cms, duroxide]: [&str; 2],
    verbose: bool,
) -> Result<Facts> {
    let schemas: &[String] = &[cms.to_owned(), duroxide.to_owned()];
    let session = ctx.db().snapshot().await?;
    // Of several servers the one that answered.
    let target = ctx.db().target().await?;
    let server: Server = session.query(sql::SERVER).bind(schemas).fetch_one().await?;
    let tables: Vec<Table> = session.query(sql::TABLES).bind(schemas).fetch().await?;
    let mut more = if verbose { more(&session, &tables).await? } else { More::default() };
    for migrations in more.migrations.iter_mut().flatten() {
        migrations.known = match migrations.schema.as_str() {
            schema if schema == cms => Some(CMS_SCHEMA),
            schema if schema == duroxide => Some(DUROXIDE_SCHEMA),
            _ => None,
        };
    }
    let disk = disk::disk(&server, &target);
    // Last, because a table that is locked or was dropped meanwhile ends the transaction.
    let counts = counts(&session, &tables).await;
    // Nothing was written; the connection serves what follows.
    let _over = session.rollback().await;
    let performance = performance::performance(ctx, &server).await?;
    Ok(Facts {
        schemas: schemas.iter().map(|name| schema(name, &server, &tables)).collect(),
        connection: connection(&server, &target),
        pool: pool(&server, &target),
        tables: with_rows(tables, counts),
        performance,
        disk,
        long_transactions: more.transactions,
        extensions: more.extensions,
        migrations: more.migrations,
        standbys: more.standbys,
    })
}

async fn more(session: &Session, tables: &[Table]) -> Result<More> {
    let recorded =
        tables.iter().filter(|table| table.is_migrations && table.readable == Some(true));
    let migrations = match sql::migrations(recorded.map(Table::place)) {
        Some(statement) => session.query(statement).fetch().await?,
        None => Vec::new(),
    };
    Ok(More {
        transactions: Some(session.query(sql::TRANSACTIONS).fetch().await?),
        extensions: Some(session.query(sql::EXTENSIONS).fetch().await?),
        migrations: Some(migrations),
        standbys: Some(session.query(sql::STANDBYS).fetch().await?),
    })
}

/// The rows of each table that is counted, in order; none where one of them could not be.
async fn counts(session: &Session, tables: &[Table]) -> Vec<i64> {
    #[derive(Deserialize)]
    struct Counts {
        counts: Vec<i64>,
    }
    let counted = tables.iter().filter(|table| table.is_counted());
    let asked = session.query(sql::counts(counted.map(Table::place))).fetch_one::<Counts>().await;
    asked.map(|found| found.counts).unwrap_or_default()
}

/// Puts the counts to their tables; the others have the planner's estimate.
fn with_rows(tables: Vec<Table>, counts: Vec<i64>) -> Vec<TableFacts> {
    let mut counts = counts.into_iter();
    let facts = tables.into_iter().map(|table| {
        let count = if table.is_counted() { counts.next() } else { None };
        let source = match (count, table.estimate) {
            (Some(_), _) => "counted",
            _ if table.readable != Some(true) => "forbidden",
            (None, Some(_)) => "estimate",
            (None, None) => "never_analyzed",
        };
        TableFacts {
            schema: table.schema,
            name: table.name,
            rows: count.or(table.estimate),
            rows_source: source.to_owned(),
            size_bytes: table.size_bytes,
            index_bytes: table.index_bytes,
            dead_rows: table.dead_rows,
            vacuumed_at: table.vacuumed_at,
            analyzed_at: table.analyzed_at,
        }
    });
    facts.collect()
}

fn schema(name: &str, server: &Server, tables: &[Table]) -> SchemaFacts {
    let own = || tables.iter().filter(|table| table.schema == name);
    SchemaFacts {
        name: name.to_owned(),
        present: server.schemas.iter().flatten().any(|present| present == name),
        tables: i64::try_from(own().count()).unwrap_or(i64::MAX),
        size_bytes: own().map(|table| table.size_bytes).sum(),
    }
}

fn connection(server: &Server, target: &DbTarget) -> Connection {
    Connection {
        connected: true,
        host: target.host.clone(),
        port: target.port,
        database: server.database.clone(),
        user: server.user_name.clone(),
        server_version: server.server_version.clone(),
        in_recovery: server.in_recovery,
        uptime_ms: server.uptime_ms,
    }
}

/// This command asks on one connection.
const OWN: i64 = 1;

fn pool(server: &Server, target: &DbTarget) -> Pool {
    Pool {
        max_connections: target.max_connections,
        own_active: OWN,
        own_idle: (i64::from(target.max_connections) - OWN).max(0),
        active: server.pool_active,
        idle: server.pool_idle,
        server_connections: server.server_connections,
        server_max_connections: server.server_max_connections,
        reason: (!server.sees_all_activity).then(|| {
            "connections of other roles are not seen; GRANT pg_read_all_stats shows them".to_owned()
        }),
    }
}
