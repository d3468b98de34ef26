//! `logs`.

use crate::complete;
use crate::log::entry::Entry;
use crate::log::filter::{Filter, Level};
use crate::log::follow::Reader;
use crate::process::home::Home;
use crate::process::running::{self, Running};
use crate::process::settings::Settings;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toygres_plugin_api::report::{StreamColumn, StreamKind};
use toygres_plugin_api::{Args, Context, Error, ErrorKind, Report, Result, Time};

/// View server logs.
///
/// Older logs that were set aside are read too, and following goes on when that happens.
#[derive(Args)]
#[command(
    category = "Process Management",
    list,
    examples = [
        "toygres server logs --tail 20",
        "toygres server logs --follow --level warn",
        "toygres server logs --orchestration create-proddb-a1b2c3d4 --tail 0 -o jsonl"
    ]
)]
pub(crate) struct Logs {
    /// Go on as the log grows
    #[arg(long, short = 'f', follows)]
    follow: bool,
    /// Show the last so many lines; 0 shows all
    #[arg(long, short = 'n', value_name = "N", default = "100")]
    tail: u32,
    /// Only what was logged since then
    #[arg(long, value_name = "TIME")]
    since: Option<Time>,
    /// Only this level and what is more urgent
    #[arg(long, value_name = "LEVEL")]
    level: Option<Level>,
    /// Only lines with this text, in any case
    #[arg(long, value_name = "TEXT")]
    grep: Option<String>,
    /// Only what happened in this orchestration and those below it
    #[arg(long, value_name = "ID", complete = complete::orchestrations)]
    orchestration: Option<String>,
    /// Only what is about this database instance, by either of its names
    #[arg(long, short = 'i', value_name = "NAME", complete = complete::instances)]
    instance: Option<String>,
}

/// Between two looks at a log that has no more lines.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// Lines that are written at once.
const PIECE: usize = 500;

pub(crate) async fn logs(ctx: &Context, args: Logs) -> Result<Report> {
    let path = log_file(&Settings::read(ctx).await?.home()?)?;
    let format = ctx.output().format.as_str();
    if args.follow && !matches!(format, "table" | "wide" | "jsonl" | "json") {
        return Err(Error::usage(format!("`{format}` cannot be followed")).hint("use `-o jsonl`"));
    }
    let filter = filter(&args)?;
    let mut reader = Reader::new(&path).map_err(|error| unreadable(&path, error))?;
    let (last, more) = last(&mut reader, &path, &filter, args.tail)?;
    if last.is_empty() && !args.follow {
        return nothing(&path, &filter);
    }
    if more {
        ctx.ui().note(format!("these are the last {}; see all with `--tail 0`", last.len())).await;
    }
    if args.follow || matches!(format, "table" | "wide") {
        for piece in pieces(last) {
            ctx.ui().append(&shown(&piece)?).await?;
        }
        if args.follow {
            follow(ctx, &mut reader, &path, &filter).await?;
        }
        return Ok(Report::default());
    }
    stream(ctx, last).await
}

/// The log of the server that runs or ran last, which says itself where that is; else where one
/// would write it.
fn log_file(home: &Home) -> Result<PathBuf> {
    let record = match Running::find(home)? {
        Some(running) => running.record,
        None => running::last(home)?,
    };
    let said = record.map(|record| PathBuf::from(record.log_file));
    Ok(said.filter(|path| path.is_absolute()).unwrap_or_else(|| home.log_file.clone()))
}

fn filter(args: &Logs) -> Result<Filter> {
    let since = args.since.as_ref().map(|time| time.to_string().parse::<Timestamp>());
    let since = since
        .transpose()
        .map_err(|error| Error::usage("the time of `--since` cannot be read").cause(error))?;
    Ok(Filter {
        since,
        level: args.level,
        text: args.grep.clone(),
        orchestration: args.orchestration.clone(),
        instance: args.instance.clone(),
    })
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::failed(format!("the log {} cannot be read", path.display()))
        .cause(error)
        .hint("check who owns it with: ls -l")
}

/// Returns the last `most` wanted lines of what there is, and whether there were more; 0 is all.
pub(super) fn last(
    reader: &mut Reader,
    path: &Path,
    filter: &Filter,
    most: u32,
) -> Result<(VecDeque<Entry>, bool)> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let (mut kept, mut more) = (VecDeque::new(), false);
    while let Some(line) = reader.line().map_err(|error| unreadable(path, error))? {
        let Some(entry) = filter.entry(&line) else { continue };
        kept.push_back(entry);
        if most > 0 && kept.len() > most {
            kept.pop_front();
            more = true;
        }
    }
    Ok((kept, more))
}

fn nothing(path: &Path, filter: &Filter) -> Result<Report> {
    let said = if !path.exists() {
        format!("There is no log yet: {}", path.display())
    } else if filter.is_open() {
        "The log is empty".to_owned()
    } else {
        "No line of the log is like that".to_owned()
    };
    let empty: [Entry; 0] = [];
    Ok(Report::list(empty).empty(said))
}

/// Writes what comes until interrupted.
async fn follow(ctx: &Context, reader: &mut Reader, path: &Path, filter: &Filter) -> Result<()> {
    loop {
        let mut piece = Vec::new();
        while piece.len() < PIECE
            && let Some(line) = reader.line().map_err(|error| unreadable(path, error))?
        {
            piece.extend(filter.entry(&line));
        }
        let full = piece.len() >= PIECE;
        if !piece.is_empty() {
            ctx.ui().append(&shown(&piece)?).await?;
        }
        let pause = if full { Duration::ZERO } else { LOOK_AGAIN };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = ctx.cancelled() => return Err(Error::new(ErrorKind::Interrupted, "interrupted")),
        }
    }
}

fn pieces(entries: VecDeque<Entry>) -> impl Iterator<Item = Vec<Entry>> {
    let mut entries = entries.into_iter();
    std::iter::from_fn(move || {
        let piece: Vec<Entry> = entries.by_ref().take(PIECE).collect();
        (!piece.is_empty()).then_some(piece)
    })
}

/// Lines for people, and the same as documents.
fn shown(entries: &[Entry]) -> Result<Report> {
    let zone = TimeZone::system();
    let lines: Vec<String> = entries.iter().map(|entry| line(entry, &zone)).collect();
    Ok(Report::data(entries)?.lines(lines))
}

/// `2026-01-02 03:04:05.678 WARN  the database is slow took_ms=7`
pub(super) fn line(entry: &Entry, zone: &TimeZone) -> String {
    let Some(time) = &entry.time else { return entry.message.clone() };
    let time = time.parse::<Timestamp>().map_or_else(
        |_| time.clone(),
        |at| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%.3f").to_string(),
    );
    let level = entry.level.as_deref().unwrap_or_default().to_uppercase();
    let line = format!("{time} {level:<5} {} {}", entry.message, entry.details());
    line.trim_end().to_owned()
}

/// Rows of any number, in constant memory beyond those that were kept.
async fn stream(ctx: &Context, entries: VecDeque<Entry>) -> Result<Report> {
    let column =
        |name: &str, kind| StreamColumn { name: name.to_owned(), type_name: String::new(), kind };
    let text = |name| column(name, StreamKind::Text);
    let columns = vec![
        text("time"),
        text("level"),
        text("message"),
        text("orchestration"),
        text("instance"),
        text("target"),
        column("fields", StreamKind::Json),
    ];
    let mut rows = ctx.stream(columns).await?;
    let reference = rows.reference();
    for entry in entries {
        let fields = serde_json::to_string(&entry.fields)?;
        let cells = [
            entry.time.as_deref(),
            entry.level.as_deref(),
            Some(entry.message.as_str()),
            entry.orchestration.as_deref(),
            entry.instance.as_deref(),
            entry.target.as_deref(),
            Some(fields.as_str()),
        ];
        if !rows.push(&cells).await {
            break;
        }
    }
    rows.finish().await;
    Ok(Report::stream(reference))
}

#[cfg(test)]
mod tests {
    use super::{Entry, TimeZone, line};

    #[test]
    fn a_line_says_when_how_urgent_what_and_about_what() {
        let entry = Entry::read(
            br#"{"timestamp":"2026-01-02T03:04:05.6789Z","level":"WARN","message":"slow","target":"t","took_ms":7}"#,
        );
        assert_eq!(line(&entry, &TimeZone::UTC), "2026-01-02 03:04:05.678 WARN  slow took_ms=7");
        assert_eq!(line(&Entry::read(b"thread panicked"), &TimeZone::UTC), "thread panicked");
    }
}
