//! The metadata database: the server, the CMS's schema, and what may hold it up.

use crate::check::{Finding, Row, row};
use crate::gather::Sources;
use crate::gather::database::Beat;
use crate::gather::schema::CMS_TABLES;
use serde_json::json;
use toygres_model::disk::{Room, Space};
use toygres_model::releases::{CMS_SCHEMA, Standing, standing};
use toygres_model::time::words;
use toygres_plugin_api::Error;

pub(super) const ROWS: &[Row] = &[
    row!("TG0401", CmsDatabase, Error, "the database answers", reachable, late: Failed),
    row!("TG0402", CmsDatabase, Error, "the CMS's tables are there", present),
    row!("TG0403", CmsDatabase, Warning, "the CMS's schema is not behind", behind),
    row!("TG0404", CmsDatabase, Warning, "the CMS's schema is not ahead", ahead),
    row!("TG0405", CmsDatabase, Warning, "no transaction is open for long", transactions),
    row!("TG0406", CmsDatabase, Error, "connections are left", connections),
    row!("TG0407", CmsDatabase, Warning, "dead rows are cleaned up", dead_rows),
    row!("TG0408", CmsDatabase, Error, "the database can be written", writable),
    row!("TG0409", CmsDatabase, Warning, "statements are quick", quick),
    row!("TG0410", CmsDatabase, Warning, "nobody waits long for a lock", locks),
    row!("TG0411", CmsDatabase, Warning, "an index keeps the names of instances apart", names),
    row!("TG0412", CmsDatabase, Warning, "no password is stored in the clear", passwords),
    row!("TG0413", CmsDatabase, Error, "transaction ids are far from wrapping around", wraparound),
];

/// A transaction that is open longer holds back cleaning up.
const LONG_MS: i64 = 300_000;
/// A statement that does nothing and takes longer is worth a warning.
const SLOW_MS: f64 = 250.0;
/// Whoever waits longer for a lock is worth a warning.
const LOCK_MS: i64 = 30_000;
/// Fewer dead rows than these are no matter.
const MANY_DEAD: i64 = 10_000;

async fn reachable(sources: &Sources) -> Finding {
    let server = match sources.server.clone().await {
        Ok(server) => server,
        Err(error) => return Finding::broken(&error).fix("toygres server db-status"),
    };
    let (target, said) = (&server.target, &server.said);
    Finding::ok(format!("PostgreSQL {}", said.version))
        .headline(format!("PostgreSQL ({} schema)", sources.settings.cms))
        .fact("Host", &target.host)
        .fact("Version", &said.version)
        .see("host", target.host.as_str())
        .see("port", target.port)
        .see("version", said.version.as_str())
        .see("size_bytes", said.size_bytes)
}

async fn present(sources: &Sources) -> Finding {
    let schemas = match sources.schemas.clone().await {
        Ok(schemas) => schemas,
        Err(error) => return Finding::cannot_tell(&error),
    };
    let schema = &sources.settings.cms;
    let missing: Vec<&str> =
        CMS_TABLES.iter().filter(|table| !schemas.cms_has(table)).copied().collect();
    let finding = if missing.is_empty() {
        Finding::ok(format!("{} tables", schemas.count(schema))).fact("Schema", schema).fact(
            "Tables",
            format!("{} ({})", schemas.count(schema), schemas.names(schema).join(", ")),
        )
    } else {
        Finding::failed(format!("the schema `{schema}` lacks {}", missing.join(", ")))
            .fix("toygres server start")
    };
    finding.see("schema", schema.as_str()).see("missing", json!(missing))
}

async fn behind(sources: &Sources) -> Finding {
    compared(sources, Standing::Behind).await
}

async fn ahead(sources: &Sources) -> Finding {
    compared(sources, Standing::Ahead).await
}

async fn compared(sources: &Sources, bad: Standing) -> Finding {
    let schemas = match sources.schemas.clone().await {
        Ok(schemas) => schemas,
        Err(error) => return Finding::cannot_tell(&error),
    };
    let found = match schemas.newest(&sources.settings.cms) {
        Some(found) => found,
        None if schemas.cms_has("schema_migrations") => {
            return Finding::unknown("the table of the CMS's migrations cannot be read");
        }
        // Deployments of the time before migrations were recorded.
        None => 0,
    };
    let known = CMS_SCHEMA;
    let finding = match (standing(found, known) == bad, bad) {
        (false, _) => Finding::ok(format!("its newest migration is {found}")),
        (true, Standing::Ahead) => Finding::warning(format!(
            "its newest migration is {found}, this release knows {known}: a newer release was here"
        ))
        .fix("toygres version"),
        (true, _) => Finding::warning(format!(
            "its newest migration is {found}, this release has {known}: a server of it migrates"
        ))
        .fix("toygres server restart"),
    };
    finding.see("newest", found).see("known", known)
}

async fn transactions(sources: &Sources) -> Finding {
    let (activity, server) = match (sources.activity.clone().await, sources.server.clone().await) {
        (Ok(activity), Ok(server)) => (activity, server),
        (Err(error), _) | (_, Err(error)) => return Finding::cannot_tell(&error),
    };
    let oldest = activity.oldest_ms.unwrap_or(0);
    let pid = activity.oldest_pid.unwrap_or(0);
    let finding = if oldest > LONG_MS {
        Finding::warning(format!(
            "one of `{}` (process {pid}) is open for {}, {}",
            activity.oldest_application.as_deref().filter(|name| !name.is_empty()).unwrap_or("?"),
            words(oldest),
            activity.oldest_state.as_deref().unwrap_or("in an unknown state"),
        ))
        .fix("toygres server db-status --verbose")
    } else if server.said.sees_all {
        Finding::ok("none is older than 5 minutes")
    } else {
        Finding::unknown("this role does not see the transactions of others")
            .fix("GRANT pg_read_all_stats TO <role>")
    };
    finding.see("oldest_ms", activity.oldest_ms).see("pid", activity.oldest_pid)
}

async fn connections(sources: &Sources) -> Finding {
    let server = match sources.server.clone().await {
        Ok(server) => server,
        Err(error) if is_full(&error) => {
            return Finding::failed("no connection is left: the server takes no more")
                .see("left", 0)
                .fix("toygres server db-status --verbose");
        }
        Err(error) => return Finding::cannot_tell(&error),
    };
    let said = &server.said;
    let most = (said.max_connections - said.reserved).max(1);
    let left = (most - said.connections).max(0);
    let verb = if left == 1 { "is" } else { "are" };
    let text = format!("{left} of {most} connections {verb} left");
    let finding = match left * 100 / most {
        20.. => Finding::ok(text),
        5.. => Finding::warning(text),
        _ => Finding::failed(text),
    };
    let finding = finding
        .fact(
            "Connections",
            format!("{}/{} active, of every toygres process", said.ours_active, said.ours),
        )
        .see("connections", said.connections)
        .see("max_connections", said.max_connections)
        .see("left", left);
    if left * 100 / most < 20 { finding.fix("toygres server db-status --verbose") } else { finding }
}

/// PostgreSQL refused the connection because it has too many.
fn is_full(error: &Error) -> bool {
    let said = |text: &str| {
        text.contains("too many clients")
            || text.contains("connection slots")
            || text.contains("too many connections")
    };
    said(&error.message) || error.causes.iter().any(|cause| said(cause))
}

async fn dead_rows(sources: &Sources) -> Finding {
    let tables = match sources.tables.clone().await {
        Ok(tables) => tables,
        Err(error) => return Finding::cannot_tell(&error),
    };
    let bloated: Vec<_> =
        tables.iter().filter(|table| table.dead > MANY_DEAD && table.dead > table.live).collect();
    let rows: Vec<_> = bloated
        .iter()
        .map(|table| {
            json!({"table": table.name, "live": table.live, "dead": table.dead,
                "size_bytes": table.size_bytes, "vacuumed_at": table.vacuumed_at})
        })
        .collect();
    let finding = match bloated.first() {
        None => Finding::ok("no table has more dead rows than live ones"),
        Some(worst) => Finding::warning(format!(
            "`{}` has {} dead rows and {} live ones",
            worst.name, worst.dead, worst.live
        ))
        .fix(format!("VACUUM (ANALYZE) {}", worst.name)),
    };
    finding.see("tables", json!(rows))
}

async fn writable(sources: &Sources) -> Finding {
    let server = match sources.server.clone().await {
        Err(error) => return Finding::cannot_tell(&error),
        Ok(server) => server,
    };
    let standby = server.said.in_recovery;
    let finding = if standby {
        Finding::failed("it is a standby, which cannot be written: give the address of the primary")
            .fix("toygres server config")
    } else {
        match server.space {
            Ok(space) => roomy(space),
            // Whoever only reads cannot try to write; that servers are silent is a hint.
            Err(_) if are_silent(sources, server.said.servers).await => Finding::warning(
                "it is no standby, but a server that is connected writes no heartbeats: its disk \
                 may be full",
            )
            .fix("toygres server logs"),
            Err(_) => Finding::ok("it is no standby"),
        }
    };
    finding
        .see("in_recovery", standby)
        .see("available_bytes", server.space.ok().map(|space| space.available))
        .see("capacity_bytes", server.space.ok().map(|space| space.capacity))
        .see("disk_reason", server.space.err())
}

/// What the room on its disk means.
fn roomy(space: Space) -> Finding {
    let left = space.available / (1024 * 1024);
    match space.room() {
        Room::Full => {
            Finding::failed("its disk is full: nothing can be written until there is room on it")
                .fix("toygres server db-status")
        }
        Room::Low => {
            Finding::warning(format!("it is no standby, but its disk has only {left} MiB left"))
                .fix("toygres server db-status")
        }
        Room::Enough => Finding::ok("it is no standby, and its disk has room"),
    }
}

/// A server is connected, and none has written a heartbeat in time.
async fn are_silent(sources: &Sources, connected: i64) -> bool {
    let beats = sources.beats.clone().await.ok();
    let beats = beats.as_ref().and_then(|beats| beats.as_ref().as_ref());
    let silent = |beats: &Vec<Beat>| !beats.is_empty() && !beats.iter().any(Beat::is_live);
    connected > 0 && beats.is_some_and(silent)
}

async fn quick(sources: &Sources) -> Finding {
    let server = match sources.server.clone().await {
        Ok(server) => server,
        Err(error) => return Finding::cannot_tell(&error),
    };
    let took = format!("{:.0}ms", server.took_ms);
    let finding = if server.took_ms <= SLOW_MS {
        Finding::ok(format!("a statement took {took}"))
    } else {
        Finding::warning(format!("a statement that does nothing took {took}"))
            .fix("toygres server db-status")
    };
    finding.see("round_trip_ms", (server.took_ms * 100.0).round() / 100.0).fact("Query Time", took)
}

async fn locks(sources: &Sources) -> Finding {
    let activity = match sources.activity.clone().await {
        Ok(activity) => activity,
        Err(error) => return Finding::cannot_tell(&error),
    };
    let longest = activity.waiting_ms.unwrap_or(0);
    let finding = if longest <= LOCK_MS {
        Finding::ok(format!("{} wait", activity.waiting))
    } else {
        Finding::warning(format!(
            "{} wait for locks, the longest for {}",
            activity.waiting,
            words(longest)
        ))
        .fix("toygres server db-query \"SELECT pid, pg_blocking_pids(pid) FROM pg_locks WHERE NOT granted\"")
    };
    finding.see("waiting", activity.waiting).see("longest_ms", activity.waiting_ms)
}

async fn names(sources: &Sources) -> Finding {
    let schemas = match sources.schemas.clone().await {
        Ok(schemas) => schemas,
        Err(error) => return Finding::cannot_tell(&error),
    };
    if !schemas.cms_has("instances") {
        return Finding::skipped("there are no instances");
    }
    if schemas.has_index("instances_live_name") {
        return Finding::ok("it is there");
    }
    Finding::warning("it is missing: two live instances may get the same name")
        .fix("toygres server restart")
}

async fn passwords(sources: &Sources) -> Finding {
    match sources.passwords.clone().await {
        Err(error) => Finding::cannot_tell(&error),
        Ok(count) if *count == 0 => Finding::ok("none"),
        Ok(count) => Finding::warning(format!(
            "{count} record{} of instances hold one in a connection string",
            if *count == 1 { "" } else { "s" }
        ))
        .see("records", *count)
        .fix("toygres server db-query \"SELECT user_name FROM toygres_cms.instances WHERE ip_connection_string ~ '://[^:/@]+:[^@]+@'\""),
    }
}

async fn wraparound(sources: &Sources) -> Finding {
    let server = match sources.server.clone().await {
        Ok(server) => server,
        Err(error) => return Finding::cannot_tell(&error),
    };
    wrapping(server.said.oldest_xid_age)
}

/// PostgreSQL stops at about 2.1 billion.
fn wrapping(age: i64) -> Finding {
    let said = format!("the oldest is {age} transactions old; PostgreSQL stops at 2.1 billion");
    let finding = match age {
        ..=1_000_000_000 => Finding::ok(format!("the oldest is {age} transactions old")),
        1_000_000_001..=1_600_000_000 => Finding::warning(said).fix("VACUUM (FREEZE)"),
        _ => Finding::failed(said).fix("VACUUM (FREEZE)"),
    };
    finding.see("age", age)
}

#[cfg(test)]
mod tests {
    use super::{is_full, roomy, wrapping};
    use crate::check::Outcome;
    use toygres_model::disk::Space;
    use toygres_plugin_api::Error;

    #[test]
    fn a_full_server_is_told_from_a_dead_one() {
        let full = Error::unavailable("x").cause("sorry, too many clients already");
        let reserved = Error::unavailable("x").cause(
            "remaining connection slots are reserved for non-replication superuser connections",
        );
        assert!(is_full(&full) && is_full(&reserved));
        assert!(!is_full(&Error::unavailable("x").cause("Connection refused")));
    }

    #[test]
    fn a_disk_without_room_cannot_be_written() {
        let found = |available| roomy(Space { available, capacity: 1_000_000_000 });
        assert_eq!(found(0).outcome, Outcome::Failed);
        assert!(found(0).summary.contains("its disk is full"));
        assert_eq!(found(20_000_000).outcome, Outcome::Warning);
        assert_eq!(found(900_000_000).outcome, Outcome::Ok);
    }

    #[test]
    fn old_transactions_are_told_long_before_the_end() {
        assert_eq!(wrapping(500).outcome, Outcome::Ok);
        assert_eq!(wrapping(1_000_000_001).outcome, Outcome::Warning);
        assert_eq!(wrapping(1_900_000_000).outcome, Outcome::Failed);
    }
}
