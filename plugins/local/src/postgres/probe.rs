//! Whether a server answers.

use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;
use toygres_plugin_api::{Error, Result};

/// A server on this machine that takes longer has hung.
const PATIENCE: Duration = Duration::from_secs(3);

/// The version of PostgreSQL's protocol, 3.0.
const PROTOCOL: i32 = 3 << 16;

/// "The database system is starting up", or shutting down.
const CANNOT_CONNECT_NOW: &[u8] = b"57P03";

/// Whether the server on this loopback port takes connections. Like `pg_isready`, it goes as far
/// as the server's question for a password, and so needs none and leaves no failure in its log.
pub(crate) async fn accepts(port: u16) -> bool {
    tokio::time::timeout(PATIENCE, greet(port)).await.is_ok_and(|greeted| greeted.unwrap_or(false))
}

async fn greet(port: u16) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    let words = b"user\0postgres\0database\0postgres\0\0";
    let length = i32::try_from(words.len() + 8).unwrap_or_default();
    let mut message = Vec::new();
    message.extend(length.to_be_bytes());
    message.extend(PROTOCOL.to_be_bytes());
    message.extend(words);
    stream.write_all(&message).await?;
    let kind = stream.read_u8().await?;
    let length = usize::try_from(stream.read_i32().await?).unwrap_or_default();
    // All of it: a connection that is closed with something unread is reset, and the server's log
    // would say so each time.
    let mut said = vec![0; length.saturating_sub(4).min(4096)];
    stream.read_exact(&mut said).await?;
    let coming = || said.windows(CANNOT_CONNECT_NOW.len()).any(|it| it == CANNOT_CONNECT_NOW);
    Ok(match kind {
        b'R' => true,
        b'E' => !coming(),
        _ => false,
    })
}

/// The server's version, asked over a connection with user, password and database. The error is of
/// kind `failed` where it answered with a no.
pub(crate) async fn answers(url: &str) -> Result<String> {
    let asked = tokio::time::timeout(PATIENCE, ask(url)).await;
    match asked {
        Ok(Ok(version)) => Ok(version),
        Ok(Err(error)) => {
            // The client's own words are "db error"; the server's say what it is.
            Err(match error.as_db_error() {
                Some(said) if *said.code() == SqlState::CANNOT_CONNECT_NOW => {
                    Error::unavailable("PostgreSQL is not up yet").cause(said.message())
                }
                Some(said) => {
                    Error::failed("the private PostgreSQL refuses us").cause(said.message())
                }
                None => Error::unavailable("PostgreSQL does not answer").cause(&error),
            })
        }
        Err(_) => Err(Error::timed_out("PostgreSQL does not answer")),
    }
}

async fn ask(url: &str) -> std::result::Result<String, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    let connection = tokio::spawn(connection);
    let row = client.query_one("SHOW server_version", &[]).await;
    drop(client);
    connection.abort();
    row?.try_get(0)
}
