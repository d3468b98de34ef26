//! Words that many tables share.

use crate::kube::object::{items, text};
use serde_json::Value;

/// What stands where there is nothing.
pub(super) const NONE: &str = "<none>";

/// How old an object is (`5m12s`).
pub(super) fn age(object: &Value) -> String {
    since(text(object, "/metadata/creationTimestamp"))
}

/// How long ago a time was.
pub(super) fn since(time: &str) -> String {
    match time.parse::<jiff::Timestamp>() {
        Ok(time) => duration(jiff::Timestamp::now().as_second() - time.as_second()),
        Err(_) => "<unknown>".into(),
    }
}

/// Seconds as people say them: the larger, the coarser.
pub(super) fn duration(seconds: i64) -> String {
    let two = |large: i64, unit: &str, small: i64, part: &str| {
        if small == 0 { format!("{large}{unit}") } else { format!("{large}{unit}{small}{part}") }
    };
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        ..0 => "0s".into(),
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => two(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

/// The text, or that there is none.
pub(super) fn or_none(text: &str) -> &str {
    if text.is_empty() { NONE } else { text }
}

/// The values of a list, with commas.
pub(super) fn joined(values: impl Iterator<Item = String>) -> String {
    let all: Vec<_> = values.collect();
    if all.is_empty() { NONE.into() } else { all.join(",") }
}

/// Labels of a selector (`a=b,c=d`).
pub(super) fn labels(value: Option<&Value>) -> String {
    let map = value.and_then(Value::as_object).into_iter().flatten();
    joined(map.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())))
}

/// One field of each entry of a list.
pub(super) fn each(object: &Value, pointer: &str, field: &str) -> String {
    let field = format!("/{field}");
    joined(items(object, pointer).iter().map(|one| text(one, &field).to_owned()))
}

/// Access modes in short (`RWO`).
pub(super) fn access_modes(object: &Value, pointer: &str) -> String {
    let short = |mode: &Value| match mode.as_str() {
        Some("ReadWriteOnce") => "RWO",
        Some("ReadOnlyMany") => "ROX",
        Some("ReadWriteMany") => "RWX",
        Some("ReadWriteOncePod") => "RWOP",
        _ => "",
    };
    items(object, pointer).iter().map(short).collect::<Vec<_>>().join(",")
}
