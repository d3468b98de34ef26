//! `health`.

use crate::check::{Row, reason};
use crate::checks::{self, same};
use crate::gather::{Settings, Sources};
use crate::report::answer::{Answer, InstanceFacts};
use crate::report::{self, NAGIOS, instances, nagios};
use crate::run;
use std::time::{Duration, Instant};
use toygres_plugin_api::report::Verdict;
use toygres_plugin_api::{Args, Context, Error, ErrorKind, Report, Result, ValueEnum};

/// Check the health of all system components.
///
/// The checks run side by side, each with a deadline, so that a backend that hangs holds none of
/// the others. What could not be found out is unknown, which is not well: the exit code is 1 when
/// something failed, else 4 when something is unknown, else 0. With `-o nagios` they are those of a
/// Nagios plugin: 0 OK, 1 warning, 2 critical, 3 unknown. Each check has a code; docs/health.md
/// describes it.
#[derive(Args)]
#[command(
    category = "System Health",
    watchable,
    detail = Answer,
    formats = ["nagios"],
    examples = [
        "toygres server health --verbose",
        "toygres server health --check TG0401 --check TG0501",
        "toygres server health --wait --timeout 5m",
        "toygres server health -o json | jq '.checks[] | select(.outcome == \"failed\")'",
    ]
)]
pub(crate) struct Health {
    /// Show every check, every instance, and what to do
    #[arg(long, short)]
    verbose: bool,
    /// Run only this check (may be repeated)
    #[arg(long, value_name = "CODE", complete = checks::offered)]
    check: Vec<String>,
    /// Leave this check out (may be repeated)
    #[arg(long, value_name = "CODE", complete = checks::offered)]
    skip: Vec<String>,
    /// The exit code is 1 already for this
    #[arg(long, default = "error")]
    fail_on: FailOn,
    /// Wait until all is well
    #[arg(long)]
    wait: bool,
    /// Wait no longer
    #[arg(long, default = "5m", requires = ["wait"])]
    timeout: Duration,
}

/// What makes the exit code 1.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailOn {
    /// Warnings and errors
    Warning,
    /// Errors
    Error,
}

/// The pause between two looks of `--wait`.
const PAUSE: Duration = Duration::from_secs(1);

pub(crate) async fn health(ctx: &Context, args: Health) -> Result<Report> {
    let answered = check(ctx, args).await;
    match answered {
        // Whoever reads this format knows no other word for what could not be found out.
        Err(error) if ctx.output().format == NAGIOS && error.kind != ErrorKind::Interrupted => {
            Ok(Report::data(serde_json::json!({"status": "undetermined", "error": error.message}))?
                .ready(NAGIOS, nagios::unknown(&reason(&error)))
                .exit_code(NAGIOS, nagios::UNKNOWN)
                .verdict(Verdict::Undetermined))
        }
        answered => answered,
    }
}

async fn check(ctx: &Context, args: Health) -> Result<Report> {
    let settings = Settings::read(ctx).await?;
    let deadline = Instant::now() + args.timeout;
    loop {
        let answer = look(ctx, &settings, &args).await?;
        if !args.wait || answer.verdict() == Verdict::Clean {
            return report::report(&answer, args.verbose);
        }
        if Instant::now() + PAUSE > deadline {
            return Err(not_in_time(&answer, args.timeout));
        }
        ctx.ui().progress(format!("waiting: {}", troubles(&answer))).await;
        tokio::time::sleep(PAUSE).await;
    }
}

/// One look at everything that was asked for.
async fn look(ctx: &Context, settings: &Settings, args: &Health) -> Result<Answer> {
    let sources = Sources::new(ctx, settings.clone());
    let own = |code: &String| checks::all().any(|row| same(code, row.code));
    let foreign_wanted = args.check.is_empty() || !args.check.iter().all(own);
    let mut brought = Vec::new();
    if foreign_wanted && let Ok(contributions) = sources.contributed.clone().await {
        brought = run::brought(&contributions);
    }
    let foreign: Vec<String> = brought.iter().map(|one| one.code.clone()).collect();
    let rows = checks::chosen(&args.check, &args.skip, &foreign)?;
    let named = |list: &[String], code: &str| list.iter().any(|typed| same(typed, code));
    brought.retain(|one| {
        (args.check.is_empty() || named(&args.check, &one.code)) && !named(&args.skip, &one.code)
    });
    if rows.is_empty() && brought.is_empty() {
        return Err(none_left());
    }
    let mut checked = run::run(&sources, &rows).await;
    checked.extend(brought);
    let instances = if wants_instances(&rows) { facts(&sources).await } else { None };
    Ok(Answer::new(checked, instances, args.fail_on == FailOn::Warning))
}

/// Nothing was looked at is not the same as all is well.
fn none_left() -> Error {
    Error::usage("`--skip` leaves no check that could run")
        .hint("skip fewer; `toygres server health --verbose` shows every check with its code")
}

fn wants_instances(rows: &[&Row]) -> bool {
    rows.iter().any(|row| row.component.category() == "Data Plane")
}

/// Every instance on both sides. The checks have asked already; nothing is waited for twice.
async fn facts(sources: &Sources) -> Option<Vec<InstanceFacts>> {
    let views = instances::views(sources).await.ok()?;
    Some(views.iter().map(InstanceFacts::from).collect())
}

fn troubles(answer: &Answer) -> String {
    let found = answer.told();
    let named: Vec<String> = found
        .iter()
        .take(3)
        .map(|(title, group)| format!("{title}: {}", group[0].summary))
        .collect();
    match found.len().saturating_sub(3) {
        0 => named.join("; "),
        more => format!("{}; and {more} more", named.join("; ")),
    }
}

fn not_in_time(answer: &Answer, timeout: Duration) -> Error {
    let mut error = Error::timed_out(format!("not healthy within {timeout:?}: {}", answer.off()));
    for (title, group) in answer.told().iter().take(10) {
        error = error.cause(format!("{title}: {}", group[0].summary));
    }
    error.hint("see `toygres server health --verbose`")
}
