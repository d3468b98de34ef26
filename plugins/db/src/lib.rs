//! `db-status` and `db-query`: the metadata database as an operator sees it.

mod commands;
mod status;

use commands::query::{DbQuery, db_query};
use commands::status::{DbStatus, db_status};

toygres_plugin_api::plugin! {
    name: "db",
    description: "Health of the metadata database, and read-only SQL on it",
    needs: ["db", "config"],
    commands: [ DbStatus => db_status, DbQuery => db_query ],
}
