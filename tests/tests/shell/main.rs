//! The command line in shells: what is completed, in the shells themselves, with the database up,
//! down and silent; help, manual pages, and what is suggested for what was mistyped.

#[path = "../support/mod.rs"]
mod support;

mod bash;
mod before;
mod exec;
mod fish;
mod help;
mod manual;
mod mistyped;
mod offered;
mod plugins;
mod unsaid;
mod values;
mod zsh;

use expectrl::session::{OsSession, Session};
use expectrl::{Expect, Regex};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;
use support::{Ran, Toygres};
use tempfile::TempDir;
use toygres_tests::postgres::{Database, PrivatePostgres};
use toygres_tests::secrets::Secrets;
use toygres_tests::{cms, generations, toygres};

/// A name that would do something, were it not quoted.
const TREACHEROUS: &str = "treacherous-$(touch done) `touch done`;*'\"";

/// More of them, each for a quote that was open where it was completed.
const TREACHEROUS_IN_QUOTES: [&str; 5] =
    ["qq $(touch done)`touch done`", "s1'$(touch done)'z", "dq\"x$HOME", "bang!x y", "end'\"!"];

/// So long may a value take where one is awaited: the machine may have a lot to do.
const PATIENCE: &str = "60000";

/// Orchestrations and instances, made once for all tests of this process.
fn database() -> &'static Database<'static> {
    static SHARED: OnceLock<Database<'static>> = OnceLock::new();
    SHARED.get_or_init(|| {
        let database = PrivatePostgres::shared().database().expect("a database");
        generations::many_orchestrations(&database.url, 120)
            .and_then(|()| cms::create(&database.url, &Secrets::canaries()))
            .unwrap_or_else(|error| panic!("{error}"));
        let in_quotes = TREACHEROUS_IN_QUOTES.map(|id| format!(", ($evil${id}$evil$, 'x', 1, now(), now())"));
        let in_quotes = in_quotes.concat();
        database.psql(&format!(
            "SET search_path = toygres_duroxide;
             INSERT INTO instances (instance_id, orchestration_name, current_execution_id, created_at,
                 updated_at)
             VALUES ('health-alone-00000001', 'health-monitor', 1, '2024-11-17 12:00Z', now()),
                 ('health-alone-00000001::sub::4', 'check', 1, '2024-11-17 12:01Z', now()),
                 ('health-alone-00000001::sub::4::sub::2', 'check', 1, '2024-11-17 12:02Z', now()),
                 ('under_score', 'x', 1, now(), now()), ('underXscore', 'x', 1, now(), now()),
                 ($evil${TREACHEROUS}$evil$, 'x', 1, now(), now()){in_quotes};
             INSERT INTO executions (instance_id, execution_id, status, started_at)
             VALUES ('health-alone-00000001', 1, 'Running', now()), ('under_score', 1, 'ContinuedAsNew', now());"
        ));
        database
    })
}

/// A place of its own for a shell: a folder with `toygres` on the path, and no configuration.
struct Place {
    home: TempDir,
}

impl Place {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("bin")).unwrap();
        std::os::unix::fs::symlink(toygres::binary(), home.path().join("bin/toygres")).unwrap();
        Self { home }
    }

    fn path(&self) -> &Path {
        self.home.path()
    }

    /// A program in this place, on this database.
    fn command(&self, program: &Path, url: &str) -> Command {
        let bin = self.path().join("bin");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("HOME", self.path())
            .env("TERM", "xterm")
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .env("DATABASE_URL", url)
            .env("TOYGRES_COMPLETION_MS", PATIENCE)
            .env("TOYGRES_PLUGIN_PATH", toygres::plugins())
            .current_dir(self.path());
        command
    }

    /// Runs a script in a shell, and answers what it wrote; stderr has to stay empty.
    #[track_caller]
    fn script(&self, shell: &Path, arguments: &[&str], url: &str, script: &str) -> String {
        let output = self.command(shell, url).args(arguments).arg(script).output().unwrap();
        let ran = Ran::of(output);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{script}: {ran:#?}");
        ran.stdout
    }

    /// An interactive shell on a terminal.
    fn terminal(&self, shell: &Path, arguments: &[&str], url: &str) -> OsSession {
        let mut command = self.command(shell, url);
        command.args(arguments);
        let mut session = Session::spawn(command).unwrap();
        session.set_expect_timeout(Some(Duration::from_secs(60)));
        session.get_process_mut().set_window_size(200, 50).unwrap();
        session
    }
}

/// The line of an interactive shell after these keys, which has `^Xq` show it between `<<` and `>>`;
/// then it is empty again.
fn line_after(terminal: &mut OsSession, typed: &str) -> String {
    terminal.send(typed).unwrap();
    terminal.send("\x18q").unwrap();
    let shown = terminal.expect(Regex("<<[^>]*>>")).unwrap();
    let shown = String::from_utf8_lossy(shown.get(0).unwrap()).into_owned();
    terminal.send("\x15").unwrap();
    shown[2..shown.len() - 2].to_owned()
}

/// A shell, where this machine has it.
fn shell(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|folder| folder.join(name)).find(|it| it.is_file());
    if found.is_none() {
        eprintln!("passed over: there is no `{name}`");
    }
    found
}

/// What a script of `shell` would be told: the values, and what they are.
#[track_caller]
fn offered(toygres: Toygres, shell: &str, words: &[&str]) -> Vec<(String, String)> {
    let at = (words.len() - 1).to_string();
    let ran = toygres
        .args(["completions", shell, "--at", &at, "--"])
        .args(words.iter().copied())
        .run()
        .code(0);
    assert_eq!(ran.stderr, "", "{words:?}");
    assert!(ran.stdout.is_empty() || ran.stdout.ends_with('\n'), "half a line: {ran:#?}");
    let lines = ran.stdout.lines().map(|line| line.split_once('\t').unwrap_or((line, "")));
    lines.map(|(value, help)| (value.to_owned(), help.to_owned())).collect()
}

/// The values alone, for fish.
#[track_caller]
fn values(toygres: Toygres, words: &[&str]) -> Vec<String> {
    offered(toygres, "fish", words).into_iter().map(|(value, _)| value).collect()
}
