//! On a terminal: width, colour, redrawing, and the question before a cancellation.

#[path = "terminal/hostile.rs"]
mod hostile;

use expectrl::session::{OsSession, Session};
use expectrl::{Eof, Expect};
use std::process::Command;
use std::time::Duration;
use toygres_tests::postgres::{Database, PrivatePostgres};
use toygres_tests::secrets::Secrets;
use toygres_tests::toygres;
use toygres_tests::workload::{Scenario, Workload};

/// A database with one orchestration that waits.
fn waiting() -> (Database<'static>, Workload) {
    let database = PrivatePostgres::shared().database().unwrap();
    let workload =
        Workload::start_only(&database.url, &Secrets::canaries(), &[Scenario::Event]).unwrap();
    (database, workload)
}

/// The real binary on a terminal of its own, so many columns wide.
fn on_terminal(url: &str, columns: u16, args: &[&str]) -> OsSession {
    on_terminal_called(Some("xterm-256color"), url, columns, args)
}

/// The same on one that says what it is; none says nothing.
fn on_terminal_called(term: Option<&str>, url: &str, columns: u16, args: &[&str]) -> OsSession {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command
        // It begins when the terminal has its size.
        .args(["-c", "read _; exec \"$0\" \"$@\""])
        .arg(toygres::binary())
        .args(args)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home.path())
        .envs(term.map(|term| ("TERM", term)))
        .env("LANG", "C.UTF-8")
        .env("DATABASE_URL", url)
        .env("TOYGRES_PLUGIN_PATH", toygres::plugins());
    let mut session = Session::spawn(command).unwrap();
    session.set_expect_timeout(Some(Duration::from_secs(30)));
    session.get_process_mut().set_window_size(columns, 40).unwrap();
    session.send_line("").unwrap();
    session
}

/// Everything that it wrote until it ended.
fn whole(mut session: OsSession) -> String {
    let found = session.expect(Eof).unwrap();
    let bytes = found.get(0).map(<[u8]>::to_vec).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The text without escape sequences.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' {
            // `ESC [ … letter`.
            letters.next();
            for letter in letters.by_ref() {
                if letter.is_ascii_alphabetic() {
                    break;
                }
            }
        } else {
            plain.push(letter);
        }
    }
    plain
}

#[test]
fn tables_fit_the_terminal_and_have_colour() {
    let (database, workload) = waiting();
    for columns in [75, 80, 200] {
        let written = whole(on_terminal(&database.url, columns, &["server", "orchestrations"]));
        assert!(written.contains('\u{1b}'), "no colour: {written}");
        // Sentences are left to the terminal to wrap; the rule and the table are ours to fit.
        let plain = plain(&written);
        let table: Vec<&str> =
            plain.lines().filter(|line| line.starts_with(['I', 'c', '━'])).collect();
        assert_eq!(table.len(), 3, "{plain}");
        for line in table {
            let width = line.trim_end_matches('\r').chars().count();
            assert!(width <= usize::from(columns), "{width} > {columns}: {line}");
        }
    }
    let colourless = ["server", "orchestrations", "--color", "never"];
    let written = whole(on_terminal(&database.url, 80, &colourless));
    assert!(!written.contains('\u{1b}'), "{written}");
    workload.stop();
}

/// What a row is called is whole as long as there is room; what is cut is said; `wide` cuts nothing.
#[test]
fn nothing_is_cut_silently() {
    let (database, workload) = waiting();
    let id = Scenario::Event.id();
    let list = ["server", "orchestrations"];
    let written = |columns: u16, more: &[&str]| {
        plain(&whole(on_terminal(&database.url, columns, &[&list[..], more].concat())))
    };
    assert!(!written(200, &[]).contains("cells are cut"));
    let narrow = written(80, &[]);
    assert!(narrow.contains(id) && narrow.contains("cells are cut"), "{narrow}");
    let records = written(60, &[]);
    assert!(records.contains(id) && !records.contains("cells are cut"), "{records}");
    let wide = written(70, &["-o", "wide"]);
    assert!(wide.contains(id) && !wide.contains("cells are cut"), "{wide}");
    assert!(wide.contains("STATUS") && !wide.contains('…'), "{wide}");
    workload.stop();
}

/// A later row may be wider than those that the widths were made of.
#[test]
fn a_file_has_every_row_whole() {
    let database = PrivatePostgres::shared().database().unwrap();
    let sql = "SELECT repeat('x', n / 1000 + 1) AS x FROM generate_series(1, 2999) n";
    let output = Command::new(toygres::binary())
        .args(["server", "db-query", sql, "--limit", "0"])
        .env("DATABASE_URL", &database.url)
        .env("TOYGRES_PLUGIN_PATH", toygres::plugins())
        .output()
        .unwrap();
    let written = String::from_utf8(output.stdout).unwrap();
    assert_eq!(written.lines().filter(|line| *line == "xxx").count(), 1000, "{written}");
}

#[test]
fn a_cancellation_is_asked_for_and_can_be_declined() {
    let (database, workload) = waiting();
    let id = Scenario::Event.id();
    let mut session = on_terminal(&database.url, 100, &["server", "cancel", id]);
    session.expect("Cancel Orchestration").unwrap();
    session.expect("? Are you sure you want to cancel? (y/N) ").unwrap();
    session.send("n").unwrap();
    let written = whole(session);
    assert!(written.contains("declined"), "{written}");

    let mut session = on_terminal(&database.url, 100, &["server", "cancel", id, "--wait"]);
    session.expect("Are you sure you want to cancel?").unwrap();
    session.send("y").unwrap();
    let written = whole(session);
    assert!(written.contains("Orchestration cancelled"), "{written}");
    workload.stop();
}

#[test]
fn an_interruption_at_the_question_is_one() {
    let (database, workload) = waiting();
    let id = Scenario::Event.id();
    let mut session = on_terminal(&database.url, 100, &["server", "cancel", id]);
    session.expect("Are you sure you want to cancel?").unwrap();
    session.send("\u{3}").unwrap();
    let found = session.expect(Eof).unwrap();
    let written = String::from_utf8_lossy(found.get(0).unwrap()).into_owned();
    assert!(written.contains("interrupted") && !written.contains("not answered"), "{written}");
    let status = session.get_process().wait().unwrap();
    assert!(format!("{status:?}").contains("130"), "{status:?}");
    workload.stop();
}

#[test]
fn watching_redraws_in_place_until_it_is_interrupted() {
    let (database, workload) = waiting();
    let args = ["server", "orchestrations", "--watch", "--interval", "200ms"];
    let mut session = on_terminal(&database.url, 100, &args);
    session.expect("orchestration found").unwrap();
    // The second frame begins by going up over the first.
    session.expect("\u{1b}[").unwrap();
    session.expect("A\r").unwrap();
    session.expect("orchestration found").unwrap();
    session.send("\u{3}").unwrap();
    // It is how one ends it: the shell sees that, and nothing is said.
    let found = session.expect(Eof).unwrap();
    let written = String::from_utf8_lossy(found.get(0).unwrap()).into_owned();
    assert!(!written.contains("interrupted") && !written.contains("error"), "{written}");
    let status = session.get_process().wait().unwrap();
    assert!(format!("{status:?}").contains("130"), "{status:?}");
    workload.stop();
}

/// A terminal that cannot move its cursor gets one block below the other, and no colours.
#[test]
fn a_terminal_that_obeys_no_escapes_gets_none() {
    let (database, workload) = waiting();
    let args = ["server", "orchestrations", "--watch", "--interval", "200ms"];
    for term in [Some("dumb"), Some(""), None] {
        let mut session = on_terminal_called(term, &database.url, 100, &args);
        let mut written = String::new();
        for _ in 0..2 {
            let found = session.expect("orchestration found").unwrap();
            written += &String::from_utf8_lossy(found.as_bytes());
        }
        session.send("\u{3}").unwrap();
        written += &whole(session);
        assert!(!written.contains("error"), "{term:?}: {written}");
        assert!(!written.contains('\u{1b}'), "{term:?}: {written:?}");
        let list = whole(on_terminal_called(term, &database.url, 100, &args[..2]));
        assert!(!list.contains('\u{1b}'), "{term:?}: {list:?}");
    }
    workload.stop();
}

#[test]
fn a_watch_says_when_it_drew_and_ends_at_q_without_an_echo() {
    let (database, workload) = waiting();
    let args = ["server", "orchestrations", "--watch", "--interval", "200ms"];
    let mut session = on_terminal(&database.url, 100, &args);
    let found = session.expect("orchestration found").unwrap();
    let before = String::from_utf8_lossy(found.before()).into_owned();
    let title = plain(&before);
    let title = title.lines().find(|line| line.contains("every 0.2s")).unwrap_or_default();
    assert!(title.contains("q quits") && title.contains(':'), "{before}");
    session.send("xq").unwrap();
    let found = session.expect(Eof).unwrap();
    let written = String::from_utf8_lossy(found.get(0).unwrap()).into_owned();
    assert!(
        !plain(&written).contains(['q', 'x']) || plain(&written).contains("q quits"),
        "{written}"
    );
    assert!(!written.contains("error"), "{written}");
    let last = plain(&written);
    assert!(!last.trim_end().ends_with(['q', 'x']), "the key is echoed: {last:?}");
    let status = session.get_process().wait().unwrap();
    assert!(
        format!("{status:?}").contains("Exited") && format!("{status:?}").contains(" 0"),
        "{status:?}"
    );
    workload.stop();
}

/// What is longer than the terminal can be scrolled to its end.
#[test]
fn a_long_watch_is_seen_whole() {
    let (database, workload) = waiting();
    let args = ["server", "stats", "--watch", "--interval", "500ms"];
    let mut session = on_terminal(&database.url, 100, &args);
    session.get_process_mut().set_window_size(100, 12).unwrap();
    session.expect("more lines").unwrap();
    session.send("G").unwrap();
    session.expect("lines above").unwrap();
    session.send("g").unwrap();
    session.expect("more lines").unwrap();
    session.send("q").unwrap();
    session.expect(Eof).unwrap();
    workload.stop();
}

/// What does not fit becomes records, as with `\x auto` of `psql`, and nothing of it is cut.
#[test]
fn wide_rows_become_records() {
    let database = PrivatePostgres::shared().database().unwrap();
    let columns: Vec<String> =
        (0..25).map(|n| format!("repeat('{n},', 6) AS column_{n}")).collect();
    let sql = format!("SELECT {} FROM generate_series(1, 2)", columns.join(", "));
    for format in ["table", "wide"] {
        for width in [20, 80, 200] {
            let args = ["server", "db-query", &sql, "-o", format];
            let written = plain(&whole(on_terminal(&database.url, width, &args)));
            let unbroken = written.replace(['\r', '\n', ' '], "");
            assert_eq!(unbroken.matches("column_24").count(), 2, "{written}");
            assert_eq!(unbroken.matches("24,24,24,24,24,24,").count(), 2, "{written}");
            assert!(!written.contains("cells are cut"), "{written}");
        }
    }
    // One that fits is a table.
    let args = ["server", "db-query", "SELECT 1 AS a, repeat('x', 70) AS b"];
    let written = plain(&whole(on_terminal(&database.url, 80, &args)));
    assert!(written.contains("a  b\r\n━"), "{written}");
}

/// Whatever a remark offers is taken.
#[test]
fn wide_is_taken_by_every_command() {
    let database = PrivatePostgres::shared().database().unwrap();
    for words in [&["server", "db-status", "-v"][..], &["server", "stats"], &["server", "config"]] {
        let args = [words, &["-o", "wide"]].concat();
        let written = plain(&whole(on_terminal(&database.url, 60, &args)));
        assert!(
            !written.contains("invalid value") && !written.contains("cells are cut"),
            "{written}"
        );
    }
}
