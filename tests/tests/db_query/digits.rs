//! Numbers and documents as PostgreSQL wrote them, in every format; `psql` says how that is.

use crate::query;
use crate::support::check;
use proptest::prelude::*;
use serde_json::{Value, json};
use toygres_tests::postgres::{PrivatePostgres, SUPERUSER};

/// What `psql` shows of one value.
fn by_psql(expression: &str) -> String {
    let database = PrivatePostgres::shared();
    let shown = database.psql(&format!("SELECT {expression}")).unwrap();
    shown.trim_end_matches('\n').to_owned()
}

/// How one value stands in a format that people read or a machine does.
fn shown(expression: &str, format: &str) -> String {
    let url = PrivatePostgres::shared().url();
    let ran = query(&url, &[&format!("SELECT {expression} AS v"), "-o", format]).code(0);
    let text = ran.stdout.as_str();
    let cell = match format {
        "json" => text.strip_prefix("[\n  {\"v\":").and_then(|text| text.strip_suffix("}\n]\n")),
        "jsonl" => text.strip_prefix("{\"v\":").and_then(|text| text.strip_suffix("}\n")),
        "yaml" => text.strip_prefix("- v: ").and_then(|text| text.strip_suffix('\n')),
        "csv" => text.strip_prefix("v\n").and_then(|text| text.strip_suffix('\n')),
        _ => text.lines().nth(5),
    };
    cell.unwrap_or_else(|| panic!("{format}: {ran:#?}")).to_owned()
}

/// A field of CSV without its quotes.
fn unquoted(field: &str) -> String {
    let inside = field.strip_prefix('"').and_then(|field| field.strip_suffix('"'));
    inside.map_or_else(|| field.to_owned(), |inside| inside.replace("\"\"", "\""))
}

/// Numbers stand as they are; what JSON has no number for stands as a text.
fn numbers_are_kept(expression: &str) {
    let expected = by_psql(expression);
    let is_number = !expected.ends_with("NaN") && !expected.ends_with("Infinity");
    for format in ["table", "csv", "json", "jsonl", "yaml"] {
        let shown = shown(expression, format);
        match (format, is_number) {
            ("table" | "csv", _) | (_, true) => assert_eq!(shown, expected, "{format}"),
            // YAML has other words for these, so that a text needs no quotes.
            _ => assert_eq!(shown.trim_matches('"'), expected, "{format}: {expression}"),
        }
    }
}

/// A document stands as it is; in YAML one with two equal keys stands as a text.
fn documents_are_kept(expression: &str) {
    let expected = by_psql(expression);
    for format in ["table", "csv", "json", "jsonl"] {
        let shown = shown(expression, format);
        let shown = if format == "csv" { unquoted(&shown) } else { shown };
        assert_eq!(shown, expected, "{format}");
    }
}

#[test]
fn the_examples_of_the_manual_keep_their_digits() {
    for expression in [
        "9007199254740993::numeric",
        "1.50::numeric",
        "12345678901234567890::numeric",
        "18446744073709551617::numeric",
        "1e400::numeric + 0.10",
        "'NaN'::numeric",
        "0.000::numeric",
        "9223372036854775807::int8",
        "(-9223372036854775808)::int8",
        "0.1::float8",
        "1e20::float8",
        "5e-324::float8",
        "1.7976931348623157e308::float8",
        "'-0'::float8",
        "'NaN'::float8",
        "'-Infinity'::float8",
        "0.1::float4",
        "4294967295::oid",
        "sum(x) FROM (VALUES (9007199254740993::bigint)) AS v(x)",
    ] {
        // `AS v` stands before FROM.
        let expression = match expression.split_once(" FROM ") {
            Some((value, rest)) => format!("(SELECT {value} FROM {rest})"),
            None => expression.to_owned(),
        };
        numbers_are_kept(&expression);
    }
}

#[test]
fn documents_keep_order_keys_and_digits() {
    for document in [
        r#"{"id":18446744073709551617,"price":1.10}"#,
        r#"{"x":1e400}"#,
        r#"{"b":1,"a":2,"b":3}"#,
        r#"{"a":  [1.0, -0, 1E5]}"#,
        "9007199254740993.10",
        "9223372036854775808",
    ] {
        documents_are_kept(&format!("'{document}'::json"));
        documents_are_kept(&format!("'{document}'::jsonb"));
    }
    let deep = format!("repeat('[', {0}) || '1.10' || repeat(']', {0})", 1000);
    documents_are_kept(&format!("({deep})::json"));
    let yaml = shown(r#"'{"b":1,"a":2,"b":3}'::json"#, "yaml");
    assert_eq!(yaml, r#""{\"b\":1,\"a\":2,\"b\":3}""#);
}

#[test]
fn secrets_are_masked_and_the_rest_of_a_document_stays() {
    let url = PrivatePostgres::shared().url();
    let sql = r#"SELECT '{"n":1.10,"password":"hunter2hunter2","n":1e400}'::json AS doc"#;
    for format in ["json", "jsonl", "csv", "yaml", "table"] {
        let ran = query(&url, &[sql, "-o", format]).code(0);
        assert!(!ran.stdout.contains("hunter2"), "{format}: {ran:#?}");
        assert!(ran.stdout.contains("1.10") && ran.stdout.contains("1e400"), "{format}: {ran:#?}");
    }
    let ran = query(&url, &[sql, "-o", "jsonl"]).code(0);
    assert_eq!(ran.stdout, "{\"doc\":{\"n\":1.10,\"password\":\"***\",\"n\":1e400}}\n");
}

#[test]
fn rows_without_columns_are_counted() {
    let url = PrivatePostgres::shared().url();
    for (sql, rows) in
        [("SELECT FROM generate_series(1, 3)", 3), ("SELECT", 1), ("SELECT WHERE false", 0)]
    {
        for format in ["json", "jsonl", "yaml"] {
            let ran = query(&url, &[sql, "-o", format]).code(0);
            assert_eq!(check(format, &ran), vec![json!({}); rows], "{format}");
        }
        let ran = query(&url, &[sql, "-o", "csv"]).code(0);
        assert_eq!(ran.stdout, "\n".repeat(1 + rows));
        let plural = if rows == 1 { "" } else { "s" };
        query(&url, &[sql]).code(0).shows(&format!("\n{rows} row{plural} returned ("));
    }
    let many = "SELECT FROM generate_series(1, 30000)";
    let ran = query(&url, &[many, "-o", "jsonl"]).code(0).says("more than these 20 rows");
    assert_eq!(ran.stdout, "{}\n".repeat(20));
    let ran = query(&url, &[many, "-o", "jsonl", "--limit", "0"]).code(0);
    assert_eq!(ran.stdout, "{}\n".repeat(30_000));
}

#[test]
fn columns_are_chosen_by_their_exact_names_first() {
    let url = PrivatePostgres::shared().url();
    let sql = "SELECT 1 AS id, 2 AS \"ID\", 3 AS b";
    let chosen = |columns: &str, format: &str| {
        query(&url, &[sql, "--columns", columns, "-o", format]).code(0).stdout
    };
    assert_eq!(chosen("ID", "jsonl"), "{\"ID\":2}\n");
    assert_eq!(chosen("id", "jsonl"), "{\"id\":1}\n");
    assert_eq!(chosen("ID,id", "csv"), "ID,id\n2,1\n");
    assert_eq!(chosen("ID,id", "yaml"), "- ID: 2\n  id: 1\n");
    assert_eq!(chosen("B", "jsonl"), "{\"b\":3}\n");
    assert_eq!(chosen("b,b", "csv"), "b,b\n3,3\n");
    for format in ["json", "jsonl", "yaml"] {
        let ran = query(&url, &[sql, "--columns", "b,B", "-o", format]).code(2);
        assert_eq!(ran.error()["message"], "column `b` is chosen twice");
    }
}

#[test]
fn stored_bytes_that_are_not_text_are_told_with_the_way_to_read_them() {
    let server = PrivatePostgres::shared();
    server
        .psql("CREATE DATABASE digits_ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        .unwrap();
    let url = server.url_for(SUPERUSER, "digits_ascii");
    let bad = "SELECT CASE WHEN n = 30000 THEN E'\\xe9' ELSE n::text END AS v \
               FROM generate_series(1, 30001) AS n";
    let ran = query(&url, &[bad, "-o", "json", "--limit", "0"]).code(9);
    assert_eq!(ran.error()["kind"], "failed");
    assert!(serde_json::from_str::<Value>(&ran.stdout).is_err(), "the document is whole");
    let hint = ran.error()["hint"].as_str().unwrap().to_owned();
    // What is offered reads them.
    let offered = hint.split('`').nth(1).unwrap().replace("COLUMN", "v");
    let sql = format!("SELECT {offered} AS v FROM (SELECT E'\\xe9'::text AS v) AS bad");
    let ran = query(&url, &[&sql, "-o", "jsonl"]).code(0);
    assert_eq!(ran.stdout, "{\"v\":\"é\"}\n");
    server.psql("DROP DATABASE digits_ascii").unwrap();
}

/// A document of numbers, texts, lists and objects, whose objects may have two keys of one name.
fn documents() -> impl Strategy<Value = String> {
    let number = "-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?";
    let leaf = prop_oneof![
        number,
        "[a-z]{0,6}".prop_map(|text| format!("\"{text}\"")),
        Just("true".to_owned()),
        Just("null".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3)
                .prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(("[ab]", inner), 0..3).prop_map(|fields| {
                let fields: Vec<String> =
                    fields.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
                format!("{{{}}}", fields.join(", "))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_number_keeps_its_digits(
        numeric in "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,40})?",
        whole in any::<i64>(),
        float in any::<f64>(),
    ) {
        numbers_are_kept(&format!("'{numeric}'::numeric"));
        numbers_are_kept(&format!("'{whole}'::int8"));
        numbers_are_kept(&format!("'{float:e}'::float8"));
    }

    #[test]
    fn every_document_keeps_its_text(document in documents()) {
        documents_are_kept(&format!("'{document}'::json"));
        documents_are_kept(&format!("'{document}'::jsonb"));
    }

    #[test]
    fn every_time_keeps_its_digits(seconds in -9_000_000_000_i64..9_000_000_000, micros in 0..1_000_000_u32) {
        for expression in [
            format!("'{seconds}.{micros:06} seconds'::interval"),
            format!("timestamp 'epoch' + '{seconds}.{micros:06} seconds'::interval"),
        ] {
            let expected = by_psql(&expression);
            for format in ["table", "csv", "json", "jsonl", "yaml"] {
                let shown = shown(&expression, format);
                let shown = match format {
                    "json" | "jsonl" => serde_json::from_str(&shown).unwrap(),
                    "yaml" => serde_saphyr::from_str(&shown).unwrap(),
                    _ => shown,
                };
                prop_assert_eq!(&shown, &expected, "{}", format);
            }
        }
    }
}
