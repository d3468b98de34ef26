//! `db-query`.

use std::path::PathBuf;
use std::time::Duration;
use toygres_plugin_api::report::StreamColumn;
use toygres_plugin_api::{Args, Bind, Context, Error, Report, Result, text_file};

/// Run a read-only SQL statement on the metadata database.
///
/// PostgreSQL itself holds the statement read-only: it runs in a read-only transaction that is
/// always rolled back, and exactly one statement is taken. Secrets in the rows are masked.
///
/// What PostgreSQL cannot hold back are functions with effects outside any transaction, such as
/// ending another session: give toygres a role that may not call them.
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
    /// The value of the next of `$1`, `$2`, … as text (may be repeated); it never becomes part of the
    /// statement
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
const MAX_STATEMENT_BYTES: u64 = 16 * 1024 * 1024;

pub(crate) async fn db_query(ctx: &Context, args: DbQuery) -> Result<Report> {
    let sql = statement(&args)?;
    if sql.trim().is_empty() {
        return Err(Error::usage("the statement is empty").hint("give one such as `SELECT 1`"));
    }
    let mut query = ctx.db().query(sql).untrusted().timeout(args.timeout);
    for value in args.param {
        query = query.bind(Bind::from(value));
    }
    let mut rows = query.stream().await.map_err(with_hint)?.into_ref();
    rows.limit = (args.limit > 0).then_some(args.limit);
    set_apart(&mut rows.columns);
    Ok(Report::stream(rows).heading("Query Results"))
}

/// PostgreSQL says what is wrong with a statement, and seldom what to do next.
fn with_hint(error: Error) -> Error {
    if error.hint.is_some() {
        return error;
    }
    let code = error.causes.iter().find_map(|cause| cause.strip_prefix("SQLSTATE "));
    let hint = match code.and_then(|code| code.get(..2)) {
        Some("22") => {
            "a value in the rows is at fault: guard it, such as `a / nullif(b, 0)`, or leave the row \
             out with WHERE"
        }
        Some("42") => {
            "see what there is with `toygres server db-query \"SELECT table_schema, table_name, \
             column_name FROM information_schema.columns WHERE table_schema LIKE 'toygres%'\"`"
        }
        _ => return error,
    };
    error.hint(hint)
}

/// Columns of one name would be one key in JSON and YAML, and all but one lost: `a`, `a_2`, `a_3`.
fn set_apart(columns: &mut [StreamColumn]) {
    for n in 1..columns.len() {
        let (before, rest) = columns.split_at_mut(n);
        let name = &mut rest[0].name;
        let taken = |name: &str| before.iter().any(|column| column.name == name);
        if taken(name) {
            let free = (2..).map(|number| format!("{name}_{number}")).find(|name| !taken(name));
            *name = free.unwrap_or_default();
        }
    }
}

fn statement(args: &DbQuery) -> Result<String> {
    match (&args.sql, &args.file) {
        (Some(sql), None) => Ok(text_file::without_mark(sql).to_owned()),
        (None, Some(file)) => text_file::read(file, MAX_STATEMENT_BYTES),
        _ => Err(Error::usage("give a statement, or a file with `--file`").hint(
            "toygres server db-query \"SELECT user_name, state FROM toygres_cms.instances\"",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{set_apart, with_hint};
    use toygres_plugin_api::Error;
    use toygres_plugin_api::report::{StreamColumn, StreamKind};

    #[test]
    fn what_postgresql_hints_at_itself_is_kept() {
        let error = |state: &str| Error::usage("x").cause(format!("SQLSTATE {state}"));
        assert!(with_hint(error("22012")).hint.unwrap().contains("nullif"));
        assert!(with_hint(error("42P01")).hint.unwrap().contains("information_schema"));
        assert_eq!(with_hint(error("42P01").hint("its own")).hint.as_deref(), Some("its own"));
        assert_eq!(with_hint(error("57014")).hint, None);
    }

    #[test]
    fn columns_of_one_name_are_set_apart() {
        let named = |name: &str| StreamColumn {
            name: name.to_owned(),
            type_name: String::new(),
            kind: StreamKind::Text,
        };
        let mut columns = ["a", "b", "a", "a_2", "a"].map(named);
        set_apart(&mut columns);
        assert_eq!(columns.map(|column| column.name), ["a", "b", "a_2", "a_2_2", "a_3"]);
    }
}
