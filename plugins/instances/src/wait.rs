//! Waiting until the control plane has done what was asked for.

use crate::api::{self, Found};
use crate::instance::Instance;
use crate::tell::Teller;
use crate::view::steps;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;
use toygres_model::kubectl::Kubectl;
use toygres_model::time;
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Context, Error, ErrorKind, Result};

const LOOK_AGAIN: Duration = Duration::from_millis(400);

/// Once it runs, what watches over its health follows at once; the answer names it, unless it takes
/// longer than this.
const WATCHED_WITHIN: Duration = Duration::from_secs(5);

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goal {
    /// It runs; a failure or a deletion in between ends the waiting too.
    Running,
    /// It is no more.
    Deleted,
}

impl Goal {
    /// Whether the waiting ends. A failed instance may stay failed while it is being deleted, since
    /// its name may be another's by now.
    fn is_reached(self, began: &str, state: &str) -> bool {
        match self {
            Self::Running => matches!(state, "running" | "failed" | "deleted"),
            Self::Deleted => state == "deleted" || (state == "failed" && began != "failed"),
        }
    }

    /// `creating` or `deleting`.
    pub(crate) fn doing(self) -> &'static str {
        match self {
            Self::Running => "creating",
            Self::Deleted => "deleting",
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Running => "creation",
            Self::Deleted => "deletion",
        }
    }

    /// `running` or `deleted`.
    pub(crate) fn wanted(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Deleted => "deleted",
        }
    }
}

/// Waits a little for what watches over an instance that runs.
#[derive(Default)]
struct Watched(Option<Instant>);

impl Watched {
    fn is_told(&mut self, instance: &Instance) -> bool {
        if instance.state != "running" || instance.health_orchestration_id.is_some() {
            return true;
        }
        let now = Instant::now();
        now >= *self.0.get_or_insert(now + WATCHED_WITHIN)
    }
}

/// Milliseconds since the epoch.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Asks again and again until the goal is reached, and shows how far it is. A server that goes
/// away meanwhile is waited for.
///
/// # Errors
/// `timed_out` with what blocks; `interrupted`, though the control plane goes on; what the API
/// refuses for good.
pub(crate) async fn until(
    ctx: &Context,
    begun: &Instance,
    goal: Goal,
    timeout: Duration,
) -> Result<Found> {
    let deadline = Instant::now() + timeout;
    let mut teller = Teller::new(ctx, goal);
    // The name may be given to another once this one is deleted.
    let name = &begun.k8s_name;
    let mut last = Found { instance: begun.clone(), ..Found::default() };
    let mut watched = Watched::default();
    loop {
        let asked = tokio::select! {
            asked = api::get(ctx, name, false) => asked,
            () = ctx.cancelled() => return Err(interrupted(begun, goal)),
        };
        let lost = match asked {
            Ok(found)
                if goal.is_reached(&begun.state, &found.instance.state)
                    && (watched.is_told(&found.instance) || Instant::now() >= deadline) =>
            {
                teller.ended(&found).await?;
                return Ok(found);
            }
            Ok(found) => {
                last = found;
                None
            }
            Err(error) if error.kind == ErrorKind::NotFound && goal == Goal::Deleted => {
                last.instance.state = "deleted".to_owned();
                return Ok(last);
            }
            Err(error) if error.retryable => Some(error),
            Err(error) => return Err(error),
        };
        if Instant::now() >= deadline {
            let error = late(&last, lost, goal, timeout);
            return Err(looked_at(ctx, &last, error).await);
        }
        teller.tell(&last, lost.as_ref()).await?;
        tokio::select! {
            () = tokio::time::sleep_until(deadline.min(Instant::now() + LOOK_AGAIN)) => {}
            () = ctx.cancelled() => return Err(interrupted(begun, goal)),
        }
    }
}

fn late(last: &Found, lost: Option<Error>, goal: Goal, timeout: Duration) -> Error {
    let Instance { name, k8s_name, state, .. } = &last.instance;
    let within = time::words(i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX));
    let error = Error::timed_out(format!("`{name}` is not {} after {within}", goal.wanted()));
    let blocks = match lost {
        Some(lost) => lost.message,
        None => steps::under_way(&last.steps, now())
            .unwrap_or_else(|| format!("it is {state}, and no worker has begun a step of it")),
    };
    error.cause(blocks).hint(format!(
        "the {} goes on; see `{}`, or `toygres server workers`",
        goal.noun(),
        ShellCommand::new("toygres get").arg(k8s_name)
    ))
}

/// The same with the command that shows what is waited for, where the server names one.
async fn looked_at(ctx: &Context, last: &Found, error: Error) -> Error {
    let (Some(look), Ok(config)) = (steps::look(&last.steps), ctx.config().all().await) else {
        return error;
    };
    let look = Kubectl::of(&config).aimed(look);
    let hint = error.hint.clone().unwrap_or_default();
    error.hint(format!("see what holds it with `{look}`; {hint}"))
}

fn interrupted(begun: &Instance, goal: Goal) -> Error {
    let Instance { name, k8s_name, .. } = begun;
    let undo = match goal {
        Goal::Running => {
            format!(", or undo it with `{}`", ShellCommand::new("toygres delete").arg(name))
        }
        Goal::Deleted => String::new(),
    };
    Error::new(
        ErrorKind::Interrupted,
        format!("interrupted; the {} of `{name}` goes on", goal.noun()),
    )
    .hint(format!(
        "follow it with `{}`{undo}",
        ShellCommand::new("toygres get").arg(k8s_name).flag("--watch")
    ))
}
