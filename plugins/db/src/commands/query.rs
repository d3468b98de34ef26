//! `db-query`.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toygres_plugin_api::{Args, Bind, Context, Error, Report, Result};

/// Run a read-only SQL statement on the metadata database.
///
/// PostgreSQL itself holds the statement read-only: it runs in a read-only transaction that is
/// always rolled back, and exactly one statement is taken. Secrets in the rows are masked.
#[derive(Args)]
#[command(
    category = "Database",
    list,
    examples = [
        "toygres server db-query \"SELECT user_name, state FROM toygres_cms.instances\"",
        "toygres server db-query -f queries/health-summary.sql -o csv --limit 0",
        "toygres server db-query 'SELECT * FROM toygres_cms.instances WHERE user_name = $1' --param proddb"
    ]
)]
pub(crate) struct DbQuery {
    /// The statement
    #[arg(positional, value_name = "SQL", conflicts = ["file"])]
    sql: Option<String>,
    /// Read the statement from a file, or from standard input with `-`
    #[arg(long, short = 'f', value_name = "FILE")]
    file: Option<PathBuf>,
    /// The value of the next of `$1`, `$2`, … (may be repeated); never part of the statement's text
    #[arg(long, value_name = "VALUE")]
    param: Vec<String>,
    /// Show at most this many rows; 0 shows all
    #[arg(long, short = 'l', value_name = "N", default = "20")]
    limit: u64,
    /// End the statement on the server after this long
    #[arg(long, value_name = "DURATION", default = "30s")]
    timeout: Duration,
}

/// Statements are typed or kept in files; a larger one is a mistake.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

pub(crate) async fn db_query(ctx: &Context, args: DbQuery) -> Result<Report> {
    let sql = statement(&args)?;
    if sql.trim().is_empty() {
        return Err(Error::usage("the statement is empty").hint("give one such as `SELECT 1`"));
    }
    let mut query = ctx.db().query(sql).untrusted().timeout(args.timeout);
    for value in args.param {
        query = query.bind(Bind::from(value));
    }
    let mut rows = query.stream().await?.into_ref();
    rows.limit = (args.limit > 0).then_some(args.limit);
    Ok(Report::stream(rows).heading("Query Results"))
}

fn statement(args: &DbQuery) -> Result<String> {
    match (&args.sql, &args.file) {
        (Some(sql), None) => Ok(sql.clone()),
        (None, Some(file)) => read(file),
        _ => Err(Error::usage("give a statement, or a file with `--file`")
            .hint("toygres server db-query \"SELECT user_name, state FROM toygres_cms.instances\"")),
    }
}

fn read(file: &Path) -> Result<String> {
    let named = |what: &str| format!("`{}` {what}", file.display());
    let unreadable = |error: std::io::Error| Error::usage(named("cannot be read")).cause(error);
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        std::io::stdin().take(MOST_BYTES + 1).read_to_end(&mut bytes)
    } else {
        let opened = std::fs::File::open(file).map_err(unreadable)?;
        opened.take(MOST_BYTES + 1).read_to_end(&mut bytes)
    };
    read.map_err(unreadable)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(Error::usage(named("is larger than 16 MiB")).hint("give one statement"));
    }
    String::from_utf8(bytes).map_err(|_| Error::usage(named("is not UTF-8")))
}
