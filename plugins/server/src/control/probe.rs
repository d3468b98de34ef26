//! A real connection to an instance.

use super::broken::Broken;
use super::cluster::Address;
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use std::borrow::Cow;
use std::time::{Duration, Instant};
use toygres_model::kubernetes::SUPERUSER;

/// How long connecting and asking may take together.
const WITHIN: Duration = Duration::from_secs(10);

/// What an instance answered.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// As the server calls it, such as `18.0`.
    pub(super) version: String,
    /// From the first packet to the answer.
    pub(super) response_ms: i32,
}

/// Connects and asks for the version.
///
/// # Errors
/// What the server or the way to it says; never with the password.
pub(super) async fn ask(address: &Address, password: &str) -> Result<Answer, Broken> {
    let Address { host, port } = address;
    let asked = tokio::time::timeout(WITHIN, connect_and_ask(address, password)).await;
    match asked {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Broken::from(error).during(&format!("{host}:{port}"))),
        Err(_) => {
            let seconds = WITHIN.as_secs();
            Err(Broken::passing(format!("{host}:{port} did not answer within {seconds} s")))
        }
    }
}

/// The password as PostgreSQL keeps it: by SASLprep, where it can be normalised. sqlx leaves that to
/// its caller.
fn normalized(password: &str) -> Cow<'_, str> {
    stringprep::saslprep(password).unwrap_or(Cow::Borrowed(password))
}

async fn connect_and_ask(address: &Address, password: &str) -> Result<Answer, sqlx::Error> {
    let begun = Instant::now();
    // From nothing: the environment of this process says where its own database is.
    let options = PgConnectOptions::new_without_pgpass()
        .host(&address.host)
        .port(address.port)
        .username(SUPERUSER)
        .password(&normalized(password))
        .database("postgres")
        .ssl_mode(PgSslMode::Prefer)
        .application_name("toygres-probe");
    let mut connection = PgConnection::connect_with(&options).await?;
    let version: String = sqlx::query_scalar("SELECT current_setting('server_version')")
        .fetch_one(&mut connection)
        .await?;
    let response_ms = i32::try_from(begun.elapsed().as_millis()).unwrap_or(i32::MAX);
    // The answer is there: how the connection ends changes nothing of it.
    let _closed = connection.close().await;
    Ok(Answer { version, response_ms })
}
