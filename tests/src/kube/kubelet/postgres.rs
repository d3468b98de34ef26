//! The PostgreSQL that the pods of a test are.

use crate::Result;
use crate::postgres::PrivatePostgres;

/// A server that lets its superuser `postgres` in with any password, as one server must play the
/// database of every instance.
///
/// # Errors
/// As [`PrivatePostgres::new`].
pub fn open_postgres() -> Result<PrivatePostgres> {
    let server = PrivatePostgres::new()?;
    let file = server.data().join("pg_hba.conf");
    let rules = std::fs::read_to_string(&file)?;
    // The first rule that fits decides.
    std::fs::write(&file, format!("host all postgres 127.0.0.1/32 trust\n{rules}"))?;
    server.psql("CREATE ROLE postgres LOGIN SUPERUSER; SELECT pg_reload_conf()")?;
    Ok(server)
}
