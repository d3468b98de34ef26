//! Waiting until the control plane has done what was asked for.

use crate::api::{self, Found};
use crate::instance::Instance;
use crate::view::steps;
use std::io::IsTerminal;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;
use toygres_model::time;
use toygres_plugin_api::report::{Block, Tone};
use toygres_plugin_api::{Context, Error, ErrorKind, Report, Result};

const LOOK_AGAIN: Duration = Duration::from_millis(400);

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
    fn doing(self) -> &'static str {
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

    fn wanted(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Deleted => "deleted",
        }
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
    loop {
        let asked = tokio::select! {
            asked = api::get(ctx, name, false) => asked,
            () = ctx.cancelled() => return Err(interrupted(begun, goal)),
        };
        let lost = match asked {
            Ok(found) if goal.is_reached(&begun.state, &found.instance.state) => {
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
            return Err(late(&last, lost, goal, timeout));
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
        "the {} goes on; see `toygres get {k8s_name}`, or `toygres server workers`",
        goal.noun()
    ))
}

fn interrupted(begun: &Instance, goal: Goal) -> Error {
    let Instance { name, k8s_name, .. } = begun;
    let undo = match goal {
        Goal::Running => format!(", or undo it with `toygres delete {name}`"),
        Goal::Deleted => String::new(),
    };
    Error::new(
        ErrorKind::Interrupted,
        format!("interrupted; the {} of `{name}` goes on", goal.noun()),
    )
    .hint(format!("follow it with `toygres get {k8s_name} --watch`{undo}"))
}

/// Says how far it is, where the operator can see it: drawn in place on stdout, or on stderr.
struct Teller<'a> {
    ctx: &'a Context,
    goal: Goal,
    news: News,
}

impl<'a> Teller<'a> {
    fn new(ctx: &'a Context, goal: Goal) -> Self {
        Self { ctx, goal, news: News::default() }
    }

    async fn tell(&mut self, found: &Found, lost: Option<&Error>) -> Result<()> {
        if draws(self.ctx) {
            let title = capital(&self.title(found));
            let frame = frame(found, Block::remark(Tone::Active, title), lost)?;
            return self.ctx.ui().show(&frame).await;
        }
        let line = self.line(found, lost);
        if std::io::stderr().is_terminal() {
            self.ctx.ui().progress(line).await;
        } else {
            let last = found.steps.last();
            let finding = lost.map(|lost| lost.message.as_str());
            let finding = finding.or_else(|| last.and_then(|last| last.message.as_deref()));
            if self.news.is(last.map_or("", |last| last.step.as_str()), finding) {
                self.ctx.ui().note(line).await;
            }
        }
        Ok(())
    }

    /// The last frame, which stays above the answer.
    async fn ended(&self, found: &Found) -> Result<()> {
        if !draws(self.ctx) {
            return Ok(());
        }
        let Instance { name, k8s_name, state, .. } = &found.instance;
        let tone = if state == self.goal.wanted() { Tone::Good } else { Tone::Bad };
        let title = Block::remark(tone, format!("{name} ({k8s_name}) is {state}"));
        self.ctx.ui().show(&frame(found, title, None)?.block(Block::Blank)).await
    }

    fn title(&self, found: &Found) -> String {
        let Instance { name, k8s_name, .. } = &found.instance;
        format!("{} {name} ({k8s_name})", self.goal.doing())
    }

    /// The step under way, and what was found in it; without times, so that it changes only when
    /// something happens.
    fn line(&self, found: &Found, lost: Option<&Error>) -> String {
        if let Some(lost) = lost {
            return format!("{}; trying again", lost.message);
        }
        let title = self.title(found);
        match found.steps.last() {
            None => format!("{title}: waiting for a worker"),
            Some(last) => {
                let message = last.message.as_deref().filter(|message| !message.is_empty());
                let message = message.map(|message| format!(": {message}")).unwrap_or_default();
                format!("{title}: {} {}{message}", last.step, last.state)
            }
        }
    }
}

/// What was said last to those who read line by line: a step, and what was found in it.
#[derive(Default)]
struct News(Option<(String, Option<String>)>);

impl News {
    /// Whether this is worth saying. The tries of one step follow each other: only what they find
    /// is.
    fn is(&mut self, step: &str, finding: Option<&str>) -> bool {
        let known = self.0.as_ref().is_some_and(|(said, found)| {
            said == step && (finding.is_none() || finding == found.as_deref())
        });
        if !known {
            self.0 = Some((step.to_owned(), finding.map(str::to_owned)));
        }
        !known
    }
}

/// Whether steps are drawn in place on stdout: where the answer will be a table on a terminal.
pub(crate) fn draws(ctx: &Context) -> bool {
    let output = ctx.output();
    output.terminal && matches!(output.format.as_str(), "table" | "wide")
}

fn frame(found: &Found, title: Block, lost: Option<&Error>) -> Result<Report> {
    let steps = steps::block(&found.steps, &found.instance.state, now());
    let report = Report::data(&found.instance)?.block(title).block(steps);
    Ok(match lost {
        Some(lost) => {
            report.block(Block::remark(Tone::Warn, format!("{}; trying again", lost.message)))
        }
        None => report,
    })
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::News;

    #[test]
    fn only_what_is_new_is_said() {
        let mut news = News::default();
        for (step, finding, is_new) in [
            ("", None, true),
            ("", None, false),
            ("wait-for-ready", None, true),
            ("wait-for-ready", Some("pending"), true),
            ("wait-for-ready", None, false),
            ("wait-for-ready", Some("pending"), false),
            ("wait-for-ready", Some("pulling"), true),
            ("test-connection", Some("pulling"), true),
            ("test-connection", None, false),
        ] {
            assert_eq!(news.is(step, finding), is_new, "{step} {finding:?}");
        }
    }
}
