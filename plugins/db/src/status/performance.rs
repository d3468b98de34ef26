//! How fast the server answers.

use super::facts::Performance;
use super::probe::Server;
use super::sql;
use serde::Deserialize;
use serde_json::Value;
use std::time::Instant;
use toygres_plugin_api::{Context, Result};

#[derive(Debug, Deserialize)]
struct Statements {
    mean_ms: Option<f64>,
    slow: i64,
}

/// By `pg_stat_statements` where it can be read, else by a statement of our own.
pub(super) async fn performance(ctx: &Context, server: &Server) -> Result<Performance> {
    let reason = match &server.statements_schema {
        None => "pg_stat_statements is not installed",
        Some(schema) => {
            match ctx.db().query(sql::statements(schema)).fetch_one::<Statements>().await {
                Ok(seen) => return Ok(recorded(seen)),
                // It must be preloaded, and its schema open to this role.
                Err(_) => "pg_stat_statements cannot be read",
            }
        }
    };
    let begun = Instant::now();
    let _one: Vec<Value> = ctx.db().query("SELECT 1").fetch().await?;
    Ok(Performance {
        avg_query_ms: Some(hundredths(begun.elapsed().as_secs_f64() * 1000.0)),
        avg_query_source: "probe".to_owned(),
        avg_query_reason: Some(reason.to_owned()),
        slow_queries: server.slow_now,
        slow_queries_source: "pg_stat_activity".to_owned(),
        slow_queries_reason: (!server.sees_all_activity).then(|| {
            "statements of other roles are not seen; GRANT pg_read_all_stats shows them".to_owned()
        }),
    })
}

fn recorded(seen: Statements) -> Performance {
    let nothing = "pg_stat_statements has seen no statement of this database yet";
    Performance {
        avg_query_reason: seen.mean_ms.is_none().then(|| nothing.to_owned()),
        avg_query_ms: seen.mean_ms.map(hundredths),
        avg_query_source: "pg_stat_statements".to_owned(),
        slow_queries: seen.slow,
        slow_queries_source: "pg_stat_statements".to_owned(),
        slow_queries_reason: None,
    }
}

fn hundredths(ms: f64) -> f64 {
    (ms * 100.0).round() / 100.0
}
