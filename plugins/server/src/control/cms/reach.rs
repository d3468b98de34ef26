//! Requests do not outlast the database: whoever asks is told soon why it does not answer. Activities
//! wait longer: nobody sits before them.

use super::Cms;
use crate::control::broken;
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use std::time::Duration;
use toygres_plugin_api::Result;

/// So long the pool is trusted before the database is looked at past it.
const TRUSTED: Duration = Duration::from_secs(1);
/// How long a connection of its own may take to be made.
const WITHIN: Duration = Duration::from_secs(2);

impl Cms {
    /// Does what a request asks, unless the database turns out to be away meanwhile; the work is then
    /// dropped, so it must not change anything. The pool itself tries for longer, and would only say
    /// that it gave up.
    ///
    /// # Errors
    /// The work's, or why the database cannot be reached.
    pub(in crate::control) async fn reached<T>(
        &self,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        tokio::select! {
            biased;
            done = work => done,
            error = self.lost() => Err(broken::cms(error)),
        }
    }

    /// Ready when no connection can be made, with the reason. A pool that is merely busy is not that.
    async fn lost(&self) -> sqlx::Error {
        let options = self.pool.connect_options();
        loop {
            tokio::time::sleep(TRUSTED).await;
            let made = PgConnection::connect_with(&options);
            match tokio::time::timeout(WITHIN, made).await {
                Ok(Ok(connection)) => {
                    // How it ends changes nothing.
                    let _closed = connection.close().await;
                }
                Ok(Err(error)) if is_full(&error) => {}
                Ok(Err(error)) => return error,
                Err(_) => {
                    let seconds = WITHIN.as_secs();
                    return sqlx::Error::Io(std::io::Error::other(format!(
                        "it did not answer within {seconds} s"
                    )));
                }
            }
        }
    }
}

/// It answers, and has no room for one connection more.
fn is_full(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code.starts_with("53"))
}

#[cfg(test)]
mod tests {
    use super::Cms;
    use sqlx::postgres::PgPoolOptions;
    use std::future::pending;
    use toygres_plugin_api::{Error, ErrorKind, Result};

    fn on(port: u16) -> Cms {
        let pool = PgPoolOptions::new();
        let pool = pool.connect_lazy(&format!("postgres://a@127.0.0.1:{port}/a")).unwrap();
        Cms { pool, schema: String::new(), duroxide: String::new() }
    }

    async fn fails(port: u16) -> Error {
        let asked: Result<()> = on(port).reached(pending()).await;
        asked.unwrap_err()
    }

    #[tokio::test]
    async fn who_asks_hears_why_the_database_does_not_answer() {
        let hangs = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = hangs.local_addr().unwrap().port();
        let error = fails(port).await;
        assert_eq!((error.kind, error.retryable), (ErrorKind::Unavailable, true));
        assert!(error.causes[0].contains("did not answer within 2 s"), "{error:?}");
        drop(hangs);
        let error = fails(port).await;
        assert!(error.causes[0].contains("refused"), "{error:?}");
    }

    #[tokio::test]
    async fn what_is_done_in_time_is_the_answer() {
        assert_eq!(on(1).reached(async { Ok(7) }).await.unwrap(), 7);
    }
}
