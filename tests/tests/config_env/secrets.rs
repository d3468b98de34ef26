//! Secrets of the environment and the configuration stand in no output of any command.

use crate::support::{FORMATS, Toygres, check};

/// Where a secret may come from: each has a canary of its own, so that a leak names its place.
const CANARIES: &[&str] = &[
    "canary-url-1",
    "canary-token-2",
    "canary-pg-3",
    "canary-file-4",
    "canary-dotenv-5",
    "canary-top-6",
    "canary-other-7",
];

const FILE: &str = r#"
current = "west"
[api]
token = "canary-top-6"
[contexts.west.database]
url = "postgresql://u:canary-file-4@127.0.0.1:1/db"
[contexts.east.database]
url = "postgresql://u:canary-other-7@127.0.0.1:1/db"
"#;

fn full_of_secrets() -> Toygres {
    Toygres::new()
        .env("DATABASE_URL", "postgresql://u:canary-url-1@127.0.0.1:1/db")
        .env("TOYGRES_API_TOKEN", "canary-token-2")
        .env("PGPASSWORD", "canary-pg-3")
        .file("toygres/config.toml", FILE)
        .file(".env", "MY_SECRET_KEY=canary-dotenv-5\nDATABASE_PASSWORD=canary-dotenv-5\n")
}

fn without_environment() -> Toygres {
    Toygres::new().file("toygres/config.toml", FILE)
}

#[test]
fn no_command_gives_one_away_in_any_format() {
    for command in [
        &["server", "config"][..],
        &["server", "config", "--context", "east"],
        &["server", "env"],
        &["server", "db-status"],
        &["server", "db-query", "SELECT 1"],
        &["server", "nosuch"],
        &["server", "config", "--context", "nosuch"],
        &["server", "db-query", "SELECT 1", "--database-url", "postgres://u:canary-url-1@[x/db"],
        &["server", "db-query", "SELECT 1", "--database-url", "nonsense canary-url-1:"],
        &["plugin", "list"],
        &["version"],
    ] {
        for format in FORMATS {
            for toygres in [full_of_secrets(), without_environment()] {
                let ran = toygres.args(command.iter().copied()).args(["-o", format]).run();
                assert!(matches!(ran.code, 0 | 2 | 4), "{command:?} {format}: {ran:#?}");
                if ran.code == 0 {
                    check(format, &ran);
                } else {
                    assert_eq!(ran.stdout, "", "{command:?} {format}");
                }
                for canary in CANARIES {
                    let said = format!("{}{}", ran.stdout, ran.stderr);
                    assert!(!said.contains(canary), "{command:?} {format}: {ran:#?}");
                }
            }
        }
    }
}

#[test]
fn one_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let toygres = without_environment();
    let file = toygres.home().join("toygres/config.toml");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    toygres.args(["server", "config"]).run().code(0).says("others may read").says("chmod 600");
    let toygres = without_environment();
    let file = toygres.home().join("toygres/config.toml");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let ran = toygres.args(["server", "config"]).run().code(0);
    assert!(!ran.stderr.contains("others may read"), "{ran:#?}");
}

/// The token that a server of this home folder wrote: where it comes from is told, in every format.
#[test]
fn where_a_secret_comes_from_is_told() {
    let toygres = || Toygres::new().file("toygres/api-token", "canary-token-2\n");
    let ran = toygres().args(["server", "config", "-o", "json"]).run().code(0);
    let token = &ran.json()["api"]["token"];
    let place = token["place"].as_str().unwrap_or_default();
    assert!(place.ends_with("toygres/api-token"), "{token}");
    assert_eq!((&token["value"], &token["source"]), (&"***".into(), &"default".into()), "{token}");
    assert_eq!(token["env"], "TOYGRES_API_TOKEN");
    let table = toygres().args(["server", "config"]).run().code(0);
    let line = table.stdout.lines().find(|line| line.contains("Token:")).unwrap();
    assert!(line.contains("*** (default: ~/toygres/api-token)"), "{line}");
}
