//! Rows in batches, both ways.

use serde::Deserialize;
use serde_json::json;
use toygres_plugin_api::report::{StreamColumn, StreamKind};
use toygres_plugin_api::{Args, Context, Report, Result};

/// Rows from the database: added up here, or handed on.
#[derive(Args)]
#[command(category = "Corpus")]
pub(crate) struct CorpusStreamed {
    /// How many
    #[arg(long, default = "1000")]
    rows: u32,
    /// Hand them on as they are
    #[arg(long)]
    through: bool,
}

#[derive(Deserialize)]
struct Number {
    n: i64,
    word: Option<String>,
}

pub(crate) async fn corpus_streamed(ctx: &Context, args: CorpusStreamed) -> Result<Report> {
    let sql =
        "SELECT n, CASE WHEN n % 2 = 0 THEN 'even' END AS word FROM generate_series(1, $1::int) n";
    let mut rows = ctx.db().query(sql).bind(args.rows).stream().await?;
    if args.through {
        return Ok(Report::stream(rows.into_ref()));
    }
    let names: Vec<String> = rows.columns().iter().map(|column| column.name.clone()).collect();
    let (mut sum, mut words) = (0, 0);
    while let Some(batch) = rows.next_batch().await? {
        for row in 0..batch.rows() {
            let number: Number = rows.read(&batch, row)?;
            sum += number.n;
            words += u32::from(number.word.is_some());
        }
    }
    rows.close().await?;
    Report::detail(json!({"columns": names, "sum": sum, "words": words}))
}

/// Rows of the plugin's own.
#[derive(Args)]
#[command(category = "Corpus", list)]
pub(crate) struct CorpusFed {
    /// How many
    #[arg(long, default = "1000")]
    rows: u32,
}

pub(crate) async fn corpus_fed(ctx: &Context, args: CorpusFed) -> Result<Report> {
    let column = |name: &str, kind| StreamColumn {
        name: name.to_owned(),
        type_name: "text".to_owned(),
        kind,
    };
    let columns = vec![column("n", StreamKind::Integer), column("word", StreamKind::Text)];
    let mut writer = ctx.stream(columns).await?;
    let stream = writer.reference();
    for n in 0..args.rows {
        if !writer.push(&[Some(&n.to_string()), None]).await {
            break;
        }
    }
    writer.finish().await;
    Ok(Report::stream(stream))
}
