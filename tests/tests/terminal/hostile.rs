//! What somebody else wrote, on a terminal and in a pipe: values and names of columns, ids, names and
//! errors of orchestrations, messages of a database and of an API.

use super::{on_terminal, plain, whole};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output};
use toygres_tests::generations;
use toygres_tests::postgres::{Database, PrivatePostgres};
use toygres_tests::toygres;

/// Texts that forge, hide or command something, each of another kind.
const HOSTILE: &[&str] = &[
    "\u{1b}[31mred\u{1b}[0m",
    "\u{1b}]0;title\u{7}bell\u{8}back",
    "over\rwritten",
    "c1\u{9b}31mred\u{85}next\u{7f}",
    "turned\u{202e}around\u{2066}x\u{200f}\u{61c}",
    "zero\u{200b}width\u{feff}\u{ad}\u{2060}\u{200d}",
    "lines\n✓ No drift detected\u{2028}x\u{2029}",
    "tags\u{e0041}\u{e007f}\u{fff9}",
    "a,\"b\"\n=cmd|x: #-",
];

/// Whether a letter must never reach a terminal. A list of its own, apart from the one that is
/// tested.
fn is_hidden(letter: char) -> bool {
    let code = u32::from(letter);
    letter.is_control()
        || [0xad, 0x61c, 0xfeff].contains(&code)
        || (0x200b..=0x200f).contains(&code)
        || (0x2028..=0x202e).contains(&code)
        || (0x2060..=0x206f).contains(&code)
        || (0xfff9..=0xfffb).contains(&code)
        || (0xe0000..=0xe007f).contains(&code)
}

/// Nothing but the colours of toygres itself and its line ends is on the terminal.
#[track_caller]
fn assert_harmless(written: &str) {
    let mut rest = written.replace("\r\n", "\n");
    for colour in ["0", "1", "2", "22", "31", "32", "33", "36", "39"] {
        rest = rest.replace(&format!("\u{1b}[{colour}m"), "");
    }
    let hidden = rest.chars().find(|letter| is_hidden(*letter) && *letter != '\n');
    assert_eq!(hidden, None, "{written:?}");
}

/// Every line is one that toygres begins: no text of somebody else's stands at the margin.
#[track_caller]
fn assert_not_forged(written: &str) {
    let text = plain(&written.replace("\r\n", "\n"));
    let forged = text.lines().find(|line| line.starts_with(['✓', '❌', '⚠']));
    assert_eq!(forged, None, "{written}");
}

fn piped(url: &str, args: &[&str]) -> Output {
    Command::new(toygres::binary())
        .args(args)
        .env("DATABASE_URL", url)
        .env("LANG", "C.UTF-8")
        .env("TOYGRES_PLUGIN_PATH", toygres::plugins())
        .output()
        .unwrap()
}

/// What a format has on stdout where a pipe reads it.
fn text(url: &str, args: &[&str]) -> String {
    let output = piped(url, args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn csv_field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

#[test]
fn values_and_names_of_columns_are_harmless_and_whole() {
    let database = PrivatePostgres::shared().database().unwrap();
    // All of them as values, and each in the name of a column.
    let columns = HOSTILE.iter().enumerate().map(|(n, hostile)| {
        format!("$evil${hostile}$evil$ AS \"{n}{}\"", hostile.replace('"', "\"\""))
    });
    let sql = format!("SELECT {}", columns.collect::<Vec<_>>().join(", "));
    let row: serde_json::Map<String, Value> = HOSTILE
        .iter()
        .enumerate()
        .map(|(n, hostile)| (format!("{n}{hostile}"), Value::from(*hostile)))
        .collect();
    let row = Value::Object(row);
    let written = |format: &str| {
        let args = ["server", "db-query", &sql, "-o", format];
        let terminal = whole(on_terminal(&database.url, 200, &args));
        assert_harmless(&terminal);
        assert_not_forged(&terminal);
        text(&database.url, &args)
    };
    for format in ["table", "wide"] {
        let text = written(format);
        assert!(text.contains(r"\u{1b}[31mred") && text.contains(r"over\rwritten"), "{text}");
        assert!(!text.contains(|letter| is_hidden(letter) && letter != '\n'), "{text:?}");
    }
    for format in ["json", "jsonl", "yaml"] {
        let text = written(format);
        assert!(!text.contains(|letter| is_hidden(letter) && letter != '\n'), "{text:?}");
        let expected = if format == "jsonl" { row.clone() } else { json!([row]) };
        let read: Value = match format {
            "yaml" => serde_saphyr::from_str(&text).unwrap(),
            _ => serde_json::from_str(&text).unwrap(),
        };
        assert_eq!(read, expected, "{format}");
    }
    // A file gets every byte.
    let names: Vec<String> =
        HOSTILE.iter().enumerate().map(|(n, name)| csv_field(&format!("{n}{name}"))).collect();
    let values: Vec<String> = HOSTILE.iter().map(|value| csv_field(value)).collect();
    assert_eq!(written("csv"), format!("{}\n{}\n", names.join(","), values.join(",")));
}

/// Orchestrations whose ids, names and errors are hostile.
fn orchestrations() -> Database<'static> {
    let database = PrivatePostgres::shared().database().unwrap();
    generations::many_orchestrations(&database.url, 1).unwrap();
    for hostile in HOSTILE {
        database.psql(&format!(
            "SET search_path = toygres_duroxide;
             INSERT INTO instances (instance_id, orchestration_name, orchestration_version,
                 current_execution_id, created_at, updated_at)
             VALUES ($evil${hostile}$evil$, $evil${hostile}$evil$, '1.0.0', 1, now(), now());
             INSERT INTO executions (instance_id, execution_id, status, output, started_at,
                 completed_at)
             VALUES ($evil${hostile}$evil$, 1, 'Failed', $evil${hostile}$evil$, now(), now());"
        ));
    }
    database
}

#[test]
fn orchestrations_are_harmless_in_every_format() {
    let database = orchestrations();
    let ids = |rows: &Value| -> Vec<String> {
        let ids = rows.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned());
        let mut ids: Vec<String> = ids.filter(|id| HOSTILE.contains(&id.as_str())).collect();
        ids.sort();
        ids
    };
    let mut expected: Vec<&str> = HOSTILE.to_vec();
    expected.sort_unstable();
    for format in ["table", "wide", "json", "jsonl", "yaml", "csv"] {
        let args = ["server", "orchestrations", "--limit", "0", "-o", format];
        let terminal = whole(on_terminal(&database.url, 120, &args));
        assert_harmless(&terminal);
        assert_not_forged(&terminal);
        let text = text(&database.url, &args);
        if format != "csv" {
            assert!(!text.contains(|letter| is_hidden(letter) && letter != '\n'), "{text:?}");
        }
        match format {
            "json" => assert_eq!(ids(&serde_json::from_str(&text).unwrap()), expected),
            "yaml" => assert_eq!(ids(&serde_saphyr::from_str(&text).unwrap()), expected),
            "jsonl" => {
                let rows = text.lines().map(|line| serde_json::from_str(line).unwrap());
                assert_eq!(ids(&Value::Array(rows.collect())), expected);
            }
            "csv" => {
                assert!(HOSTILE.iter().all(|id| text.contains(&csv_field(id))), "{text:?}");
            }
            _ => {}
        }
    }
    for hostile in HOSTILE {
        for args in [
            ["server", "orchestration", hostile],
            // Its answer is that it has ended already.
            ["server", "cancel", hostile],
        ] {
            let terminal = whole(on_terminal(&database.url, 60, &args));
            assert_harmless(&terminal);
            let output = piped(&database.url, &args);
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8(said).unwrap();
            assert!(!said.contains(|letter| is_hidden(letter) && letter != '\n'), "{said:?}");
            assert!(!said.contains("\n✓ No drift"), "{said}");
        }
    }
}

/// The question and what stands above it are about one orchestration, whatever its id says.
#[test]
fn a_name_cannot_forge_the_question() {
    let database = orchestrations();
    let id = "x\n\n⚠ Nothing will happen\r? Are you sure? (y/N) \u{1b}[2K\u{202e}";
    database.psql(&format!(
        "SET search_path = toygres_duroxide;
         INSERT INTO instances (instance_id, orchestration_name, orchestration_version,
             current_execution_id, created_at, updated_at)
         VALUES ($evil${id}$evil$, 'create-instance', '1.0.0', 1, now(), now());
         INSERT INTO executions (instance_id, execution_id, status, started_at)
         VALUES ($evil${id}$evil$, 1, 'Running', now());"
    ));
    let mut session = on_terminal(&database.url, 100, &["server", "cancel", id]);
    let before = expectrl::Expect::expect(&mut session, "want to cancel? (y/N)").unwrap();
    let shown = String::from_utf8_lossy(before.before()).into_owned();
    expectrl::Expect::send(&mut session, "n").unwrap();
    let shown = plain(&shown.replace("\r\n", "\n"));
    assert!(shown.contains(r"x\n\n⚠ Nothing will happen\r?"), "{shown:?}");
    let glyphs = shown.lines().filter(|line| line.starts_with('⚠')).count();
    assert_eq!(glyphs, 1, "{shown}");
    assert!(!shown.contains(|letter| is_hidden(letter) && letter != '\n'), "{shown:?}");
    whole(session);
}

/// A message of several lines stands below its first, behind a bar.
#[test]
fn messages_of_a_database_cannot_forge_lines() {
    let database = PrivatePostgres::shared().database().unwrap();
    for hostile in HOSTILE {
        let sql = format!("SELECT $evil${hostile}\n✓ No drift detected\nerror: x$evil$::int");
        let args = ["server", "db-query", &sql];
        let output = piped(&database.url, &args);
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("✓ No drift detected"), "{said}");
        for line in said.lines() {
            let own = ["error: invalid input syntax", "warning:", "  "];
            assert!(own.iter().any(|own| line.starts_with(own)), "{line:?} in {said}");
        }
        assert!(!said.contains(|letter| is_hidden(letter) && letter != '\n'), "{said:?}");
        for columns in [40, 80] {
            let terminal = whole(on_terminal(&database.url, columns, &args));
            assert_harmless(&terminal);
            assert_not_forged(&terminal);
        }
        let json = piped(&database.url, &[&args[..], &["-o", "json"]].concat());
        let said = String::from_utf8(json.stderr).unwrap();
        assert!(!said.contains(|letter| is_hidden(letter) && letter != '\n'), "{said:?}");
        let error: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
        assert!(error["message"].as_str().unwrap().contains(hostile), "{error}");
    }
}

/// An API that answers everything with this document.
fn api(status: &str, body: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    );
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let _head = stream.read(&mut [0; 4096]);
            let _gone = stream.write_all(answer.as_bytes());
        }
    });
    url
}

#[test]
fn messages_of_an_api_cannot_forge_lines() {
    let message = format!("{}\n✓ No drift detected\n", HOSTILE.concat());
    let body = json!({"error": message, "message": message, "hint": message, "kind": "failed",
        "causes": [message]});
    let api = api("409 Conflict", &body.to_string());
    for args in [&["list"][..], &["get", "x"], &["delete", "x", "--force"]] {
        let output = Command::new(toygres::binary())
            .args(args)
            .env("TOYGRES_API_URL", &api)
            .env("TOYGRES_API_TOKEN", "0123456789abcdef0123456789abcdef")
            .env("LANG", "C.UTF-8")
            .env("TOYGRES_PLUGIN_PATH", toygres::plugins())
            .output()
            .unwrap();
        assert!(!output.status.success());
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(said.contains("No drift detected"), "{said}");
        assert!(!said.contains(|letter| is_hidden(letter) && letter != '\n'), "{said:?}");
        for line in said.lines() {
            assert!(line.starts_with("error: ") || line.starts_with("  "), "{line:?} in {said}");
        }
    }
}

/// The note of a page names the next one, which is one command at any width.
#[test]
fn a_command_is_one_line_on_any_terminal() {
    let database = orchestrations();
    let id = "zz-this is the newest of all; it has 'quotes' and $(touch X) `touch X` in its id";
    database.psql(&format!(
        "INSERT INTO toygres_duroxide.instances (instance_id, orchestration_name,
             orchestration_version, current_execution_id, created_at, updated_at)
         VALUES ($evil${id}$evil$, 'x', '1.0.0', 1, now() + interval '1 minute', now());"
    ));
    let args = ["server", "orchestrations", "--limit", "1"];
    let note = |text: &str| -> String {
        let (_, rest) = text.split_once("go on with `").unwrap_or_else(|| panic!("{text}"));
        rest.split_once('`').unwrap().0.to_owned()
    };
    let output = piped(&database.url, &args);
    let whole_note = note(&String::from_utf8(output.stderr).unwrap());
    for columns in [40, 80, 200] {
        let terminal = plain(&whole(on_terminal(&database.url, columns, &args)));
        assert!(terminal.contains(&whole_note), "{columns}: {terminal}");
    }
}
