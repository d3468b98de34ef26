//! What is typed, by kind: the grammar of durations and times, and its errors.

use crate::manifest::{Arg, ArgKind};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, Zoned, tz::TimeZone};
use serde_json::Value;

/// What a duration may look like, for messages.
pub const DURATION_GRAMMAR: &str = "a duration such as `30s`, `15m`, `2h`, `3d`, `1w` or `1d12h`";
/// The longest duration, 24 days: what PostgreSQL counts in milliseconds ends soon after.
pub const MAX_DURATION_MS: u64 = 24 * 24 * 3600 * 1000;
/// What a point in time may look like, for messages.
pub const TIME_GRAMMAR: &str = "a time such as `30s`, `15m`, `2h`, `3d`, `1w`, `1d12h` (that long \
    ago), `2024-11-17T12:00:00Z`, `2024-11-17`, `today`, `yesterday`, `now` or `@1731844800`";

/// Reads what was typed for an argument, as the JSON value that crosses to the plugin.
///
/// # Errors
/// What would have been right.
pub fn parse(kind: ArgKind, typed: &str) -> Result<Value, String> {
    match kind {
        ArgKind::Integer => {
            let number = typed.parse::<i64>().map(Value::from);
            number
                .or_else(|_| typed.parse::<u64>().map(Value::from))
                .map_err(|_| format!("`{typed}` is no whole number"))
        }
        ArgKind::Float => match typed.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::from(number)),
            _ => Err(format!("`{typed}` is no number")),
        },
        ArgKind::Duration => duration_ms(typed).map(Value::from),
        ArgKind::Time => time(typed, &Zoned::now()).map(Value::from),
        ArgKind::RecordTime => record_time(typed, &Zoned::now()).map(Value::from),
        ArgKind::Pair => match typed.split_once('=') {
            Some((name, _)) if !name.is_empty() => Ok(Value::from(typed)),
            _ => Err(format!("`{typed}` is not of the form NAME=VALUE")),
        },
        ArgKind::Flag | ArgKind::Text | ArgKind::Enum | ArgKind::Path => Ok(Value::from(typed)),
    }
}

/// Refuses a number outside the range of its argument, and a duration that is longer than any.
///
/// # Errors
/// The range.
pub fn within(arg: &Arg, value: Value) -> Result<Value, String> {
    if arg.kind == ArgKind::Duration
        && let Some(ms) = value.as_u64().filter(|ms| *ms > MAX_DURATION_MS)
    {
        return Err(too_long(&format!("{ms}ms")));
    }
    let Some(number) = whole(&value).filter(|_| arg.kind == ArgKind::Integer) else {
        return Ok(value);
    };
    let (least, most) = (arg.min.map(i128::from), arg.max.map(i128::from));
    if least.is_none_or(|least| number >= least) && most.is_none_or(|most| number <= most) {
        return Ok(value);
    }
    Err(match (least, most) {
        (Some(least), Some(most)) => format!("`{number}` is not from {least} to {most}"),
        (Some(least), None) => format!("`{number}` is less than {least}"),
        (_, most) => format!("`{number}` is more than {}", most.unwrap_or_default()),
    })
}

fn whole(value: &Value) -> Option<i128> {
    value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from))
}

/// A duration in whole milliseconds.
///
/// # Errors
/// The grammar, or the range.
pub fn duration_ms(typed: &str) -> Result<u64, String> {
    match units(typed) {
        Some(ms) if ms <= MAX_DURATION_MS => Ok(ms),
        None if !is_duration(typed) => {
            Err(format!("`{typed}` is no duration; give {DURATION_GRAMMAR}"))
        }
        _ => Err(too_long(typed)),
    }
}

fn too_long(duration: &str) -> String {
    format!("invalid duration `{duration}`: the range is `0s` to `24d`")
}

/// Whether it is a duration but for its size: a number that is too large has the grammar too.
fn is_duration(typed: &str) -> bool {
    // One digit for each number.
    let mut small = String::new();
    for c in typed.chars().map(|c| if c.is_ascii_digit() { '1' } else { c }) {
        if c != '1' || !small.ends_with('1') {
            small.push(c);
        }
    }
    units(&small).is_some()
}

/// Units without a space between them, each at most once and in any order: `1d12h`.
fn units(typed: &str) -> Option<u64> {
    let (mut rest, mut total) = (typed, 0_u64);
    let mut seen = Vec::new();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let amount: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return None,
        };
        if seen.contains(&unit) {
            return None;
        }
        seen.push(unit);
        total = total.checked_add(amount.checked_mul(unit)?)?;
        rest = &rest[letters..];
    }
    (!seen.is_empty()).then_some(total)
}

/// A point in time as RFC 3339 in UTC; what has no zone of its own is in the operator's.
///
/// # Errors
/// The grammar.
pub fn time(typed: &str, now: &Zoned) -> Result<String, String> {
    let found =
        named(typed, now).or_else(|| ago(typed, now)).or_else(|| absolute(typed, now.time_zone()));
    let found = found.ok_or_else(|| format!("`{typed}` is no time; give {TIME_GRAMMAR}"))?;
    Ok(found.to_string())
}

/// A distance from the clock of a database as milliseconds (`7200000ms`), any other time as
/// [`time`].
fn record_time(typed: &str, now: &Zoned) -> Result<String, String> {
    let resolved = time(typed, now)?;
    Ok(match units(typed) {
        Some(ms) => format!("{ms}ms"),
        None if typed == "now" => "0ms".to_owned(),
        None => resolved,
    })
}

fn named(typed: &str, now: &Zoned) -> Option<Timestamp> {
    match typed {
        "now" => Some(now.timestamp()),
        "today" => now.start_of_day().ok().map(|day| day.timestamp()),
        "yesterday" => now.yesterday().ok()?.start_of_day().ok().map(|day| day.timestamp()),
        _ => None,
    }
}

fn ago(typed: &str, now: &Zoned) -> Option<Timestamp> {
    let ms = i64::try_from(units(typed)?).ok()?;
    now.timestamp().checked_sub(SignedDuration::from_millis(ms)).ok()
}

fn absolute(typed: &str, zone: &TimeZone) -> Option<Timestamp> {
    if let Some(epoch) = typed.strip_prefix('@') {
        return Timestamp::from_second(epoch.parse().ok()?).ok();
    }
    if let Ok(time) = typed.parse::<Timestamp>() {
        return Some(time);
    }
    // A date alone is its first moment; `2024-11-17 12:00` has no zone.
    if let Ok(moment) = typed.parse::<jiff::civil::DateTime>() {
        return moment.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp());
    }
    let date: Date = typed.parse().ok()?;
    date.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_distance_stays_one() {
        let now: Zoned = "2024-11-17T14:00:00Z[UTC]".parse().unwrap();
        for (typed, crosses) in [
            ("5m", "300000ms"),
            ("300000ms", "300000ms"),
            ("now", "0ms"),
            ("2024-11-17", "2024-11-17T00:00:00Z"),
            ("@1731844800", "2024-11-17T12:00:00Z"),
            ("today", "2024-11-17T00:00:00Z"),
        ] {
            assert_eq!(record_time(typed, &now).as_deref(), Ok(crosses));
        }
        assert!(record_time("soon", &now).is_err());
    }

    use super::{duration_ms, record_time, time, within};
    use crate::manifest::{Arg, ArgKind};
    use jiff::Zoned;
    use proptest::prelude::*;
    use serde_json::json;

    fn noon() -> Zoned {
        "2024-11-17T12:00:00+01:00[Europe/Berlin]".parse().unwrap()
    }

    #[test]
    fn the_grammar_of_the_decisions_is_read() {
        for (typed, expected) in [
            ("30s", "2024-11-17T10:59:30Z"),
            ("15m", "2024-11-17T10:45:00Z"),
            ("2h", "2024-11-17T09:00:00Z"),
            ("3d", "2024-11-14T11:00:00Z"),
            ("1w", "2024-11-10T11:00:00Z"),
            ("1d12h", "2024-11-15T23:00:00Z"),
            ("2024-11-17T12:00:00+02:00", "2024-11-17T10:00:00Z"),
            ("2024-11-16", "2024-11-15T23:00:00Z"),
            ("today", "2024-11-16T23:00:00Z"),
            ("yesterday", "2024-11-15T23:00:00Z"),
            ("@0", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(time(typed, &noon()).as_deref(), Ok(expected), "{typed}");
        }
    }

    #[test]
    fn what_is_wrong_is_answered_with_the_grammar() {
        for typed in ["", "2", "h", "2x", "1h1h", "-2h", "tomorrow", "2024-13-01", "@", "1 h"] {
            assert!(time(typed, &noon()).unwrap_err().contains("give a time such as"), "{typed}");
            assert!(duration_ms(typed).unwrap_err().contains("give a duration"), "{typed}");
        }
    }

    #[test]
    fn a_duration_has_a_ceiling() {
        assert_eq!(duration_ms("24d"), Ok(super::MAX_DURATION_MS));
        for typed in ["24d1ms", "100000h", "1w100000h", "99999999999999999999999999s", "4w"] {
            let refused = duration_ms(typed).unwrap_err();
            assert!(refused.contains("`0s` to `24d`"), "{refused}");
        }
        let arg = Arg { kind: ArgKind::Duration, ..Arg::default() };
        assert!(within(&arg, json!(super::MAX_DURATION_MS)).is_ok());
        assert!(within(&arg, json!(u64::MAX)).unwrap_err().contains("24d"));
    }

    proptest! {
        #[test]
        fn nothing_typed_panics(typed in ".{0,40}") {
            let _either = time(&typed, &noon());
            let _either = duration_ms(&typed);
        }

        #[test]
        fn units_add_up(days in 0_u64..20, hours in 0_u64..96) {
            prop_assert_eq!(
                duration_ms(&format!("{days}d{hours}h")),
                Ok(days * 86_400_000 + hours * 3_600_000)
            );
        }
    }
}
