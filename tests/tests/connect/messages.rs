//! Messages name the server that answered, and the place where what is wrong was written.

use crate::servers::Stage;
use crate::support::{Ran, Toygres};
use serde_json::Value;

const ASK: [&str; 5] = ["server", "db-query", "SELECT 1", "-o", "json"];

fn on(text: &str) -> Toygres {
    Toygres::on(&Stage::shared().fill(text))
}

fn error_of(ran: Ran, code: i32) -> Value {
    ran.code(code).error()
}

fn hint(error: &Value) -> &str {
    error["hint"].as_str().unwrap_or_default()
}

fn causes(error: &Value) -> String {
    error["causes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn the_server_that_answered_is_the_one_that_is_told() {
    let stage = Stage::shared();
    for text in [
        "postgres://toygres:{SUPER}@127.0.0.1:1,localhost:{P}/postgres",
        "host=127.0.0.1,localhost port=1,{P} user=toygres password={SUPER} dbname=postgres",
    ] {
        let ran = on(text).args(["server", "db-status", "-o", "json"]).run().code(0);
        let connection = ran.json()["connection"].clone();
        assert_eq!(connection["host"], "localhost", "{connection}");
        assert_eq!(connection["port"], stage.plain.port(), "{connection}");
    }
}

#[test]
fn a_missing_password_is_told_with_the_places_that_were_searched() {
    let error = error_of(on("postgres://secret@127.0.0.1:{P}/app").args(ASK).run(), 4);
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("no password for user `secret` at 127.0.0.1:"), "{error:#}");
    let causes = causes(&error);
    for place in ["`DATABASE_URL`", "`PGPASSWORD`", "/.pgpass"] {
        assert!(causes.contains(place), "{place}: {error:#}");
    }
    assert!(hint(&error).contains("PGPASSWORD"), "{error:#}");
    assert_eq!(error["retryable"], false);
}

#[test]
fn a_password_file_that_others_may_read_is_named() {
    let stage = Stage::shared();
    let home = stage.home("openpass").display().to_string();
    let ran = on("postgres://secret@127.0.0.1:{P}/app").env("HOME", &home).args(ASK).run();
    let error = error_of(ran, 4);
    let causes = causes(&error);
    assert!(causes.contains("others may read it") && causes.contains("chmod 600"), "{error:#}");
}

#[test]
fn hints_name_the_place_of_what_is_wrong() {
    let stage = Stage::shared();
    let wrong = stage.fill("postgres://secret:wrong@127.0.0.1:{P}/app");
    let config = format!("current = \"prod\"\n[contexts.prod.database]\nurl = \"{wrong}\"\n");
    let in_file = |toygres: Toygres| toygres.file("toygres/config.toml", &config).args(ASK);
    let error = error_of(in_file(Toygres::new()).run(), 4);
    let told = hint(&error);
    assert!(told.contains("`contexts.prod.database.url`"), "{error:#}");
    assert!(told.contains("config.toml") && !told.contains("DATABASE_URL"), "{error:#}");

    let error = error_of(Toygres::on(&wrong).args(ASK).run(), 4);
    assert!(hint(&error).contains("`DATABASE_URL`"), "{error:#}");

    let flag = Toygres::new().args(ASK).args(["--database-url", &wrong]);
    let error = error_of(flag.run(), 4);
    assert!(hint(&error).contains("`--database-url`"), "{error:#}");

    let without = stage.fill("postgres://secret@127.0.0.1:{P}/app");
    let ran = Toygres::on(&without).env("PGPASSWORD", "wrong").args(ASK).run();
    let error = error_of(ran, 4);
    assert!(hint(&error).contains("`PGPASSWORD`"), "{error:#}");

    let home = stage.home("wrongpass").display().to_string();
    let ran = Toygres::on(&without).env("HOME", &home).args(ASK).run();
    assert!(hint(&error_of(ran, 4)).contains("/.pgpass"));

    let home = stage.home("service").display().to_string();
    let ran = Toygres::on("service=plain dbname=nosuch").env("HOME", &home).args(ASK).run();
    assert!(hint(&error_of(ran, 4)).contains("`DATABASE_URL`"));
    let ran = Toygres::on("service=plain user=secret").env("HOME", &home).args(ASK).run();
    assert!(causes(&error_of(ran, 4)).contains("pgpass"));

    let ran = on("postgres://app@/app").env("PGHOST", "127.0.0.1").env("PGPORT", "1").args(ASK);
    assert!(hint(&error_of(ran.run(), 4)).contains("`PGHOST`"));

    let ran = on("postgres://app@127.0.0.1:{P}/app").env("PGSSLMODE", "sometimes").args(ASK);
    assert!(causes(&error_of(ran.run(), 2)).contains("`PGSSLMODE`"));
}

#[test]
fn failures_of_tls_are_told_in_words_and_not_tried_again() {
    for (text, words, remedy) in [
        ("postgres://app@127.0.0.1:{P}/app?sslmode=require", "offers no TLS", "sslmode"),
        (
            "postgres://app@127.0.0.1:{T}/app?sslmode=verify-full&sslrootcert={CA}",
            "certificate is for db.internal",
            "verify-ca",
        ),
        (
            "postgres://app@127.0.0.1:{T}/app?sslmode=require&sslrootcert={DIR}/other.crt",
            "certificate is refused",
            "sslrootcert",
        ),
        (
            "postgres://app@localhost:{S}/app?sslmode=verify-full&sslrootcert={CA}",
            "self-signed certificate",
            "sslrootcert",
        ),
    ] {
        let error = error_of(on(text).args(ASK).run(), 4);
        assert!(causes(&error).contains(words), "{text}: {error:#}");
        assert!(hint(&error).contains(remedy), "{text}: {error:#}");
        assert_eq!(error["retryable"], false, "{text}");
    }
}

#[test]
fn words_that_cannot_be_kept_are_refused_by_name() {
    for (word, value) in [
        ("require_auth", "magic"),
        ("sslkeylogfile", "/tmp/keys"),
        ("oauth_issuer", "https://example.com"),
        ("replication", "database"),
        ("gssencmode", "require"),
        ("sslkey", "engine:key"),
    ] {
        let text = format!("postgres://app@127.0.0.1:{{P}}/app?{word}={value}");
        let error = error_of(on(&text).args(ASK).run(), 2);
        assert!(error["message"].as_str().unwrap().contains(word), "{error:#}");
    }
}

#[test]
fn what_newer_clients_know_is_known() {
    for text in [
        "postgres://secret:{PW%}@127.0.0.1:{P}/app?require_auth=scram-sha-256",
        "postgres://secret:{PW%}@127.0.0.1:{P}/app?require_auth=!password,!md5",
        "postgres://app@127.0.0.1:{P}/app?require_auth=none",
        "postgres://app@127.0.0.1:1,127.0.0.1:{P}/app?load_balance_hosts=random",
        "postgres://app@127.0.0.1:{T}/app?sslcertmode=disable&gssdelegation=0",
        "postgres://app@127.0.0.1:{P}/app?min_protocol_version=3.0&max_protocol_version=latest",
    ] {
        on(text).args(ASK).run().code(0);
    }
    for (text, words) in [
        ("postgres://clear:{PW%}@127.0.0.1:{P}/app?require_auth=scram-sha-256", "password"),
        ("postgres://app@127.0.0.1:{P}/app?require_auth=scram-sha-256", "none"),
    ] {
        let error = error_of(on(text).args(ASK).run(), 4);
        assert!(causes(&error).contains(&format!("authentication `{words}`")), "{error:#}");
    }
    let weak = on("postgres://app@127.0.0.1:{T}/app?sslrootcert=system&sslmode=require").args(ASK);
    assert!(causes(&error_of(weak.run(), 2)).contains("verify-full"));
    let system = on("postgres://app@127.0.0.1:{T}/app?sslrootcert=system").args(ASK);
    assert!(causes(&error_of(system.run(), 4)).contains("certificate is refused"));
}

/// Secrets of the operator's own do not go where a file of the current folder leads.
#[test]
fn a_dotenv_file_gets_no_secrets_of_ones_own() {
    let stage = Stage::shared();
    let home = stage.home("pgpass").display().to_string();
    let url = |words: &str| {
        stage.fill(&format!("DATABASE_URL=postgres://secret@127.0.0.1:{{P}}/app{words}\n"))
    };
    let ask = |words: &str| Toygres::new().file(".env", url(words)).args(ASK);
    let error = error_of(ask("").env("PGPASSWORD", "canary").run().hides("canary"), 2);
    assert!(error["message"].as_str().unwrap().contains("PGPASSWORD"), "{error:#}");
    for words in ["", "?passfile={DIR}/passwords", "?service=full"] {
        let services = stage.file("services").display().to_string();
        let ran = ask(words).env("HOME", &home).env("PGSERVICEFILE", &services).run();
        let error = error_of(ran, 4);
        assert!(error["message"].as_str().unwrap().starts_with("no password"), "{error:#}");
        assert!(hint(&error).contains("/.env"), "{error:#}");
    }
}

#[test]
fn the_configuration_tells_where_each_part_comes_from() {
    let stage = Stage::shared();
    let home = stage.home("pgpass").display().to_string();
    let ran = on("postgres://127.0.0.1:{P}/app")
        .env("HOME", &home)
        .env("PGUSER", "secret")
        .args(["server", "config"])
        .run()
        .code(0)
        .shows("(environment: PGUSER)")
        .shows("(file: ~/.pgpass)");
    assert!(!ran.stdout.contains("p@ss"), "{ran:?}");
    let services = stage.file("services").display().to_string();
    Toygres::on("service=plain")
        .env("PGSERVICEFILE", &services)
        .args(["server", "config"])
        .run()
        .code(0)
        .shows(&format!("(file: service `plain` in {services})"));
    on("postgres://127.0.0.1:{P}/app")
        .args(["server", "config"])
        .run()
        .code(0)
        .shows("(default: the account's name)");
}
