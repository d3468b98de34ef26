//! Masks stand where a password can stand, and eat no words: what a variable holds changes no state,
//! name, address or command.

use crate::stage::Stage;
use crate::support::Toygres;
use serde_json::Value;
use toygres_tests::postgres::PrivatePostgres;

/// Words of outputs, as somebody may have them in a variable with the name of a secret.
const WORDS: &[&str] = &[
    "postgres",
    "toygres",
    "toygres_cms",
    "localhost",
    "default",
    "standalone",
    "127.0.0.1",
    "postgresql",
    "postgres:{version}",
    "environment",
    "http",
    "8080",
];

#[test]
fn words_of_the_configuration_stay_whatever_variables_hold() {
    let plain = |toygres: Toygres, format: &str| {
        let ran = toygres.args(["server", "config", "-o", format]).run().code(0);
        ran.stdout
    };
    let home = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "0");
    let url = |password: &str| format!("postgres://postgres:{password}@127.0.0.1:5999/postgres");
    for format in ["table", "json", "yaml"] {
        let expected = plain(Toygres::on(&url("x")), format);
        assert!(expected.contains("postgres://postgres:***@127.0.0.1:5999/postgres"), "{expected}");
        for word in WORDS {
            let toygres = Toygres::on(&url("x")).env("X_TOKEN", word).env("SESSION_SECRET", word);
            let shown = plain(toygres, format);
            assert_eq!(masks(&shown), masks(&expected), "{word} {format}:\n{shown}");
            let shown = plain(Toygres::on(&url(word)), format);
            assert_eq!(masks(&shown), masks(&expected), "{word} {format}:\n{shown}");
            assert!(home(&shown).contains("postgres:{version}"), "{word} {format}:\n{shown}");
        }
    }
}

fn masks(text: &str) -> usize {
    text.matches("***").count()
}

#[test]
fn names_and_commands_stay_and_secrets_do_not() {
    let database = PrivatePostgres::shared().database().unwrap();
    let secret = "k8Zq-4f7Tt-canary";
    let query = |sql: &str, token: &str, format: &str| {
        let toygres = Toygres::on(&database.url).env("X_TOKEN", token).env("PGPASSWORD", secret);
        toygres.args(["server", "db-query", sql, "-o", format]).run().code(0)
    };
    for format in ["table", "json", "yaml", "csv"] {
        let ran = query("SELECT 'running' AS state, 'postgres:18' AS image", "running", format);
        assert!(ran.stdout.contains("running") && ran.stdout.contains("postgres:18"), "{ran:#?}");
        // What anybody wrote may hold a secret of another program, as a word of its own.
        let ran = query("SELECT 'sent 9f86d081x7 there' AS note", "9f86d081x7", format);
        assert!(ran.stdout.contains("sent *** there"), "{ran:#?}");
        let ran = query("SELECT 'a9f86d081x7b' AS note", "9f86d081x7", format);
        assert!(ran.stdout.contains("a9f86d081x7b"), "{ran:#?}");
        let ran =
            query(&format!("SELECT '{secret}' AS state, 'is {secret}.' AS note"), "x", format);
        assert!(!ran.stdout.contains("canary"), "{ran:#?}");
    }
    // A document stays one, and numbers stay numbers.
    let sql = "SELECT 4096 AS max_tokens, 'bpe' AS tokenizer, 'Ann' AS secretary, \
               'https://a.example/authorize' AS authorization_endpoint, \
               '{\"max_tokens\": 4096, \"enabled_token\": true, \"api_token\": \"abc\"}'::jsonb AS input, \
               'password: must have 8 letters' AS help";
    let row = query(sql, "x", "json").json()[0].clone();
    assert_eq!(row["max_tokens"], 4096, "{row:#}");
    assert_eq!(row["tokenizer"], "bpe", "{row:#}");
    assert_eq!(row["secretary"], "Ann", "{row:#}");
    assert_eq!(row["authorization_endpoint"], "https://a.example/authorize", "{row:#}");
    assert_eq!(row["help"], "password: must have 8 letters", "{row:#}");
    let input = match &row["input"] {
        Value::String(text) => serde_json::from_str(text).unwrap(),
        document => document.clone(),
    };
    assert_eq!(
        input,
        serde_json::json!({"max_tokens": 4096, "enabled_token": true, "api_token": "***"})
    );
}

#[test]
fn commands_in_hints_can_be_pasted_whatever_variables_hold() {
    let stage = Stage::new();
    let mut command = stage.command(&["server", "confg"]);
    command.env("X_TOKEN", "config").env("Y_SECRET", "toygres server config");
    let ran = crate::stage::ran(command).code(2);
    assert!(!ran.stderr.contains("***"), "{ran:#?}");
}
