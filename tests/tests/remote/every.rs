//! Every command that a server runs for others, here and from elsewhere: the same bytes and the same
//! exit code. Which commands there are is read from the manifests, so that a new one has to be
//! listed here.
//!
//! The server of this test works on nothing, so that two runs see the same.

use crate::support::{Ran, Toygres};
use regex::Regex;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::LazyLock;
use toygres_tests::control::{Deployment, Mode, Options, Server};

/// What moves between two runs by itself, and why.
const MOVING: &[(&str, &str)] = &[
    ("at", "when it was looked at"),
    ("checked_at", "when it was looked at"),
    ("since", "told from now, where a length of time was asked for"),
    ("window_ms", "told from now"),
    ("rolled_until", "written by the server meanwhile"),
    ("duration_ms", "measured"),
    ("response_ms", "measured"),
    ("round_trip_ms", "measured"),
    ("skew_ms", "measured"),
    ("ahead_ms", "measured"),
    ("age_ms", "told from now"),
    ("oldest_ms", "told from now"),
    ("uptime_ms", "told from now"),
    ("elapsed_ms", "told from now"),
    ("seen_at", "a heartbeat comes meanwhile"),
    ("heartbeat_at", "a heartbeat comes meanwhile"),
    ("pid", "a session of its own each time"),
    ("avg_query_ms", "measured"),
    ("checked_ms", "told from now"),
    ("available_bytes", "others write to the same disk"),
    ("connections", "the server's own come and go"),
    ("left", "of connections"),
    ("age", "in transactions, of which each run makes some"),
];

/// A deployment whose server takes requests and does no work.
struct Quiet {
    deployment: Deployment,
    server: Server,
}

impl Quiet {
    fn new() -> Option<Self> {
        let deployment = Deployment::new()?;
        let mut working = deployment.start(Options::default());
        let wanted = json!({"name": "quietdb", "password": "test123"});
        let name = working.api().unwrap().create(&wanted)["k8s_name"].as_str().unwrap().to_owned();
        deployment.reaches(&name, "running").unwrap();
        deployment.comes_to_rest().unwrap();
        working.stop().unwrap();
        let server = deployment.start(Options::mode(Mode::Api));
        Some(Self { deployment, server })
    }

    fn away(&self) -> Toygres {
        let line = |name: &str| {
            let file = self.server.home().join("toygres").join(name);
            std::fs::read_to_string(file).unwrap().trim().to_owned()
        };
        Toygres::new()
            .env("TOYGRES_API_URL", &line("api-url"))
            .env("TOYGRES_API_TOKEN", &line("api-token"))
    }

    fn here(&self) -> Toygres {
        self.away()
            // Its log is what `logs` reads.
            .env("TOYGRES_HOME", &self.server.home().join("toygres").to_string_lossy())
            .env("DATABASE_URL", &self.deployment.database.url)
            .env("KUBECONFIG", &self.deployment.world.api.kubeconfig().to_string_lossy())
            .env("AKS_NAMESPACE", &self.deployment.namespace)
            // As its server has them.
            .env("TOYGRES_LEASE_MS", "2000")
            .env("TOYGRES_MONITOR_INTERVAL_MS", "1000")
    }

    /// The commands that a server runs for others, by their manifests.
    fn commands(&self) -> BTreeSet<String> {
        let list = self.here().args(["plugin", "list", "-o", "json"]).run().code(0).json();
        let plugins = list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap());
        let mut commands = BTreeSet::new();
        for plugin in plugins {
            let info = self.here().args(["plugin", "info", plugin, "-o", "json"]).run().code(0);
            for command in info.json()["commands"].as_array().unwrap() {
                if command["scope"] == "server" && command["here"] == false {
                    commands.insert(command["name"].as_str().unwrap().to_owned());
                }
            }
        }
        commands
    }
}

/// The same with what moves made equal.
fn settled(ran: &Ran, format: &str) -> String {
    static WORDS: LazyLock<Regex> = LazyLock::new(|| {
        // What a person reads of the same: ages, what was measured, and clocks.
        let counted = r"\d+ of \d+ connections|\d+/\d+ active|\d+ transactions|\d+(\.\d+)? GB";
        let ago = r"\d+(\.\d+)?( minutes?| seconds?|ms|s|m)( \d+s)?( ago)?|just now";
        Regex::new(&format!(r"({counted}|{ago}|\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?) *"))
            .unwrap()
    });
    let text = |text: &str| {
        let value = match format {
            "yaml" => serde_saphyr::from_str::<Value>(text).ok().filter(|value| !value.is_string()),
            _ => serde_json::from_str::<Value>(text).ok(),
        };
        match value {
            Some(mut value) => {
                settle(&mut value);
                serde_json::to_string_pretty(&value).unwrap()
            }
            None => WORDS.replace_all(text, "~ ").into_owned(),
        }
    };
    format!("{}\n{}", text(&ran.stdout), text(&ran.stderr))
}

/// The lines that differ.
fn difference(here: &str, away: &str) -> String {
    let (here, away): (Vec<&str>, Vec<&str>) = (here.lines().collect(), away.lines().collect());
    let pairs = (0..here.len().max(away.len())).map(|n| (here.get(n), away.get(n)));
    let differing = pairs.filter(|(here, away)| here != away);
    differing.take(12).map(|(here, away)| format!("\n  {here:?}\n  {away:?}")).collect()
}

fn settle(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                if MOVING.iter().any(|(moving, _)| moving == key) && !value.is_null() {
                    *value = json!("moving");
                } else if key == "summary" {
                    static MEASURED: LazyLock<Regex> = LazyLock::new(|| {
                        let counted = r"\d+ of \d+ connections|\d+ transactions";
                        Regex::new(&format!(r"\d+(\.\d+)?m?s\b|{counted}")).unwrap()
                    });
                    let text = value.as_str().unwrap_or_default();
                    *value = json!(MEASURED.replace_all(text, "~"));
                } else {
                    settle(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(settle),
        _ => {}
    }
}

#[test]
fn every_command_answers_the_same_from_elsewhere() {
    let Some(quiet) = Quiet::new() else { return };
    let name = "SELECT k8s_name FROM toygres_cms.instances";
    let name = quiet.deployment.database.psql(name).trim().to_owned();
    let create = format!("create-{name}");
    let nosuch = ["create-nosuch-00000000"];
    let drop = "DROP TABLE x";
    let slow = "SELECT pg_sleep(20)";
    // The command, what is typed behind it, and how it ends.
    let cases: &[(&str, &[&str], i32)] = &[
        ("cancel", &[&create, "--force"], 0),
        ("cancel", &nosuch, 5),
        ("cancel", &[], 2),
        ("db-query", &["SELECT 1 AS n, NULL AS x"], 0),
        ("db-query", &["SELEC 1"], 2),
        ("db-query", &[drop], 6),
        ("db-query", &[slow, "--timeout", "200ms"], 7),
        ("db-query", &["--file", "nosuch.sql"], 2),
        ("db-status", &[], 0),
        ("drift", &[], 0),
        ("drift", &["--verbose"], 0),
        ("drift", &["--ignore", "what"], 2),
        // Nobody works here.
        ("health", &["--verbose"], 1),
        ("health", &["--check", "nosuch"], 2),
        // Nothing of that level is in it.
        ("logs", &["--level", "error"], 0),
        ("logs", &["--since", "never"], 2),
        ("orchestration", &[&create], 0),
        ("orchestration", &[&create, "--history"], 0),
        ("orchestration", &nosuch, 5),
        ("orchestrations", &[], 0),
        ("orchestrations", &["--status", "failed"], 0),
        ("orchestrations", &["--limit", "-1"], 2),
        ("orchestrations", &["--count", "--group-by", "type"], 2),
        ("stats", &[], 0),
        ("stats", &["--since", "never"], 2),
        ("sync", &["--dry-run"], 0),
        ("sync", &["--import", "nosuch-00000000"], 5),
        ("sync", &["--mark-deleted", "quietdb"], 9),
        ("sync", &["--import", "a", "--mark-deleted", "b"], 2),
        ("workers", &[], 0),
        ("workers", &["--nosuch"], 2),
    ];
    let tried: BTreeSet<String> = cases.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(quiet.commands(), tried, "each command needs a case, and each case a command");
    let mut faults = Vec::new();
    for (command, args, code) in cases {
        for format in ["json", "table", "yaml"] {
            let typed = [&["server", command], *args, &["-o", format]].concat();
            let mut runs = [quiet.here(), quiet.away()]
                .map(|toygres| toygres.args(typed.iter().copied()).run());
            // The worker that was stopped is seen as lost after a while: it has to be so for both.
            for _ in 0..3 {
                if settled(&runs[0], format) == settled(&runs[1], format) {
                    break;
                }
                runs = [quiet.here(), quiet.away()]
                    .map(|toygres| toygres.args(typed.iter().copied()).run());
            }
            let [here, away] = &runs;
            let differs = difference(&settled(here, format), &settled(away, format));
            if (here.code, away.code) != (*code, *code) || !differs.is_empty() {
                let codes = format!("{code} expected, {} here, {} away", here.code, away.code);
                faults.push(format!("{typed:?}: {codes}{differs}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

/// A document for each tick, the same from elsewhere; a server that goes away is said and waited
/// for, and a token that does not do ends it.
#[test]
fn watching_goes_on_until_the_token_does_not_do() {
    let Some(quiet) = Quiet::new() else { return };
    let watch = ["server", "orchestrations", "--watch", "--interval", "100ms", "-o", "jsonl"];
    let two = |toygres: Toygres| {
        let (mut child, _home) = toygres.args(watch).start();
        let mut lines =
            std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
        let two: Vec<String> = lines.by_ref().take(2).map(Result::unwrap).collect();
        child.kill().unwrap();
        child.wait().unwrap();
        two
    };
    assert_eq!(two(quiet.here()), two(quiet.away()));
    let wrong = quiet.away().env("TOYGRES_API_TOKEN", "canary-WRONG");
    wrong.args(watch).run().code(4).says("token").hides("canary-WRONG");
}

/// A server that is killed while rows come: what was told is whole lines, and it is not taken for
/// all.
#[test]
fn rows_that_break_off_are_not_taken_for_all() {
    for format in ["json", "csv"] {
        let Some(deployment) = Deployment::new() else { return };
        let server = deployment.start(Options::mode(Mode::Api));
        let quiet = Quiet { deployment, server };
        let sql = "SELECT generate_series(1, 100000000) AS n, repeat('x', 1000) AS text";
        let args = ["server", "db-query", sql, "--limit", "0", "--timeout", "10m", "-o", format];
        let (mut child, home) = quiet.away().args(args).start();
        let mut out = child.stdout.take().unwrap();
        let mut first = [0; 4096];
        std::io::Read::read_exact(&mut out, &mut first).unwrap();
        quiet.server.kill().unwrap();
        let mut rest = Vec::new();
        std::io::Read::read_to_end(&mut out, &mut rest).unwrap();
        child.stdout = None;
        let ended = Ran::of(child.wait_with_output().unwrap());
        drop(home);
        assert_eq!(ended.code, 4, "{format}: {}", ended.stderr);
        assert!(ended.stderr.contains("broke off") || ended.stderr.contains("cannot be"));
        let told = String::from_utf8([&first[..], &rest].concat()).unwrap();
        match format {
            "json" => assert!(serde_json::from_str::<Value>(&told).is_err()),
            _ => assert!(told.lines().skip(1).all(|line| line.len() > 1000), "half a line"),
        }
        assert!(format == "json" || told.ends_with('\n'), "{format} ends within a line");
    }
}
