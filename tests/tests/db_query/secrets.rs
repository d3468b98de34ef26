//! Secrets in rows, errors and addresses.

use crate::query;
use crate::support::{CANARY, CMS, FORMATS, check, database};
use toygres_tests::postgres::PrivatePostgres;

#[test]
fn rows_of_old_deployments_are_masked_in_every_format() {
    let database = database(PrivatePostgres::shared(), CMS);
    for table in ["instances", "instance_events"] {
        for format in FORMATS {
            let sql = format!("SELECT * FROM toygres_cms.{table}");
            let ran = query(&database.url, &[&sql, "-o", format]).code(0).hides(CANARY);
            check(format, &ran);
            assert!(ran.stdout.contains("***"), "nothing is masked: {ran:#?}");
        }
    }
    let sql = "SELECT * FROM toygres_cms.instances";
    query(&database.url, &[sql, "-o", "json", "--show-secrets"]).code(0).shows(CANARY);
}

#[test]
fn a_secret_hides_behind_no_shape() {
    let url = PrivatePostgres::shared().url();
    for sql in [
        "SELECT 'canary-7f3a1c' AS password",
        "SELECT 'canary-7f3a1c' AS \"adminPassword\"",
        "SELECT 'postgres://u:canary-7f3a1c@h/db' AS a",
        "SELECT 'host=h password=canary-7f3a1c user=u' AS a",
        "SELECT 'see postgres://u:canary-7f3a1c@h/db, and more' AS a",
        "SELECT '{\"a\": {\"Password\": \"canary-7f3a1c\"}}'::json AS a",
        "SELECT '{\"a\": \"{\\\"password\\\":\\\"canary-7f3a1c\\\"}\"}' AS a",
        "SELECT '{\"token\": \"canary-7f3a1c\"}'::jsonb AS a",
        "SELECT json_build_object('data', json_build_object('input', json_build_object(
             'k8s_name', 'a', 'password', 'canary-7f3a1c')::text)::text)::text AS event_data",
        "SELECT jsonb_build_object('input', json_build_object(
             'password', 'canary-7f3a1c', 'user_name', 'a')::text) AS event_data",
        "SELECT ARRAY['{\"password\": \"canary-7f3a1c\"}'] AS a",
        "SELECT row('postgres://u:canary-7f3a1c@h/db', 1) AS a",
        "SELECT E'x\\npassword: canary-7f3a1c' AS a",
        "SELECT 'Authorization: Bearer canary-7f3a1c' AS a",
    ] {
        for format in FORMATS {
            let ran = query(&url, &[sql, "-o", format]).code(0).hides(CANARY);
            check(format, &ran);
        }
    }
}

#[test]
fn errors_are_masked_too() {
    let database = database(PrivatePostgres::shared(), CMS);
    for sql in [
        "SELECT ip_connection_string::int FROM toygres_cms.instances WHERE user_name = 'proddb'",
        "SELECT 'postgres://u:canary-7f3a1c@h/db'::int",
        "SELECT FROM nosuch WHERE password = 'canary-7f3a1c'",
        "SELECT tags::text::int FROM toygres_cms.instances WHERE user_name = 'proddb'",
    ] {
        for format in FORMATS {
            query(&database.url, &[sql, "-o", format]).code(2).hides(CANARY);
        }
    }
}

#[test]
fn the_password_of_the_database_is_known_wherever_it_turns_up() {
    let server = PrivatePostgres::shared();
    let sql = format!("SELECT '{0}' AS a, 'x{0}y' AS b", server.password());
    for format in FORMATS {
        query(&server.url(), &[&sql, "-o", format]).code(0).hides(server.password());
    }
}
