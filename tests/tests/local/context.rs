//! The context that other commands use.

use crate::home::Home;
use std::os::unix::fs::MetadataExt;

#[test]
fn commands_use_what_is_up_without_a_word() {
    let home = Home::new();
    let up = home.up();
    assert_eq!(up["context"], serde_json::json!({ "name": "local", "current": true }));
    let ran = home.run(&["server", "db-query", "SELECT 7 AS seven", "-o", "json"]).code(0);
    assert_eq!(ran.json()[0]["seven"], 7);
    let config = home.run(&["server", "config", "-o", "json"]).code(0);
    assert!(config.stdout.contains(home.path("kubeconfig").to_str().unwrap()), "{config:#?}");
    let password = home.database_url().split([':', '@']).nth(2).unwrap().to_owned();
    home.run(&["local", "up"]).code(0).hides(&password).shows("Up already");
    home.run(&["local", "status"]).code(0).hides(&password);
}

#[test]
fn the_users_own_configuration_stays() {
    let home = Home::new();
    let text = "# mine\ncurrent = \"prod\"\n\n[contexts.prod.server]\nport = 9000 # theirs\n";
    std::fs::create_dir_all(home.path("")).unwrap();
    std::fs::write(home.path("config.toml"), text).unwrap();
    let ran = home.run(&["local", "up"]).code(0);
    ran.says("the current context is `prod`").says("--context local");
    let written = std::fs::read_to_string(home.path("config.toml")).unwrap();
    assert!(written.starts_with(text), "{written}");
    assert_eq!(std::fs::metadata(home.path("config.toml")).unwrap().mode() & 0o777, 0o600);
    let seven = ["server", "db-query", "SELECT 7", "--context", "local"];
    home.run(&seven).code(0).shows("7");
    home.run(&["local", "down", "--purge", "--force"]).code(0);
    let after = std::fs::read_to_string(home.path("config.toml")).unwrap();
    assert_eq!(after.trim_end(), text.trim_end());
}

#[test]
fn what_goes_before_the_context_is_warned_of() {
    let home = Home::new()
        .env("DATABASE_URL", "postgres://elsewhere/db")
        .env("KUBECONFIG", "/elsewhere/kubeconfig");
    let ran = home.run(&["local", "up"]).code(0);
    let ran = ran.says("DATABASE_URL is set and goes before the context `local`");
    ran.says("unset DATABASE_URL").says("KUBECONFIG is set");
    // It is itself not led elsewhere.
    home.kubectl(&["get", "nodes"]).code(0);
    assert_eq!(home.status()["postgres"]["ready"], true);
}

#[test]
fn a_broken_configuration_is_left_alone() {
    let home = Home::new();
    std::fs::create_dir_all(home.path("")).unwrap();
    std::fs::write(home.path("config.toml"), "[broken\n").unwrap();
    home.run(&["local", "up"]).code(2).says("no valid TOML");
    assert_eq!(std::fs::read_to_string(home.path("config.toml")).unwrap(), "[broken\n");
    std::fs::remove_file(home.path("config.toml")).unwrap();
}
