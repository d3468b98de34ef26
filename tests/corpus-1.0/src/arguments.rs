//! Every kind of argument.

use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;
use toygres_plugin_api::{Args, Context, Pair, Report, Result, Schema, Time, ValueEnum};

#[derive(ValueEnum, Clone, Copy)]
enum Shade {
    /// Neither
    LightGrey,
    /// No light at all
    #[value(name = "black")]
    Dark,
}

/// Say what was typed.
///
/// The second paragraph is for `--help` alone.
#[derive(Args)]
#[command(
    category = "Corpus",
    scope = "top",
    aliases = ["corpus-arguments"],
    examples = ["toygres corpus-args x --number 3"],
    detail = Typed
)]
pub(crate) struct CorpusArgs {
    /// A word
    #[arg(positional)]
    word: String,
    /// More words
    #[arg(positional)]
    more: Vec<String>,
    /// A number
    #[arg(long, short = 'n', default = "7", value_name = "N")]
    number: u32,
    /// A number with a point
    #[arg(long)]
    real: Option<f64>,
    /// A flag
    #[arg(long, conflicts = ["real"])]
    flag: bool,
    /// How long
    #[arg(long, default = "1m30s")]
    long: Duration,
    /// Since when
    #[arg(long)]
    since: Option<Time>,
    /// A file
    #[arg(long)]
    file: Option<PathBuf>,
    /// A pair, again and again
    #[arg(long, requires = ["file"])]
    pair: Vec<Pair>,
    /// A shade
    #[arg(long, default = "black")]
    shade: Shade,
    /// Not shown
    #[arg(long, hidden)]
    secret_word: Option<String>,
}

#[derive(Serialize, Schema)]
struct Typed {
    word: String,
    more: Vec<String>,
    number: u32,
    real: Option<f64>,
    flag: bool,
    long_ms: u64,
    since: Option<String>,
    file: Option<String>,
    pairs: Vec<String>,
    shade: String,
    password: Option<String>,
}

pub(crate) async fn corpus_args(_: &Context, args: CorpusArgs) -> Result<Report> {
    Report::detail(Typed {
        word: args.word,
        more: args.more,
        number: args.number,
        real: args.real,
        flag: args.flag,
        long_ms: u64::try_from(args.long.as_millis()).unwrap_or(u64::MAX),
        since: args.since.map(|since| since.to_string()),
        file: args.file.map(|file| file.display().to_string()),
        pairs: args.pair.iter().map(|pair| format!("{}:{}", pair.name, pair.value)).collect(),
        shade: args.shade.name().to_owned(),
        password: args.secret_word,
    })
}
