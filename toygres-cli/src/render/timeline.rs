//! Spans on one time axis, drawn to scale.

use super::style::{pad, shorten, width};
use super::{Look, cell};
use jiff::Timestamp;
use toygres_plugin_api::report::{Span, Timeline};
use toygres_plugin_api::text::escape;

/// The axis, where nothing has to fit a terminal.
const AXIS: usize = 60;
const LABEL: usize = 32;

pub(super) fn text(timeline: &Timeline, look: &Look, indent: usize) -> String {
    let (Some(from), Some(to)) = (parse(&timeline.from), parse(&timeline.to)) else {
        return String::new();
    };
    let whole = (to.as_millisecond() - from.as_millisecond()).max(1);
    let label =
        timeline.spans.iter().map(|span| width(&escape(&span.label))).max().unwrap_or(0).min(LABEL);
    // Label, axis, duration.
    let axis =
        look.width.map_or(AXIS, |most| most.saturating_sub(indent + label + 14).clamp(10, AXIS));
    let mut text = String::new();
    for span in &timeline.spans {
        let name = pad(&shorten(&escape(&span.label), label, look.style), label);
        let drawn = look.style.paint(span.tone, &draw(span, from, whole, axis, look));
        let duration = duration(span).unwrap_or_default();
        text.push_str(format!("{name}  {drawn}  {duration}").trim_end());
        text.push('\n');
    }
    let total = cell::duration(whole as f64);
    let scale = format!("0{}{total}", " ".repeat(axis.saturating_sub(1 + total.len())));
    text.push_str(&format!("{}  {scale}\n", " ".repeat(label)));
    text
}

/// The span's part of the axis; an open one ends in an arrow.
fn draw(span: &Span, from: Timestamp, whole: i64, axis: usize, look: &Look) -> String {
    let place = |time: Timestamp| {
        let part = (time.as_millisecond() - from.as_millisecond()) as f64 / whole as f64;
        ((part * axis as f64).floor().max(0.0) as usize).min(axis.saturating_sub(1))
    };
    let start = parse(&span.from).map_or(0, place);
    let end = span.to.as_deref().and_then(parse).map_or(axis - 1, place).max(start);
    let open = span.to.is_none();
    let (dot, full) = (look.style.pick("·", "."), look.style.pick("█", "#"));
    let mut drawn = dot.repeat(start);
    drawn.push_str(&full.repeat(end - start));
    drawn.push_str(if open { look.style.pick("▶", ">") } else { full });
    drawn.push_str(&dot.repeat(axis - 1 - end));
    drawn
}

fn duration(span: &Span) -> Option<String> {
    let (from, to) = (parse(&span.from)?, parse(span.to.as_deref()?)?);
    Some(cell::duration((to.as_millisecond() - from.as_millisecond()) as f64))
}

fn parse(time: &str) -> Option<Timestamp> {
    time.parse().ok()
}
