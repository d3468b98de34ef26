//! What is up and where, as `up` and `status` tell it.

use crate::daemon::{Answers, Overview};
use crate::folders::Folders;
use crate::kept::Kept;
use serde_json::{Value, json};
use toygres_plugin_api::report::{Column, Field, Kind, State, Tone};

/// For machines.
pub(super) fn data(
    folders: &Folders,
    kept: &Kept,
    overview: &Overview,
    answers: &Answers,
) -> Value {
    let Overview { pid, since, database, pods } = overview;
    json!({
        "up": database.pid.is_some() && answers.silent.is_empty(),
        "daemon": { "pid": pid, "since": since, "log": folders.logs().join("daemon.log") },
        "postgres": {
            "pid": database.pid,
            "port": database.port,
            "version": database.version,
            "ready": database.ready,
            "answers": answers.postgres(),
            "since": database.since,
            "restarts": database.restarts,
            "failures": database.failures,
            "error": database.error,
            "data": folders.database(),
            "log": folders.logs().join("postgres.log"),
        },
        "kubernetes": {
            "pid": pid,
            "port": kept.api_port,
            "url": kept.api_url(),
            "answers": answers.daemon(),
            "since": since,
            "kubeconfig": folders.kubeconfig(),
        },
        "pods": pods,
        "home": folders.home,
    })
}

/// For people.
pub(super) fn fields(
    folders: &Folders,
    kept: &Kept,
    overview: &Overview,
    answers: &Answers,
) -> Vec<Field> {
    let database = &overview.database;
    let version = database.version.as_deref().unwrap_or("of unknown version");
    let ready = overview.pods.iter().filter(|pod| pod.ready).count();
    let postgres = Field::new("PostgreSQL", format!("{version} on 127.0.0.1:{}", database.port));
    let postgres = match (database.pid, database.ready) {
        (Some(pid), _) if !answers.postgres() => {
            postgres.remark(format!("pid {pid}, does not answer")).tone(Tone::Bad)
        }
        (Some(pid), true) => postgres.remark(format!("pid {pid}")).tone(Tone::Good),
        (Some(pid), false) => postgres.remark(format!("pid {pid}, not ready")).tone(Tone::Active),
        (None, _) => match &database.error {
            Some(why) => {
                let line = why.lines().next_back().unwrap_or(why);
                postgres.remark(format!("down: {line}")).tone(Tone::Bad)
            }
            None => postgres.remark("down").tone(Tone::Bad),
        },
    };
    let kubernetes = Field::new("Kubernetes", format!("stand-in on {}", kept.api_url()));
    let kubernetes = if answers.daemon() {
        kubernetes.remark(format!("pid {}", overview.pid)).tone(Tone::Good)
    } else {
        kubernetes.remark(format!("pid {}, does not answer", overview.pid)).tone(Tone::Bad)
    };
    vec![
        postgres,
        kubernetes,
        Field::new("Pods", format!("{ready} of {} ready", overview.pods.len())),
        Field::new("Kubeconfig", folders.kubeconfig().display().to_string()),
        Field::new("Files", folders.local().display().to_string()),
        Field::new("Since", overview.since.as_str()).kind(Kind::TimeAgo),
    ]
}

/// So many servers, in words.
pub(super) fn servers(count: usize) -> String {
    match count {
        1 => "1 PostgreSQL server".to_owned(),
        count => format!("{count} PostgreSQL servers"),
    }
}

/// The columns of a table of pods.
pub(super) fn columns() -> Vec<Column> {
    vec![
        Column::new("name", "POD").shrink(),
        Column::new("namespace", "NAMESPACE").wide(),
        Column::new("state", "STATE").kind(states()),
        Column::new("ready", "READY").kind(Kind::Check),
        Column::new("port", "PORT"),
        Column::new("pid", "PID"),
        Column::new("restarts", "RESTARTS"),
        Column::new("since", "SINCE").kind(Kind::Ago),
    ]
}

fn states() -> Kind {
    let state = |value: &str, label: &str, tone| State::new(value, label, tone);
    Kind::Status(vec![
        state("running", "running", Tone::Good),
        state("pending", "pending", Tone::Active),
        state("container_creating", "starting", Tone::Active),
        state("terminating", "terminating", Tone::Active),
        state("failed", "failed", Tone::Bad),
        state("succeeded", "ended", Tone::Muted),
        state("crash_loop_back_off", "keeps dying", Tone::Bad),
        state("err_image_pull", "no such image", Tone::Bad),
        state("create_container_config_error", "misses something", Tone::Bad),
        state("create_container_error", "cannot start", Tone::Bad),
    ])
}
