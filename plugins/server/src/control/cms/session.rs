//! The sessions of the pool: how they are made, and what each of them is set to.

use sqlx::Row;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use toygres_connect::Gateway;

/// The name that the server shows.
const APPLICATION_NAME: &str = "toygres-server";

/// What every session is set to, beside its search path. Set by a statement and not when the
/// session begins: poolers refuse that.
const SETTINGS: [(&str, &str); 5] = [
    ("standard_conforming_strings", "on"),
    // The database gives up a session whose process vanished or hangs, with its locks.
    ("tcp_keepalives_idle", "30"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
    // Longer than the objects of an instance take to be made, each within its deadline.
    ("idle_in_transaction_session_timeout", "150s"),
];

/// How the pool connects, field by field: no text is passed on.
pub(super) fn connect_options(gateway: &Gateway) -> PgConnectOptions {
    let mode = if gateway.prefers_tls() { PgSslMode::Prefer } else { PgSslMode::Disable };
    let options = PgConnectOptions::new_without_pgpass()
        .port(gateway.port())
        .username(gateway.user())
        .password(gateway.password())
        .database(gateway.database())
        .ssl_mode(mode)
        .application_name(APPLICATION_NAME);
    match gateway.socket_folder() {
        Some(folder) => options.socket(folder),
        None => options.host(gateway.host()),
    }
}

/// Sets a session up, and makes sure that it stays so.
///
/// # Errors
/// The server's, or that it does not keep what was set.
pub(super) async fn prepare(
    connection: &mut PgConnection,
    search_path: &str,
) -> Result<(), sqlx::Error> {
    let mut sql = String::from("SELECT pg_catalog.set_config('search_path', $1, false)");
    for (name, value) in SETTINGS {
        sql.push_str(&format!(", pg_catalog.set_config('{name}', '{value}', false)"));
    }
    sqlx::query(&sql).persistent(false).bind(search_path).execute(&mut *connection).await?;
    let asked = "SELECT pg_catalog.current_setting('search_path'), \
                 pg_catalog.current_setting('standard_conforming_strings')";
    let row = sqlx::query(asked).persistent(false).fetch_one(&mut *connection).await?;
    let (path, strings): (String, String) = (row.try_get(0)?, row.try_get(1)?);
    if path != search_path || strings != "on" {
        return Err(sqlx::Error::Protocol(
            "the settings of a session do not last: a pooler lends it for single transactions"
                .to_owned(),
        ));
    }
    Ok(())
}
