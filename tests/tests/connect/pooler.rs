//! Through PgBouncer, in both modes: every diagnostic command has the answer that it has without.

use crate::servers::is_there;
use crate::support::Toygres;
use crate::support::plane::Plane;
use serde_json::Value;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use toygres_tests::wait;

/// A pooler before one server.
pub(crate) struct Pooler {
    child: Child,
    _folder: TempDir,
    port: u16,
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Parts of a URL of a private server.
struct Place {
    user: String,
    password: String,
    port: u16,
    database: String,
}

fn place(url: &str) -> Place {
    let rest = url.split_once("://").unwrap().1;
    let (account, rest) = rest.rsplit_once('@').unwrap();
    let (user, password) = account.split_once(':').unwrap();
    let (address, database) = rest.split_once('/').unwrap();
    let port = address.rsplit_once(':').unwrap().1.parse().unwrap();
    let database = database.split('?').next().unwrap();
    let own = |text: &str| text.to_owned();
    Place { user: own(user), password: own(password), port, database: own(database) }
}

impl Pooler {
    /// None, and a word on stderr, where there is no PgBouncer.
    pub(crate) fn start(url: &str, mode: &str) -> Option<Self> {
        let Some(program) = is_there("pgbouncer") else {
            eprintln!("passed over: there is no `pgbouncer`");
            return None;
        };
        let Place { user, password, port, .. } = place(url);
        let folder = tempfile::Builder::new().prefix("toygres-pooler-").tempdir_in("/tmp").unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // It refuses to run as root.
        let root = rustix_is_root();
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {free}\nunix_socket_dir =\nauth_type = scram-sha-256\n\
             auth_file = {0}/users\npool_mode = {mode}\nmax_client_conn = 200\n\
             default_pool_size = 60\nadmin_users = {user}\nlogfile = {0}/log\n{1}",
            folder.path().display(),
            if root { "user = nobody\n" } else { "" },
        );
        std::fs::write(folder.path().join("settings"), settings).unwrap();
        std::fs::write(folder.path().join("users"), format!("\"{user}\" \"{password}\"\n"))
            .unwrap();
        let open = |path: &std::path::Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        open(folder.path(), 0o777);
        for name in ["settings", "users"] {
            open(&folder.path().join(name), 0o644);
        }
        let child = Command::new(program)
            .arg("-q")
            .arg(folder.path().join("settings"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait::until("the pooler", || {
            Ok(std::net::TcpStream::connect(("127.0.0.1", free)).is_ok().then_some(()))
        })
        .unwrap();
        Some(Self { child, _folder: folder, port: free })
    }

    /// The database of a URL by way of the pooler.
    pub(crate) fn url(&self, url: &str) -> String {
        let Place { user, password, database, .. } = place(url);
        format!("postgres://{user}:{password}@127.0.0.1:{}/{database}", self.port)
    }
}

fn rustix_is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    String::from_utf8_lossy(&id.stdout).trim() == "0"
}

/// Every command that looks at the database.
const COMMANDS: [&[&str]; 8] = [
    &["server", "db-status"],
    &["server", "db-query", "SELECT count(*) FROM toygres_cms.instances"],
    &["server", "db-query", "SHOW transaction_read_only"],
    &["server", "db-query", "SELECT current_setting('default_transaction_read_only') AS held"],
    &["server", "orchestrations"],
    &["server", "stats"],
    &["server", "workers"],
    &["server", "drift"],
];

/// The URL of the plane's own database.
fn database_url(plane: &Plane) -> String {
    let config = std::fs::read_to_string(plane.home().join("config.toml")).unwrap();
    let line = config.lines().find(|line| line.trim_start().starts_with("url = ")).unwrap();
    line.split('"').nth(1).unwrap().to_owned()
}

/// How much there is of each list: what does not change from one moment to the next.
fn shape(document: &Value) -> Value {
    match document {
        Value::Array(rows) => rows.len().into(),
        Value::Object(fields) => {
            let lists = fields.iter().filter(|(_, value)| value.is_array());
            lists.map(|(name, rows)| (name.clone(), shape(rows))).collect()
        }
        _ => Value::Null,
    }
}

/// The checks that fail, other than for want of time: this machine may be busy.
fn failed_checks(plane: &Plane, url: &str) -> Vec<Value> {
    let args = ["server", "health", "-o", "json", "--database-url", url];
    let ran = plane.toygres().args(args).run();
    let document = ran.json();
    let checks = document["checks"].as_array().unwrap().iter();
    let failed = checks.filter(|check| check["outcome"] == "failed");
    let told = failed.filter(|check| !check["summary"].as_str().unwrap().contains(" within "));
    told.map(|check| check["code"].clone()).collect()
}

#[test]
fn every_diagnostic_command_works_in_both_modes() {
    let plane = Plane::shared();
    let url = database_url(plane);
    for mode in ["session", "transaction"] {
        let Some(pooler) = Pooler::start(&url, mode) else { return };
        let pooled = pooler.url(&url);
        for round in 0..4 {
            std::thread::scope(|scope| {
                for command in COMMANDS {
                    let (url, pooled) = (&url, &pooled);
                    scope.spawn(move || {
                        let ask = |url: &str| {
                            let args = command.iter().copied();
                            let ran = plane.toygres().args(args).args([
                                "-o",
                                "json",
                                "--database-url",
                                url,
                            ]);
                            ran.run()
                        };
                        let ran = ask(pooled);
                        assert!(
                            !ran.stderr.contains("42P05") && !ran.stdout.contains("42P05"),
                            "{mode} {round}: {ran:#?}"
                        );
                        let expected = ask(url);
                        assert_eq!(ran.code, expected.code, "{mode} {round} {command:?}: {ran:#?}");
                        if ran.code == 0 {
                            assert_eq!(shape(&ran.json()), shape(&expected.json()), "{command:?}");
                        }
                    });
                }
            });
        }
        for _ in 0..4 {
            assert_eq!(failed_checks(plane, &pooled), failed_checks(plane, &url), "{mode}");
        }
        // Nothing of a transaction is left to whoever has its session next.
        let left = "SELECT current_setting('default_transaction_read_only') || \
                    (SELECT count(*) FROM pg_prepared_statements)";
        let psql = Command::new(crate::servers::psql())
            .args(["-X", "-A", "-t", "-c", left, "-d", &pooled])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&psql.stdout).trim(), "off0", "{mode}");
    }
}

#[test]
fn a_statement_that_fails_leaves_nothing_in_the_pool() {
    let plane = Plane::shared();
    let url = database_url(plane);
    let Some(pooler) = Pooler::start(&url, "transaction") else { return };
    let pooled = pooler.url(&url);
    let ask = |sql: &str| Toygres::on(&pooled).args(["server", "db-query", sql, "-o", "csv"]).run();
    for _ in 0..3 {
        ask("SELECT 1/0").code(2);
        // Ended where it takes long enough to be seen.
        let locked = ask("SELECT pg_advisory_lock(1)");
        assert!(matches!(locked.code, 0 | 6), "{locked:#?}");
        ask("EXPLAIN SELECT 1").code(0);
        ask("SELECT nosuch").code(2);
    }
    let left = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 1";
    ask(left).code(0).shows("\n0");
    ask("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'toygres%'")
        .code(0)
        .shows("\n0");
}

/// The control plane needs sessions of its own, and says so where it gets none.
#[test]
fn what_needs_sessions_is_refused_by_name_where_there_are_none() {
    let plane = Plane::shared();
    let url = database_url(plane);
    let Some(pooler) = Pooler::start(&url, "transaction") else { return };
    let pooled = pooler.url(&url);
    let cancel = ["server", "cancel", "no-such-orchestration", "--force"];
    let ran = plane.toygres().args(cancel).args(["--database-url", &pooled]).run();
    assert!(!ran.stderr.contains("42P05"), "{ran:#?}");
    assert_ne!(ran.code, 0);
    drop(pooler);
    let Some(pooler) = Pooler::start(&url, "session") else { return };
    let direct = plane.toygres().args(cancel).args(["--database-url", &url]).run();
    let ran = plane.toygres().args(cancel).args(["--database-url", &pooler.url(&url)]).run();
    assert_eq!((ran.code, ran.stderr), (direct.code, direct.stderr));
}
