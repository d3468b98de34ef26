//! Milliseconds since the epoch, as duroxide keeps them, and RFC 3339.

use jiff::Timestamp;

/// RFC 3339 in UTC; `None` for what is no time at all.
#[must_use]
pub fn rfc3339(ms: i64) -> Option<String> {
    Timestamp::from_millisecond(ms).ok().map(|time| time.to_string())
}

/// Milliseconds since the epoch.
#[must_use]
pub fn parse(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

/// A distance in words: `45s`, `5m`, `2h 10m`, `3d`.
#[must_use]
pub fn words(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    let two = |large: i64, small: i64, a: &str, b: &str| {
        let (whole, rest) = (seconds / large, seconds % large / small);
        if rest > 0 { format!("{whole}{a} {rest}{b}") } else { format!("{whole}{a}") }
    };
    match seconds {
        0 => format!("{}ms", ms.max(0)),
        1..60 => format!("{seconds}s"),
        60..3600 => two(60, 1, "m", "s"),
        3600..86_400 => two(3600, 60, "h", "m"),
        _ => two(86_400, 3600, "d", "h"),
    }
}
