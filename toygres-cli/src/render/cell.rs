//! One value as people read it.

use super::json;
use super::style::Style;
use jiff::{Timestamp, Zoned};
use serde_json::Value;
use toygres_plugin_api::document;
use toygres_plugin_api::report::{Kind, Tone};
use toygres_plugin_api::text::escape;

/// A value as text, with the tone that its kind gives it.
#[must_use]
pub fn text(value: &Value, kind: &Kind, style: Style, now: &Zoned) -> (String, Tone) {
    let plain = |text: String| (text, Tone::Plain);
    if value.is_null() {
        return ("-".to_owned(), Tone::Plain);
    }
    match kind {
        Kind::Number => plain(number(value)),
        Kind::Duration => plain(value.as_f64().map_or_else(|| words(value), duration)),
        Kind::Bytes => plain(value.as_f64().map_or_else(|| words(value), bytes)),
        Kind::Percent => plain(
            value.as_f64().map_or_else(|| words(value), |part| format!("{:.1}%", part * 100.0)),
        ),
        Kind::Ago => plain(time(value).map_or_else(|| words(value), |time| ago(time, now, false))),
        Kind::Time => plain(time(value).map_or_else(|| words(value), |time| local(time, now))),
        Kind::TimeAgo => plain(time(value).map_or_else(
            || words(value),
            |time| format!("{} ({})", local(time, now), ago(time, now, true)),
        )),
        Kind::Clock => plain(time(value).map_or_else(
            || words(value),
            |time| time.to_zoned(now.time_zone().clone()).strftime("%H:%M:%S").to_string(),
        )),
        Kind::Check => match value.as_bool() {
            Some(true) => (style.pick("✓", "yes").to_owned(), Tone::Good),
            Some(false) => (style.pick("✗", "no").to_owned(), Tone::Muted),
            None => plain(words(value)),
        },
        Kind::Status(states) => {
            let found = states.iter().find(|state| value == state.value.as_str());
            match found {
                Some(state) => {
                    let glyph = style.glyph(state.tone);
                    let gap = if glyph.is_empty() { "" } else { " " };
                    (format!("{glyph}{gap}{}", escape(&state.label)), state.tone)
                }
                None => plain(words(value)),
            }
        }
        Kind::Text | Kind::Unknown => plain(words(value)),
    }
}

/// A value without any kind.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => escape(text).into_owned(),
        Value::Array(values)
            if values.iter().all(|value| value.is_string() || value.is_number()) =>
        {
            values.iter().map(words).collect::<Vec<_>>().join(", ")
        }
        other => match document::text(other) {
            Some(text) => escape(text).into_owned(),
            None => escape(&json::compact(other)).into_owned(),
        },
    }
}

/// Thousands set apart: `2,880`.
fn number(value: &Value) -> String {
    let Some(whole) = value.as_i64() else { return words(value) };
    let digits = whole.unsigned_abs().to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if whole < 0 { format!("-{text}") } else { text }
}

/// Milliseconds: `15ms`, `0.3s`, `30s`, `2m 45s`, `3h 5m`, `2d 4h`.
#[must_use]
pub fn duration(ms: f64) -> String {
    if !ms.is_finite() || ms < 0.0 {
        return format!("{ms}ms");
    }
    let tenths = (ms / 100.0).round() / 10.0;
    let seconds = (ms / 1000.0).round();
    let pair = |large: f64, small: f64, a: &str, b: &str| {
        let (whole, rest) = ((seconds / large).floor(), ((seconds % large) / small).floor());
        if rest > 0.0 { format!("{whole}{a} {rest}{b}") } else { format!("{whole}{a}") }
    };
    match ms {
        _ if ms < 10.0 && ms.fract() != 0.0 => format!("{ms:.1}ms"),
        _ if ms < 100.0 => format!("{}ms", ms.round()),
        _ if seconds < 60.0 && tenths.fract() == 0.0 => format!("{tenths}s"),
        _ if tenths < 60.0 => format!("{tenths:.1}s"),
        _ if seconds < 3600.0 => pair(60.0, 1.0, "m", "s"),
        _ if seconds < 86_400.0 => pair(3600.0, 60.0, "h", "m"),
        _ => pair(86_400.0, 3600.0, "d", "h"),
    }
}

/// As PostgreSQL's `pg_size_pretty`, in powers of 1024: `180 MB`.
#[must_use]
pub fn bytes(bytes: f64) -> String {
    let mut amount = bytes;
    for unit in ["bytes", "kB", "MB", "GB", "TB"] {
        if amount.abs() < 10_240.0 && unit == "bytes" || amount.abs() < 1024.0 {
            return format!("{} {unit}", amount.round());
        }
        amount /= 1024.0;
    }
    format!("{} PB", amount.round())
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

fn local(time: Timestamp, now: &Zoned) -> String {
    time.to_zoned(now.time_zone().clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// `2h ago`, `in 5m`; in words `2 hours ago`.
fn ago(time: Timestamp, now: &Zoned, in_words: bool) -> String {
    let seconds = now.timestamp().as_second() - time.as_second();
    let distance = seconds.unsigned_abs();
    let (amount, short, long) = match distance {
        0..60 => (distance, "s", "second"),
        60..3600 => (distance / 60, "m", "minute"),
        3600..86_400 => (distance / 3600, "h", "hour"),
        _ => (distance / 86_400, "d", "day"),
    };
    if distance < 2 {
        return "just now".to_owned();
    }
    let plural = if amount == 1 { "" } else { "s" };
    let said =
        if in_words { format!("{amount} {long}{plural}") } else { format!("{amount}{short}") };
    if seconds >= 0 { format!("{said} ago") } else { format!("in {said}") }
}

#[cfg(test)]
mod tests {
    use super::{ago, bytes, duration, number};
    use serde_json::json;

    #[test]
    fn amounts_are_read_at_a_glance() {
        for (ms, expected) in [
            (1.5, "1.5ms"),
            (12.0, "12ms"),
            (300.0, "0.3s"),
            (1200.0, "1.2s"),
            (30_000.0, "30s"),
            (165_000.0, "2m 45s"),
            (60_000.0, "1m"),
            (59_960.0, "1m"),
            (11_100_000.0, "3h 5m"),
            (187_200_000.0, "2d 4h"),
            (0.0, "0ms"),
        ] {
            assert_eq!(duration(ms), expected, "{ms}");
        }
        assert_eq!(bytes(8192.0), "8192 bytes");
        assert_eq!(bytes(188_743_680.0), "180 MB");
        assert_eq!(number(&json!(2880)), "2,880");
        assert_eq!(number(&json!(-1_234_567)), "-1,234,567");
    }

    #[test]
    fn times_are_told_from_now() {
        let now: jiff::Zoned = "2024-11-17T14:00:00Z[UTC]".parse().unwrap();
        for (time, short, long) in [
            ("2024-11-17T12:00:00Z", "2h ago", "2 hours ago"),
            ("2024-11-17T13:59:00Z", "1m ago", "1 minute ago"),
            ("2024-11-17T14:05:00Z", "in 5m", "in 5 minutes"),
            ("2024-11-17T14:00:00Z", "just now", "just now"),
        ] {
            let time = time.parse().unwrap();
            assert_eq!(ago(time, &now, false), short);
            assert_eq!(ago(time, &now, true), long);
        }
    }
}
