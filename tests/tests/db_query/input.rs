//! Where the statement and its parameters come from.

use crate::query;
use crate::support::Toygres;
use serde_json::json;
use toygres_tests::postgres::PrivatePostgres;

fn run(toygres: Toygres, args: &[&str]) -> crate::support::Ran {
    toygres.args(["server", "db-query", "-o", "csv"]).args(args.iter().copied()).run()
}

fn on_server() -> Toygres {
    Toygres::on(&PrivatePostgres::shared().url())
}

#[test]
fn a_statement_comes_from_a_file_or_standard_input() {
    let sql = "-- a comment\nSELECT 'é' AS a;\n";
    assert_eq!(run(on_server().file("q.sql", sql), &["-f", "q.sql"]).code(0).stdout, "a\né\n");
    assert_eq!(run(on_server().file("q.sql", sql), &["--file", "q.sql"]).code(0).stdout, "a\né\n");
    assert_eq!(run(on_server().input(sql), &["-f", "-"]).code(0).stdout, "a\né\n");
}

#[test]
fn exactly_one_of_both_is_needed() {
    run(on_server(), &[]).code(2).says("--file");
    run(on_server().file("q.sql", "SELECT 1"), &["SELECT 1", "-f", "q.sql"]).code(2);
    for empty in ["", "  \n\t"] {
        run(on_server(), &[empty]).code(2).says("empty");
        run(on_server().input(empty), &["-f", "-"]).code(2).says("empty");
    }
}

#[test]
fn a_file_that_cannot_be_a_statement_is_named() {
    run(on_server(), &["-f", "nosuch.sql"]).code(2).says("nosuch.sql").says("No such file");
    run(on_server(), &["-f", "."]).code(2).says("directory");
    run(on_server().file("q.sql", b"SELECT '\xff'"), &["-f", "q.sql"]).code(2).says("not UTF-8");
    run(on_server().file("q.sql", "SELECT 1 \0"), &["-f", "q.sql"]).code(2).says("NUL");
    let large = vec![b' '; 17 * 1024 * 1024];
    run(on_server().file("q.sql", large), &["-f", "q.sql"]).code(2).says("larger than");
    run(on_server(), &["-f", "/dev/zero"]).code(2).says("larger than");
}

#[test]
fn a_megabyte_of_text_is_a_statement_like_any_other() {
    let comment = format!("SELECT 1 AS a /* {} */", "x".repeat(1024 * 1024));
    assert_eq!(run(on_server().input(comment), &["-f", "-"]).code(0).stdout, "a\n1\n");
    let text = format!("SELECT length('{}') AS a", "é".repeat(512 * 1024));
    assert_eq!(run(on_server().input(text), &["-f", "-"]).code(0).stdout, "a\n524288\n");
    let broken = format!("SELECT '{}' FROM", "x".repeat(1024 * 1024));
    let ran = run(on_server().input(broken), &["-f", "-"]).code(2).says("syntax error");
    assert!(ran.stderr.len() < 4096, "the error repeats the text: {} bytes", ran.stderr.len());
}

#[test]
fn parameters_are_values_and_nothing_else() {
    let url = PrivatePostgres::shared().url();
    let one = |sql: &str, values: &[&str]| {
        let mut args = vec![sql, "-o", "json"];
        args.extend(values.iter().flat_map(|value| ["--param", value]));
        query(&url, &args)
    };
    let ran = one("SELECT $1 AS a, $2::int + 1 AS b", &["x' OR 'a'='a", "41"]).code(0);
    assert_eq!(ran.json(), json!([{"a": "x' OR 'a'='a", "b": 42}]));
    let ran = one("SELECT relname FROM pg_class WHERE relname = $1", &["pg_am'; DROP TABLE x; --"]);
    assert_eq!(ran.code(0).json(), json!([]));
    let ran = one("SELECT $1::int", &["1; DROP TABLE x"]).code(2);
    assert_eq!(ran.error()["kind"], "usage");
    one("SELECT $1::int", &[]).code(2).says("1 parameter(s), 0 given").says("--param");
    one("SELECT 1", &["a"]).code(2).says("0 parameter(s), 1 given");
    let ran = query(&url, &["SELECT $1 AS a", "-o", "json", "--param=-x"]).code(0);
    assert_eq!(ran.json(), json!([{"a": "-x"}]));
}

/// As editors of other systems save it, and as it is pasted from one.
#[test]
fn a_byte_order_mark_is_no_part_of_a_statement() {
    let marked = "\u{feff}SELECT 1 AS a;\r\n";
    assert_eq!(run(on_server().file("q.sql", marked), &["-f", "q.sql"]).code(0).stdout, "a\n1\n");
    assert_eq!(run(on_server().input(marked), &["-f", "-"]).code(0).stdout, "a\n1\n");
    assert_eq!(run(on_server(), &[marked]).code(0).stdout, "a\n1\n");
    let inside = "SELECT '\u{feff}' = chr(65279) AS a";
    assert_eq!(run(on_server(), &[inside]).code(0).stdout, "a\nt\n");
    let utf16: Vec<u8> = "\u{feff}SELECT 1".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let ran = run(on_server().file("q.sql", &utf16), &["-f", "q.sql"]).code(2);
    ran.says("`q.sql` is UTF-16").says("save it as UTF-8");
    let ran = run(on_server().file("q.sql", b"SELECT\n'\xe9'"), &["-f", "q.sql"]).code(2);
    ran.says("`q.sql` is not UTF-8").says("line 2");
}

#[test]
fn a_file_may_have_any_name() {
    use std::os::unix::ffi::OsStrExt;
    let name = std::ffi::OsStr::from_bytes(b"a\xff-\xe9.sql");
    for toygres in [on_server(), on_server()] {
        let path = toygres.home().join(name);
        std::fs::write(&path, "SELECT 1 AS a").unwrap();
        let ran = toygres.args(["server", "db-query", "-o", "csv", "-f"]).arg(&path).run();
        assert_eq!(ran.code(0).stdout, "a\n1\n");
    }
    let ran = on_server()
        .args(["server", "db-query", "-f"])
        .arg(std::path::Path::new(name))
        .run()
        .code(2);
    ran.says("cannot be read").says("No such file");
    let ran = run(on_server().file("-x.sql", "SELECT 1 AS a"), &["-f", "-x.sql"]).code(0);
    assert_eq!(ran.stdout, "a\n1\n");
}

/// What stands behind an option is its value, and a comment is no option.
#[test]
fn texts_may_begin_with_a_dash() {
    for comment in ["-- how many\nSELECT 1 AS a", "--how many\nSELECT 1 AS a", "--\nSELECT 1 AS a"]
    {
        assert_eq!(run(on_server(), &[comment]).code(0).stdout, "a\n1\n", "{comment:?}");
        let ran = query(&PrivatePostgres::shared().url(), &[comment, "-o", "csv"]).code(0);
        assert_eq!(ran.stdout, "a\n1\n", "{comment:?}");
    }
    let one = |value: &str| run(on_server(), &["SELECT $1 AS a", "--param", value]).code(0).stdout;
    for value in ["-5", "--limit", "-", "--", "-o", "-x y"] {
        assert_eq!(one(value), format!("a\n{value}\n"));
    }
    let ran =
        run(on_server(), &["SELECT $1::int AS a", "--param", "-5", "--columns", "-a"]).code(2);
    ran.says("there is no column `-a`");
    // A slip is one all the same.
    let ran = run(on_server(), &["SELECT 1", "--limt", "5"]).code(2);
    assert!(ran.error()["hint"].as_str().unwrap().contains("`--limit`"), "{ran:#?}");
    run(on_server(), &["--limt", "5"]).code(2).says("`--limit`");
}
