//! The blocks of a report, top to bottom.

use super::style::{pad, shorten, under_bar, width};
use super::wrap::wrapped;
use super::{Look, cell, json, layout, timeline};
use toygres_plugin_api::document::Verbatim;
use toygres_plugin_api::report::{Bar, Block, Field, Report, Step, Tone, TreeNode};
use toygres_plugin_api::text::escape;

/// The rule below a heading, where the terminal is wide enough.
const RULE: usize = 58;
/// Where values stand behind their labels.
const VALUE_COLUMN: usize = 17;
const BAR: usize = 15;
/// How far the further lines of one text stand from its first.
const HANG: usize = 2;

/// The whole view. Where there is none, the data itself.
pub(super) fn text(report: &Report, look: &Look) -> String {
    if report.view.is_empty() && !report.data.is_null() {
        let mut text = Vec::new();
        // Writing to memory does not fail, and a value always has a text.
        let _infallible = json::write_pretty(&mut text, &Verbatim(&report.data));
        return String::from_utf8_lossy(&text).into_owned() + "\n";
    }
    join(&report.view, report, look, 0)
}

/// Blocks set apart by an empty line.
fn join(blocks: &[Block], report: &Report, look: &Look, indent: usize) -> String {
    let mut text = String::new();
    for block in blocks {
        let piece = self::block(block, report, look, indent);
        if piece.is_empty() {
            continue;
        }
        let tight = indent > 0 || follows_closely(&text, block);
        if !text.is_empty() && !tight {
            text.push('\n');
        }
        text.push_str(&piece);
    }
    text
}

/// Lines of text that follow each other are one paragraph.
fn follows_closely(before: &str, block: &Block) -> bool {
    let Block::Text { text, .. } = block else { return false };
    text.starts_with("  ") && before.ends_with('\n')
}

fn block(block: &Block, report: &Report, look: &Look, indent: usize) -> String {
    let style = look.style;
    match block {
        Block::Heading { text } => {
            let rule = style.rule(look.width.unwrap_or(RULE).min(RULE));
            format!("{}\n{rule}\n", style.bold(&escape(text)))
        }
        Block::Section { title, blocks } if title.is_empty() => {
            blocks.iter().map(|block| self::block(block, report, look, indent)).collect()
        }
        Block::Section { title, blocks } => {
            let inner = join(blocks, report, look, indent + 2);
            if inner.is_empty() {
                return String::new();
            }
            let title = style.bold(&format!("{}:", escape(title)));
            layout::indented(&format!("{title}\n"), indent) + &inner
        }
        Block::Fields { fields, column } => {
            layout::indented(&self::fields(fields, *column, look, indent), indent)
        }
        Block::Table(table) => layout::table(table, report, look, indent),
        Block::Bars { bars } => layout::indented(&self::bars(bars, look), indent),
        Block::Steps { steps } => layout::indented(&self::steps(steps, look, indent), indent),
        Block::Timeline(spans) => layout::indented(&timeline::text(spans, look, indent), indent),
        Block::Tree { roots } => layout::indented(&tree(roots, look), indent),
        Block::Text { text, tone } => {
            let glyph = style.glyph(*tone);
            let gap = if glyph.is_empty() { "" } else { " " };
            let lines = format!("{glyph}{gap}{}", under_bar(text.trim_end(), style, HANG));
            let margin = lines.len() - lines.trim_start_matches(' ').len();
            let text = format!("{}\n", style.paint(*tone, &lines));
            let hang = if glyph.is_empty() { margin + HANG } else { width(glyph) + 1 };
            layout::indented(&wrapped(&text, room(look, indent), hang), indent)
        }
        Block::Blank => "\n".to_owned(),
        Block::Hint { text } => {
            let text = under_bar(text.trim_end(), style, HANG);
            let text = format!("{}\n", style.paint(Tone::Muted, &text));
            layout::indented(&wrapped(&text, room(look, indent), HANG), indent)
        }
        Block::Unknown => String::new(),
    }
}

/// The columns that are left beside the indentation.
fn room(look: &Look, indent: usize) -> Option<usize> {
    look.width.map(|width| width.saturating_sub(indent).max(1))
}

fn fields(fields: &[Field], column: usize, look: &Look, indent: usize) -> String {
    let longest = fields.iter().map(|field| width(&escape(&field.label)) + 2).max().unwrap_or(0);
    let column = match (column, fields.len()) {
        // With one alone, nothing has to stand below anything.
        (0, 1) if indent == 0 => longest,
        (0, _) => longest.max(VALUE_COLUMN.saturating_sub(indent)),
        (column, _) => longest.max(column.saturating_sub(indent)),
    };
    let mut text = String::new();
    for field in fields {
        let (value, tone) = cell::text(&field.cell.value, &field.cell.kind, look.style, &look.now);
        let tone = if field.cell.tone == Tone::Plain { tone } else { field.cell.tone };
        let label = pad(&format!("{}:", escape(&field.label)), column);
        let remark = field.cell.remark.as_ref().map(|remark| {
            format!(" {}", look.style.paint(Tone::Muted, &format!("({})", escape(remark))))
        });
        let value = look.style.paint(tone, &value);
        let line = format!("{label}{value}{}", remark.unwrap_or_default());
        text.push_str(&wrapped(line.trim_end(), room(look, indent), column));
        text.push('\n');
    }
    text
}

fn bars(bars: &[Bar], look: &Look) -> String {
    let amounts: Vec<String> = bars
        .iter()
        .map(|bar| {
            let value =
                serde_json::Number::from_f64(bar.amount).map_or_else(Default::default, |number| {
                    if bar.amount.fract() == 0.0 && bar.amount.abs() < 9e15 {
                        serde_json::json!(bar.amount as i64)
                    } else {
                        number.into()
                    }
                });
            cell::text(&value, &bar.kind, look.style, &look.now).0
        })
        .collect();
    let label = bars.iter().map(|bar| width(&escape(&bar.label)) + 1).max().unwrap_or(0).max(18);
    let widest = amounts.iter().map(|amount| width(amount)).max().unwrap_or(0);
    let mut text = String::new();
    for (bar, amount) in bars.iter().zip(&amounts) {
        let line =
            format!("{} {}", pad(&format!("{}:", escape(&bar.label)), label), pad(amount, widest));
        text.push_str(line.trim_end());
        if bar.whole > 0.0 {
            let part = (bar.amount / bar.whole).clamp(0.0, 1.0);
            let full = ((part * BAR as f64).round() as usize).max(usize::from(part > 0.0));
            let empty = BAR.saturating_sub(full);
            text.push_str(&" ".repeat(widest.saturating_sub(width(amount))));
            text.push_str(&format!(
                "  {}{} {:>3.0}%",
                look.style.pick("█", "#").repeat(full),
                look.style.pick("░", ".").repeat(empty),
                part * 100.0
            ));
        }
        text.push('\n');
    }
    text
}

fn steps(steps: &[Step], look: &Look, indent: usize) -> String {
    let label = steps.iter().map(|step| width(&escape(&step.label))).max().unwrap_or(0).max(21);
    // Some glyphs take two columns; what stands behind them begins in one column all the same.
    let plain = |step: &Step| width(look.style.glyph(step.tone));
    let widest = steps.iter().map(plain).max().unwrap_or(0);
    let mut text = String::new();
    for step in steps {
        let gap = " ".repeat(widest - plain(step));
        let glyph = look.style.paint(step.tone, look.style.glyph(step.tone)) + &gap;
        let detail = step.detail.as_deref().map(escape).unwrap_or_default();
        let line = format!("{glyph} {}  {detail}", pad(&escape(&step.label), label));
        let room = room(look, indent);
        text.push_str(&wrapped(line.trim_end(), room, widest + 1 + label + 2));
        text.push('\n');
        for below in &step.lines {
            text.push_str(&wrapped(&format!("  - {}\n", escape(below)), room, 4));
        }
    }
    text
}

fn tree(roots: &[TreeNode], look: &Look) -> String {
    let mut text = String::new();
    for root in roots {
        text.push_str(&node_line(root, "", look));
        branches(&root.children, "", look, &mut text);
    }
    text
}

fn branches(nodes: &[TreeNode], margin: &str, look: &Look, text: &mut String) {
    for (n, node) in nodes.iter().enumerate() {
        let last = n + 1 == nodes.len();
        let (here, below) = if last {
            (look.style.pick("└─ ", "`- "), "   ")
        } else {
            (look.style.pick("├─ ", "|- "), look.style.pick("│  ", "|  "))
        };
        text.push_str(&node_line(node, &format!("{margin}{here}"), look));
        branches(&node.children, &format!("{margin}{below}"), look, text);
    }
}

fn node_line(node: &TreeNode, margin: &str, look: &Look) -> String {
    let glyph = look.style.glyph(node.tone);
    let gap = if glyph.is_empty() { "" } else { " " };
    let remark = node.remark.as_deref().map(|remark| format!("  {}", escape(remark)));
    let remark = remark.unwrap_or_default();
    let label = format!("{glyph}{gap}{}", escape(&node.label));
    let room = look.width.map(|most| most.saturating_sub(width(margin) + width(&label)));
    let remark = room.map_or(remark.clone(), |room| shorten(&remark, room, look.style));
    format!(
        "{margin}{}{}\n",
        look.style.paint(node.tone, &label),
        look.style.paint(Tone::Muted, &remark)
    )
}
