//! Every form of a secret in every format: none is shown, and what only reads like one is.

use crate::query;
use crate::support::{FORMATS, Ran, check};
use crate::table::{CANARY, FORMS};
use serde_json::Value;
use toygres_tests::postgres::PrivatePostgres;

/// One statement whose rows are all forms, as texts and as documents where they are ones.
fn statement() -> String {
    let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let rows = FORMS.iter().enumerate().map(|(n, (form, neighbour))| {
        let document = match serde_json::from_str::<Value>(form) {
            Ok(_) => literal(form),
            Err(_) => "NULL".to_owned(),
        };
        format!("({n}, {}, {}, {document}::jsonb)", literal(form), literal(neighbour))
    });
    let rows = rows.collect::<Vec<_>>().join(", ");
    format!("SELECT * FROM (VALUES {rows}) AS forms(n, form, neighbour, document) ORDER BY n")
}

#[test]
fn no_form_shows_its_secret_in_any_format_and_neighbours_stay() {
    assert!(FORMS.len() >= 104, "{} forms", FORMS.len());
    let url = PrivatePostgres::shared().url();
    let sql = statement();
    for format in FORMATS {
        let ran = query(&url, &[&sql, "--limit", "0", "-o", format]).code(0);
        for line in ran.stdout.lines().chain(ran.stderr.lines()) {
            assert!(!line.contains(CANARY), "{format}: {line}");
        }
        let shown = neighbours(format, &ran);
        for (n, (_, neighbour)) in FORMS.iter().enumerate() {
            match shown.get(n) {
                Some(shown) => assert_eq!(shown, neighbour, "{format}: form {n}"),
                // A table writes control characters as escapes.
                None if neighbour.contains(['\n', '\\']) => {}
                None => assert!(ran.stdout.contains(neighbour), "{format}: {neighbour}"),
            }
        }
    }
}

/// The cells of the neighbours; a table's are looked for in its text.
fn neighbours(format: &str, ran: &Ran) -> Vec<String> {
    if format == "csv" {
        let mut reader = csv::Reader::from_reader(ran.stdout.as_bytes());
        return reader.records().map(|row| row.unwrap()[2].to_owned()).collect();
    }
    let rows = check(format, ran).into_iter();
    let cells = rows.map(|row| {
        let document = &row["document"];
        assert!(!document.is_string(), "{format}: a document is a text: {document}");
        row["neighbour"].as_str().unwrap().to_owned()
    });
    cells.collect()
}

#[test]
fn names_and_values_in_columns_of_their_own_are_masked() {
    let url = PrivatePostgres::shared().url();
    let sql = "SELECT * FROM (VALUES ('PGPASSWORD', 'CANARY'), ('PGHOST', 'db.example'),
                   ('API_TOKEN', 'CANARY'), ('MAX_TOKENS', '4096')) AS env(name, value)";
    for format in FORMATS {
        let ran = query(&url, &[sql, "-o", format]).code(0).hides(CANARY);
        check(format, &ran);
        assert!(ran.stdout.contains("db.example") && ran.stdout.contains("4096"), "{ran:#?}");
    }
    query(&url, &[sql, "-o", "csv", "--show-secrets"]).code(0).shows(CANARY);
}

#[test]
fn what_columns_count_or_describe_is_shown() {
    let url = PrivatePostgres::shared().url();
    let sql = "SELECT 4096 AS max_tokens, 7 AS tokens, 'bpe' AS tokenizer, 'Ann' AS secretary,
                   'https://a.example/authorize' AS authorization_endpoint, true AS password,
                   'pg-credentials' AS secret_name, 12 AS password_length";
    for format in FORMATS {
        let ran = query(&url, &[sql, "-o", format]).code(0).hides("***");
        for shown in ["4096", "7", "bpe", "Ann", "a.example/authorize", "pg-credentials", "12"] {
            assert!(ran.stdout.contains(shown), "{format}: {shown}: {ran:#?}");
        }
    }
}

#[test]
fn errors_and_names_of_columns_hide_every_kind_of_form() {
    let url = PrivatePostgres::shared().url();
    for form in [
        r#"{"passwords":["CANARY"]}"#,
        r#"[{"name":"PGPASSWORD","value":"CANARY"}]"#,
        "password=abc,CANARY",
        "postgres://u:5432/CANARY@h",
        "https://a.example/c?sv=1&sig=CANARY",
        "-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----",
    ] {
        for format in ["table", "json"] {
            let sql = format!("SELECT '{form}'::int");
            query(&url, &[&sql, "-o", format]).code(2).hides(CANARY);
        }
    }
    let sql = r#"SELECT 1 AS "postgres://u:CANARY@h""#;
    for format in FORMATS {
        query(&url, &[sql, "-o", format]).code(0).hides(CANARY);
    }
}
