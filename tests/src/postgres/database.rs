//! A database of a private server, made for one test.

use super::{PrivatePostgres, SUPERUSER};
use crate::Result;

/// A database that goes with this value.
#[derive(Debug)]
pub struct Database<'server> {
    server: &'server PrivatePostgres,
    /// Its name.
    pub name: String,
    /// Where the superuser finds it.
    pub url: String,
}

impl<'server> Database<'server> {
    pub(super) fn create(
        server: &'server PrivatePostgres,
        name: &str,
        template: &str,
    ) -> Result<Self> {
        server.psql(&format!("CREATE DATABASE {name} TEMPLATE {template}"))?;
        let url = server.url_for(SUPERUSER, name);
        Ok(Self { server, name: name.to_owned(), url })
    }

    /// The server that it is in.
    pub fn server(&self) -> &'server PrivatePostgres {
        self.server
    }

    /// Where `user` finds it.
    pub fn url_for(&self, user: &str) -> String {
        self.server.url_for(user, &self.name)
    }

    /// What `psql` answers: see [`super::Binaries::psql`].
    ///
    /// # Panics
    /// With the server's message: a test could not go on.
    #[track_caller]
    pub fn psql(&self, sql: &str) -> String {
        self.try_psql(sql).unwrap_or_else(|error| panic!("{error}\n  in {sql}"))
    }

    /// Like [`Database::psql`], for a statement that may be refused.
    ///
    /// # Errors
    /// The server's message.
    pub fn try_psql(&self, sql: &str) -> Result<String> {
        self.server.binaries().psql(&self.url, sql)
    }

    /// Schema and data as SQL; equal texts mean that nothing changed.
    ///
    /// # Panics
    /// With the message of `pg_dump`.
    #[track_caller]
    pub fn dump(&self) -> String {
        self.server.binaries().dump(&self.url).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        let _dropped = self.server.psql(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}
