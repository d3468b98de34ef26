//! The control plane and its workflows connect by the same rules.

use crate::certificates::{Kind, make};
use crate::pooler::Pooler;
use crate::servers::set_up;
use tempfile::TempDir;
use toygres_tests::control::Deployment;
use toygres_tests::postgres::PrivatePostgres;
use toygres_tests::server::Home;
use toygres_tests::wait;

/// A server with TLS whose role `toygres` must show a certificate; its files.
fn encrypted() -> (PrivatePostgres, TempDir) {
    let server = PrivatePostgres::new().unwrap();
    let files = tempfile::tempdir().unwrap();
    let authority =
        make(&Kind { common_name: "authority", authority: true, ..Kind::default() }, None);
    let leaf = Kind { common_name: "x", dns: &["db.internal"], ..Kind::default() };
    let client = make(&Kind { common_name: "control", ..Kind::default() }, Some(&authority));
    authority.write_certificate(&files.path().join("ca.crt"));
    client.write_certificate(&files.path().join("client.crt"));
    client.write_key(&files.path().join("client.key"), 0o600);
    server.psql("CREATE ROLE control SUPERUSER LOGIN").unwrap();
    server.psql("CREATE DATABASE control OWNER control").unwrap();
    let rules = "host all toygres all scram-sha-256\nhostssl all control all cert\n";
    set_up(&server, rules, Some((&make(&leaf, Some(&authority)), &authority)));
    (server, files)
}

/// Connections of the control plane's role, and those of them without TLS.
fn connections(server: &PrivatePostgres) -> String {
    let sql = "SELECT count(*) > 5, count(*) FILTER (WHERE NOT ssl) FROM pg_stat_activity \
               JOIN pg_stat_ssl USING (pid) WHERE usename = 'control'";
    server.psql(sql).unwrap_or_default()
}

#[test]
fn a_server_works_with_several_hosts_client_certificates_and_verification() {
    let Some(deployment) = Deployment::new() else { return };
    let (mut server, files) = encrypted();
    let port = server.port();
    let place = files.path().display();
    let text = format!(
        "host=db.internal,db.internal hostaddr=127.0.0.1,127.0.0.1 port=1,{port} user=control \
         dbname=control sslmode=verify-full sslrootcert={place}/ca.crt \
         sslcert={place}/client.crt sslkey={place}/client.key target_session_attrs=read-write"
    );
    let home = Home::new(&deployment).set("DATABASE_URL", &text);
    home.start(&[]);
    let all_encrypted = || Ok((connections(&server) == "t|0").then_some(()));
    wait::until("encrypted connections", all_encrypted).unwrap();
    assert_eq!(home.run(&["server", "cancel", "no-such-thing", "--force"]).code, 5);
    assert_eq!(home.run(&["list"]).code, 0);
    // A server that was away is found again.
    server.stop().unwrap();
    server.start().unwrap();
    wait::until("the list", || Ok((home.run(&["list"]).code == 0).then_some(()))).unwrap();
    assert!(connections(&server).ends_with("|0"));
    assert_eq!(home.run(&["server", "stop"]).code, 0);
}

#[test]
fn a_server_works_behind_a_pooler_that_lends_sessions() {
    let Some(deployment) = Deployment::new() else { return };
    let url = deployment.database.url.clone();
    let Some(pooler) = Pooler::start(&url, "session") else { return };
    let home = Home::new(&deployment).set("DATABASE_URL", &pooler.url(&url));
    home.start(&[]);
    assert_eq!(home.run(&["list"]).code, 0);
    assert_eq!(home.run(&["server", "stop"]).code, 0);
    drop(pooler);
    let Some(pooler) = Pooler::start(&url, "transaction") else { return };
    let home = Home::new(&deployment).set("DATABASE_URL", &pooler.url(&url));
    let ran = home.run(&["server", "start", "-o", "json"]).code(4);
    assert!(ran.stderr.contains("lends connections for single transactions"), "{ran:?}");
    assert!(ran.stderr.contains("pool_mode = session"), "{ran:?}");
}

/// A server that declines TLS gets no password.
#[test]
fn a_server_is_not_started_in_the_clear_where_tls_is_required() {
    let Some(deployment) = Deployment::new() else { return };
    let url = format!("{}?sslmode=require", deployment.database.url);
    let home = Home::new(&deployment).set("DATABASE_URL", &url);
    let ran = home.run(&["server", "start", "-o", "json"]).code(4);
    assert!(ran.stderr.contains("offers no TLS"), "{ran:?}");
}
