//! The metadata database, lent by the host.

use super::{Context, RowStream};
use crate::error::{Error, Result};
use crate::protocol::{Confirmed, DbBegin, DbEnd, DbExecute, DbQuery, DbSession, DbTarget, Method};
use crate::report::StreamRef;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// The metadata database. Each query without a [`Session`] runs in a read-only transaction of its
/// own; several may run at once.
#[derive(Debug, Clone)]
pub struct Db {
    context: Context,
}

impl Db {
    pub(super) fn new(context: Context) -> Self {
        Self { context }
    }

    /// One statement to run; nothing happens until it is fetched.
    pub fn query(&self, sql: impl Into<String>) -> Query {
        Query::new(self.context.clone(), sql.into(), None)
    }

    /// A read-only transaction in which all statements see one moment.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn snapshot(&self) -> Result<Session> {
        self.begin(None).await
    }

    /// A transaction that may write.
    ///
    /// # Errors
    /// When the database cannot be reached, or the confirmation is not this run's own.
    pub async fn write(&self, confirmed: &Confirmed) -> Result<Session> {
        self.begin(Some(confirmed.clone())).await
    }

    /// Which database is lent: nothing secret.
    ///
    /// # Errors
    /// When no database is configured.
    pub async fn target(&self) -> Result<DbTarget> {
        self.context.call(Method::DbTarget, &()).await
    }

    async fn begin(&self, confirmed: Option<Confirmed>) -> Result<Session> {
        let begun: DbSession = self.context.call(Method::DbBegin, &DbBegin { confirmed }).await?;
        Ok(Session { context: self.context.clone(), id: begun.session })
    }
}

/// A transaction that several statements share. One that is dropped is rolled back by the host
/// when the command ends.
#[derive(Debug)]
pub struct Session {
    context: Context,
    id: u64,
}

impl Session {
    /// One statement to run within it.
    pub fn query(&self, sql: impl Into<String>) -> Query {
        Query::new(self.context.clone(), sql.into(), Some(self.id))
    }

    /// Runs a statement that changes something and answers how many rows it changed.
    ///
    /// # Errors
    /// When PostgreSQL refuses it, as it does in every [`Db::snapshot`].
    pub async fn execute(&self, sql: &str, binds: Vec<Bind>) -> Result<u64> {
        let binds = binds.into_iter().map(|bind| bind.0).collect();
        let execute = DbExecute { sql: sql.to_owned(), binds, session: self.id };
        self.context.call(Method::DbExecute, &execute).await
    }

    /// Keeps what it wrote.
    ///
    /// # Errors
    /// When PostgreSQL cannot commit; nothing was kept then.
    pub async fn commit(self) -> Result<()> {
        let end = DbEnd { session: self.id, commit: true };
        self.context.call(Method::DbEnd, &end).await
    }

    /// Gives it up.
    ///
    /// # Errors
    /// When the connection broke; PostgreSQL rolls back by itself then.
    pub async fn rollback(self) -> Result<()> {
        let end = DbEnd { session: self.id, commit: false };
        self.context.call(Method::DbEnd, &end).await
    }
}

/// A statement with its binds.
#[derive(Debug, Clone)]
#[must_use = "nothing runs until it is fetched"]
pub struct Query {
    context: Context,
    query: DbQuery,
}

impl Query {
    fn new(context: Context, sql: String, session: Option<u64>) -> Self {
        Self { context, query: DbQuery { sql, session, ..DbQuery::default() } }
    }

    /// The next of `$1`, `$2`, ….
    pub fn bind(mut self, value: impl Into<Bind>) -> Self {
        self.query.binds.push(value.into().0);
        self
    }

    /// Ends the query, on the server too, after this long.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.query.timeout_ms = Some(timeout.as_millis().try_into().unwrap_or(u64::MAX));
        self
    }

    /// The statement was typed by the operator: whatever it says, it may only read.
    pub fn untrusted(mut self) -> Self {
        self.query.untrusted = true;
        self
    }

    /// All rows, each read by serde from its columns' names.
    ///
    /// # Errors
    /// When the statement fails or a row does not fit `T`.
    pub async fn fetch<T: DeserializeOwned>(self) -> Result<Vec<T>> {
        let mut rows = self.stream().await?;
        let mut all = Vec::new();
        while let Some(batch) = rows.next_batch().await? {
            for row in 0..batch.rows() {
                all.push(rows.read(&batch, row)?);
            }
        }
        Ok(all)
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    /// When the statement fails or the row does not fit `T`.
    pub async fn fetch_optional<T: DeserializeOwned>(self) -> Result<Option<T>> {
        let mut rows = self.fetch().await?;
        Ok(if rows.is_empty() { None } else { Some(rows.swap_remove(0)) })
    }

    /// The first row.
    ///
    /// # Errors
    /// When the statement fails, gives no row, or the row does not fit `T`.
    pub async fn fetch_one<T: DeserializeOwned>(self) -> Result<T> {
        let row = self.fetch_optional().await?;
        row.ok_or_else(|| Error::not_found("the statement gave no row"))
    }

    /// The rows as they come, in constant memory.
    ///
    /// # Errors
    /// When the statement fails before its first row.
    pub async fn stream(self) -> Result<RowStream> {
        let stream: StreamRef = self.context.call(Method::DbQuery, &self.query).await?;
        Ok(RowStream::new(self.context, stream))
    }
}

/// A value for `$1`, `$2`, …, in PostgreSQL's text form: the server reads it as whatever type the
/// statement wants there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind(pub(crate) Option<String>);

impl Bind {
    /// NULL.
    pub const NULL: Self = Self(None);
}

macro_rules! bind_by_display {
    ($($kind:ty),+ $(,)?) => {$(
        impl From<$kind> for Bind {
            fn from(value: $kind) -> Self {
                Self(Some(value.to_string()))
            }
        }
    )+};
}

bind_by_display!(
    bool,
    i16,
    i32,
    i64,
    u16,
    u32,
    u64,
    usize,
    f32,
    f64,
    &str,
    String,
    &String,
    serde_json::Value
);

impl<T: Into<Bind>> From<Option<T>> for Bind {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::NULL, Into::into)
    }
}

impl From<Duration> for Bind {
    /// An interval.
    fn from(value: Duration) -> Self {
        Self(Some(format!("{} microseconds", value.as_micros())))
    }
}

/// A point in time, for `timestamptz`.
impl From<crate::args::Time> for Bind {
    fn from(value: crate::args::Time) -> Self {
        Self(Some(value.to_string()))
    }
}

impl<T: Into<Bind> + Clone> From<&[T]> for Bind {
    /// An array.
    fn from(values: &[T]) -> Self {
        let elements = values.iter().map(|value| match value.clone().into().0 {
            None => "NULL".to_owned(),
            Some(text) => {
                format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
            }
        });
        Self(Some(format!("{{{}}}", elements.collect::<Vec<_>>().join(","))))
    }
}

impl<T: Into<Bind> + Clone> From<Vec<T>> for Bind {
    fn from(values: Vec<T>) -> Self {
        values.as_slice().into()
    }
}

#[cfg(test)]
mod tests {
    use super::Bind;
    use std::time::Duration;

    #[test]
    fn values_take_the_text_form_of_postgresql() {
        assert_eq!(Bind::from(true).0.as_deref(), Some("true"));
        assert_eq!(Bind::from(Option::<i32>::None), Bind::NULL);
        assert_eq!(
            Bind::from(Duration::from_millis(1500)).0.as_deref(),
            Some("1500000 microseconds")
        );
        assert_eq!(
            Bind::from(vec!["a,b", "say \"x\\y\""]).0.as_deref(),
            Some(r#"{"a,b","say \"x\\y\""}"#)
        );
    }
}
