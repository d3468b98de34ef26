//! `docs/guide.md`: every block of code in it is a part of a plugin that is built and tested, and
//! everything it types is typed here, on a whole control plane, and answered as it says.
//!
//! With `TOYGRES_GUIDE=write` the guide is brought up to date instead: look at what changed.

#[path = "../support/mod.rs"]
mod support;

mod blocks;
mod code;
mod typed;

use blocks::{Block, Guide};

/// Blocks that show a part of a source, beside their part.
#[test]
fn code_is_a_part_of_the_plugin() {
    check(|block| match block.language.as_str() {
        "rust" | "toml" => Some(code::part(&block.about)),
        _ => None,
    });
}

/// What is typed, on a real control plane.
#[test]
fn what_is_typed_is_answered_so() {
    let stage = typed::Stage::new();
    check(|block| match block.language.as_str() {
        "console" => Some(stage.console(&block.text)),
        "http" => Some(stage.http(&block.text)),
        _ => None,
    });
}

/// No block is passed over: what no test of this suite knows, the suite `plugin_new` runs.
#[test]
fn every_block_is_known() {
    for block in Guide::read().blocks() {
        let known = ["rust", "toml", "console", "http", "sh"].contains(&block.language.as_str());
        assert!(known, "line {}: a block of `{}`", block.line, block.language);
    }
}

/// Compares each block with what it should be, or writes it.
fn check(mut right: impl FnMut(&Block) -> Option<String>) {
    let guide = Guide::read();
    let mut wrong = Vec::new();
    let mut mended = Vec::new();
    for block in guide.blocks() {
        let Some(right) = right(&block).filter(|right| *right != block.text) else { continue };
        wrong.push(format!(
            "line {}: docs/guide.md says\n{}\nand it is\n{right}",
            block.line, block.text
        ));
        mended.push((block, right));
    }
    if std::env::var_os("TOYGRES_GUIDE").is_some_and(|wanted| wanted == "write") {
        return Guide::mend(&mended);
    }
    assert!(wrong.is_empty(), "{}\nTOYGRES_GUIDE=write brings it up to date", wrong.join("\n\n"));
}
