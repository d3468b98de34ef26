//! `toygres server my-plugin`: the tables of the metadata database by size.

use serde::{Deserialize, Serialize};
use toygres_plugin_api::report::{Column, Kind};
use toygres_plugin_api::{Args, Candidate, Context, Report, Result, Schema, plugin};

/// List the tables of the metadata database by size.
///
/// A size counts a table's indexes and its large values too. The number of rows is PostgreSQL's
/// own estimate, and unknown where a table was never analyzed.
#[derive(Args)]
#[command(
    name = "my-plugin",
    watchable,
    rows = Table,
    examples = ["toygres server my-plugin --schema public"]
)]
struct Tables {
    /// Only tables whose name contains this
    #[arg(positional, value_name = "TEXT")]
    name: Option<String>,
    /// Only tables of this schema
    #[arg(long, complete = schemas)]
    schema: Option<String>,
    /// At most this many
    #[arg(long, default = "20")]
    most: u32,
}

/// One table: a row of the answer.
#[derive(Serialize, Deserialize, Schema)]
struct Table {
    schema: String,
    table: String,
    size_bytes: i64,
    rows_estimated: Option<i64>,
}

const TABLES: &str = r#"
SELECT n.nspname AS schema, c.relname AS "table",
       pg_total_relation_size(c.oid) AS size_bytes,
       CASE WHEN c.reltuples >= 0 THEN c.reltuples::bigint END AS rows_estimated
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm', 'p') AND n.nspname !~ '^(pg_|information_schema$)'
  AND ($1::text IS NULL OR position($1 IN c.relname) > 0)
  AND ($2::text IS NULL OR n.nspname = $2)
ORDER BY size_bytes DESC, schema, "table"
LIMIT $3::bigint
"#;

async fn tables(ctx: &Context, args: Tables) -> Result<Report> {
    let query = ctx.db().query(TABLES);
    let query = query.bind(args.name).bind(args.schema).bind(args.most);
    let rows: Vec<Table> = query.fetch().await?;
    Ok(Report::list(rows).empty("No table fits").columns([
        Column::new("schema", "SCHEMA"),
        Column::new("table", "TABLE"),
        Column::new("size_bytes", "SIZE").kind(Kind::Bytes),
        Column::new("rows_estimated", "ROWS (EST.)").kind(Kind::Number),
    ]))
}

/// What a shell offers for `--schema`.
async fn schemas(ctx: &Context, begun: &str) -> Result<Vec<Candidate>> {
    #[derive(Deserialize)]
    struct Schema {
        name: String,
    }
    let sql = "SELECT nspname AS name FROM pg_namespace \
               WHERE nspname !~ '^(pg_|information_schema$)' AND starts_with(nspname, $1) \
               ORDER BY nspname";
    let found: Vec<Schema> = ctx.db().query(sql).bind(begun).fetch().await?;
    let offer = |schema: Schema| Candidate::new(schema.name, "");
    Ok(found.into_iter().map(offer).collect())
}

plugin! {
    name: "my-plugin",
    description: "The tables of the metadata database by size",
    needs: ["db"],
    commands: [ Tables => tables ],
}
