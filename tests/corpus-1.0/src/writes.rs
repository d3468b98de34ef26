//! What changes something, after a confirmation.

use serde_json::json;
use toygres_plugin_api::report::{Block, Field};
use toygres_plugin_api::{Args, Confirmation, Context, Report, Result};

/// Write a row, or think better of it.
#[derive(Args)]
#[command(category = "Corpus", mutating, grace = "5s")]
pub(crate) struct CorpusWrite {
    /// What is written
    #[arg(positional)]
    text: String,
    /// Take it back
    #[arg(long)]
    back: bool,
}

pub(crate) async fn corpus_write(ctx: &Context, args: CorpusWrite) -> Result<Report> {
    let preview = Report::default().block(Block::fields([Field::new("Text", args.text.as_str())]));
    let question = Confirmation::new("Write it?").preview(preview).type_name("it");
    let confirmed = ctx.ui().confirm(question).await?;
    let session = ctx.db().write(&confirmed).await?;
    session.execute("CREATE TABLE IF NOT EXISTS corpus (text text)", Vec::new()).await?;
    let sql = "INSERT INTO corpus VALUES ($1)";
    let written = session.execute(sql, vec![args.text.into()]).await?;
    if args.back {
        session.rollback().await?;
    } else {
        session.commit().await?;
    }
    Report::detail(json!({"written": written, "kept": !args.back}))
}
