//! Everything that a report is made of, and every kind of error.

use serde::Serialize;
use serde_json::json;
use toygres_plugin_api::report::{
    Bar, Block, Column, Field, Kind, Span, State, Step, Timeline, Tone, TreeNode, Verdict,
};
use toygres_plugin_api::{Args, Context, Error, ErrorKind, Report, Result, Schema, ValueEnum};

/// Show every block.
#[derive(Args)]
#[command(category = "Corpus", rows = Row, formats = ["words"])]
pub(crate) struct CorpusReport {}

#[derive(Serialize, Schema)]
struct Row {
    name: String,
    state: String,
    size_bytes: Option<u64>,
    took_ms: u64,
    at: String,
}

pub(crate) async fn corpus_report(_: &Context, _: CorpusReport) -> Result<Report> {
    let row = |name: &str, state: &str, size_bytes| Row {
        name: name.to_owned(),
        state: state.to_owned(),
        size_bytes,
        took_ms: 1500,
        at: "2020-01-02T03:04:05Z".to_owned(),
    };
    let states = vec![State::new("good", "Good", Tone::Good), State::new("bad", "Bad", Tone::Bad)];
    let leaf = TreeNode {
        tone: Tone::Bad,
        label: "leaf".to_owned(),
        remark: Some("dry".to_owned()),
        children: Vec::new(),
    };
    let span = Span {
        label: "a span".to_owned(),
        from: "2020-01-02T03:04:05Z".to_owned(),
        to: None,
        tone: Tone::Active,
        remark: None,
    };
    let timeline = Timeline {
        from: "2020-01-02T03:04:05Z".to_owned(),
        to: "2020-01-02T03:05:05Z".to_owned(),
        spans: vec![span],
    };
    let step = Step {
        tone: Tone::Warn,
        label: "a step".to_owned(),
        detail: Some("slow".to_owned()),
        lines: vec!["a line".to_owned()],
    };
    let bar = Bar { label: "half".to_owned(), amount: 1.0, whole: 2.0, kind: Kind::Percent };
    Ok(Report::list([row("one", "good", Some(2048)), row("two", "bad", None)])
        .heading("Corpus")
        .columns([
            Column::new("name", "NAME").shrink(),
            Column::new("state", "STATE").kind(Kind::Status(states)),
            Column::new("size_bytes", "SIZE").kind(Kind::Bytes),
            Column::new("took_ms", "TOOK").kind(Kind::Duration),
            Column::new("at", "AT").kind(Kind::Time).wide(),
        ])
        .empty("nothing")
        .block(Block::fields([
            Field::new("Checked", true).kind(Kind::Check).tone(Tone::Good).remark("twice"),
            Field::new("Share", json!(0.25)).kind(Kind::Percent),
        ]))
        .block(Block::section("Part", [Block::heading("In it"), Block::text("words")]))
        .block(Block::remark(Tone::Warn, "a remark"))
        .block(Block::bars([bar]))
        .block(Block::steps([step]))
        .block(Block::Timeline(timeline))
        .block(Block::Tree { roots: vec![leaf] })
        .block(Block::Blank)
        .hint("the next command")
        .ready("words", "one two\n")
        .note("a note")
        .warning("a warning")
        .verdict(Verdict::Negative))
}

/// Fail in one way.
#[derive(Args)]
#[command(category = "Corpus", hidden)]
pub(crate) struct CorpusFails {
    /// How
    #[arg(long)]
    how: How,
}

#[derive(ValueEnum, Clone, Copy)]
enum How {
    /// Usage
    Usage,
    /// Not running
    NotRunning,
    /// Unavailable
    Unavailable,
    /// Not found
    NotFound,
    /// Refused
    Refused,
    /// Timed out
    TimedOut,
    /// Failed
    Failed,
    /// Panic
    Panic,
    /// Panic in a task
    PanicInTask,
}

pub(crate) async fn corpus_fails(_: &Context, args: CorpusFails) -> Result<Report> {
    let kind = match args.how {
        How::Usage => ErrorKind::Usage,
        How::NotRunning => ErrorKind::NotRunning,
        How::Unavailable => ErrorKind::Unavailable,
        How::NotFound => ErrorKind::NotFound,
        How::Refused => ErrorKind::Refused,
        How::TimedOut => ErrorKind::TimedOut,
        How::Failed => ErrorKind::Failed,
        How::Panic => panic!("as asked"),
        How::PanicInTask => {
            let task = tokio::spawn(async { panic!("as asked") });
            task.await?
        }
    };
    Err(Error::new(kind, "as asked").cause("the flag").hint("leave it out").retryable(false))
}
