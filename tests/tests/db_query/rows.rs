//! Rows in every format.

use crate::query;
use crate::support::{CMS, FORMATS, check, database};
use serde_json::{Value, json};
use toygres_tests::postgres::PrivatePostgres;

const RULE: &str = "━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━";

#[test]
fn people_see_the_sample() {
    let database = database(PrivatePostgres::shared(), CMS);
    let sql =
        "SELECT user_name, state FROM toygres_cms.instances ORDER BY created_at, k8s_name DESC";
    let ran = query(&database.url, &[sql]).code(0);
    let (before, elapsed) = ran.stdout.rsplit_once(" (").unwrap();
    assert_eq!(
        before,
        format!(
            "Query Results\n{RULE}\n\nuser_name  state\n━━━━━━━━━━━━━━━━━━━\ntestdb1    creating\n\
             proddb     running\nanalytics  running\n\n3 rows returned"
        )
    );
    assert!(elapsed.ends_with("s)\n"), "{elapsed}");
}

#[test]
fn every_format_tells_the_same_rows() {
    let url = PrivatePostgres::shared().url();
    let sql = "SELECT n AS a, 'x,\"' || n AS b, NULL::int AS c FROM generate_series(1, 3) n";
    for format in FORMATS {
        let ran = query(&url, &[sql, "-o", format]).code(0);
        let rows = check(format, &ran);
        let row = |n: i64| as_texts(json!({"a": n, "b": format!("x,\"{n}"), "c": null}));
        match *format {
            "table" | "wide" => assert!(ran.stdout.contains("\n2  x,\"2  -\n"), "{}", ran.stdout),
            _ => {
                let rows: Vec<Value> = rows.into_iter().map(as_texts).collect();
                assert_eq!(rows, [row(1), row(2), row(3)], "{format}");
            }
        }
    }
}

/// CSV knows texts only, and an empty field for NULL.
fn as_texts(row: Value) -> Value {
    let Value::Object(fields) = row else { return row };
    let fields = fields.into_iter().map(|(name, value)| {
        let text = match value {
            Value::Null => String::new(),
            Value::String(text) => text,
            other => other.to_string(),
        };
        (name, Value::from(text))
    });
    Value::Object(fields.collect())
}

#[test]
fn no_rows_are_a_whole_document_too() {
    let url = PrivatePostgres::shared().url();
    for format in FORMATS {
        let ran = query(&url, &["SELECT 1 AS a, 2 AS b WHERE false", "-o", format]).code(0);
        assert!(check(format, &ran).is_empty());
        match *format {
            "json" | "yaml" => assert_eq!(ran.stdout, "[]\n"),
            "jsonl" => assert_eq!(ran.stdout, ""),
            "csv" => assert_eq!(ran.stdout, "a,b\n"),
            _ => assert!(ran.stdout.contains("\n0 rows returned ("), "{}", ran.stdout),
        }
    }
}

#[test]
fn values_keep_their_kind() {
    let url = PrivatePostgres::shared().url();
    let sql = "SELECT true AS flag, 9007199254740993::bigint AS big, 1.50::numeric AS exact, \
               'NaN'::float8 AS nan, '{\"a\": [1, null]}'::jsonb AS doc, ARRAY[1, 2] AS list, \
               '2024-11-17 12:00:00.5+00'::timestamptz AS at, '\\x00ff'::bytea AS bytes, \
               interval '1 day 2 hours' AS span, E'a\\nb\\t\"' AS text, '' AS empty";
    let ran = query(&url, &[sql, "-o", "json"]).code(0);
    assert_eq!(
        ran.json(),
        json!([{
            "flag": true, "big": 9_007_199_254_740_993_i64, "exact": 1.50, "nan": "NaN",
            "doc": {"a": [1, null]}, "list": "{1,2}", "at": "2024-11-17T12:00:00.5Z",
            "bytes": "\\x00ff", "span": "1 day 02:00:00", "text": "a\nb\t\"", "empty": ""
        }])
    );
    assert!(ran.stdout.contains("\"exact\":1.50"), "a numeric keeps its digits: {}", ran.stdout);
}

#[test]
fn columns_of_one_name_are_all_there() {
    let url = PrivatePostgres::shared().url();
    let ran = query(&url, &["SELECT 1, 2, 3 AS a, 4 AS a", "-o", "json"]).code(0);
    assert_eq!(ran.json(), json!([{"?column?": 1, "?column?_2": 2, "a": 3, "a_2": 4}]));
}

#[test]
fn a_limit_is_twenty_and_never_silent() {
    let url = PrivatePostgres::shared().url();
    let rows = |n: u32| format!("SELECT generate_series(1, {n}) AS n");
    for format in ["json", "jsonl", "yaml", "csv"] {
        let ran = query(&url, &[&rows(21), "-o", format]).code(0).says("more than these 20 rows");
        assert_eq!(check(format, &ran).len(), 20, "{format}");
        let ran = query(&url, &[&rows(20), "-o", format]).code(0);
        assert_eq!(check(format, &ran).len(), 20, "{format}");
        assert!(!ran.stderr.contains("more than"), "{}", ran.stderr);
        let all = query(&url, &[&rows(30_000), "-o", format, "--limit", "0"]).code(0);
        assert_eq!(check(format, &all).len(), 30_000, "{format}");
        assert!(!all.stderr.contains("more than"), "{}", all.stderr);
    }
    query(&url, &[&rows(21)]).code(0).shows("\n20 rows returned").says("`--limit 0`");
    query(&url, &[&rows(3), "--limit", "1"]).code(0).shows("\n1 row returned").says("more than");
}

#[test]
fn columns_can_be_chosen() {
    let url = PrivatePostgres::shared().url();
    let sql = "SELECT 1 AS a, 2 AS b, 3 AS c";
    let ran = query(&url, &[sql, "-o", "csv", "--columns", "c,a"]).code(0);
    assert_eq!(ran.stdout, "c,a\n3,1\n");
    let ran = query(&url, &[sql, "-o", "csv", "--columns", "d"]).code(2);
    assert_eq!(ran.stdout, "");
    assert_eq!(ran.error()["hint"], "columns: a, b, c");
}

#[test]
fn explain_and_show_are_read_too() {
    let url = PrivatePostgres::shared().url();
    let ran = query(&url, &["SHOW transaction_read_only", "-o", "json"]).code(0);
    assert_eq!(ran.json(), json!([{"transaction_read_only": "on"}]));
    query(&url, &["EXPLAIN (ANALYZE, TIMING OFF) SELECT 1"]).code(0).shows("actual rows=1");
    let ran = query(&url, &["EXPLAIN (FORMAT JSON) SELECT 1", "-o", "json"]).code(0);
    assert!(ran.json()[0]["QUERY PLAN"][0]["Plan"].is_object(), "{ran:#?}");
    query(&url, &["TABLE pg_am", "-o", "csv"]).code(0).shows("heap");
    query(&url, &["VALUES (1), (2)", "-o", "csv"]).code(0).shows("column1\n1\n2\n");
}

#[test]
fn escape_sequences_in_data_do_nothing_to_a_terminal() {
    let url = PrivatePostgres::shared().url();
    let ran = query(&url, &["SELECT E'\\x1b[2Jgone\\x07' AS text, 1 AS \"\u{1b}[31m\""]).code(0);
    assert!(!ran.stdout.contains('\u{1b}') && !ran.stdout.contains('\u{7}'), "{ran:#?}");
    assert!(ran.stdout.contains("gone"), "{ran:#?}");
}
