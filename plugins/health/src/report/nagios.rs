//! One line for Nagios and its relatives, with figures behind the bar.

use super::answer::{Answer, Status};

/// The exit code that the guidelines for Nagios plugins ask for.
pub(super) fn exit_code(answer: &Answer) -> u8 {
    match answer.status() {
        Status::Healthy => 0,
        Status::Warning => 1,
        Status::Unhealthy => 2,
        Status::Undetermined => UNKNOWN,
    }
}

/// The exit code of what could not be found out.
pub(crate) const UNKNOWN: u8 = 3;

/// What is written where nothing could be checked at all.
pub(crate) fn unknown(why: &str) -> String {
    format!("TOYGRES UNKNOWN - {}\n", one_line(why))
}

/// The bar and line breaks have a meaning of their own.
fn one_line(text: &str) -> String {
    text.replace('|', "/").replace(['\n', '\r'], " ")
}

/// `TOYGRES CRITICAL - TG0401 the database answers: … | ok=40 …`.
pub(super) fn text(answer: &Answer) -> String {
    let word = match answer.status() {
        Status::Healthy => "OK",
        Status::Warning => "WARNING",
        Status::Undetermined => "UNKNOWN",
        Status::Unhealthy => "CRITICAL",
    };
    let troubles: Vec<String> = answer
        .told()
        .iter()
        .map(|(title, group)| format!("{title}: {}", group[0].summary))
        .collect();
    let said = if troubles.is_empty() {
        format!("{} checks passed", answer.counts.ok)
    } else {
        troubles.join("; ")
    };
    let said = one_line(&said);
    let counts = answer.counts;
    format!(
        "TOYGRES {word} - {said} | ok={} warning={} failed={} unknown={} skipped={}\n",
        counts.ok, counts.warning, counts.failed, counts.unknown, counts.skipped
    )
}

#[cfg(test)]
mod tests {
    use super::{exit_code, text, unknown};
    use crate::gather::contributed::Contribution;
    use crate::report::answer::Answer;
    use crate::run::brought;
    use serde_json::json;
    use toygres_plugin_api::report::Verdict;

    fn answer(outcomes: &[(&str, &str)], strict: bool) -> Answer {
        let row = |(outcome, severity): &(&str, &str)| {
            json!({"code": "AC0001", "outcome": outcome, "severity": severity,
                "description": "x", "summary": "a|b\nc"})
        };
        let contribution = Contribution {
            plugin: "acme".to_owned(),
            command: "acme".to_owned(),
            rows: Ok(outcomes.iter().map(row).collect()),
            took_ms: 1,
        };
        Answer::new(brought(&[contribution]), None, strict)
    }

    #[test]
    fn a_line_says_all_of_it_and_stays_one() {
        let said = text(&answer(&[("failed", "error"), ("ok", "error")], false));
        assert_eq!(
            said,
            "TOYGRES CRITICAL - AC0001 x: a/b c | ok=1 warning=0 failed=1 unknown=0 skipped=0\n"
        );
        assert!(text(&answer(&[("ok", "error")], false)).starts_with("TOYGRES OK - 1 checks"));
    }

    #[test]
    fn exit_codes_are_those_of_nagios() {
        for (outcome, severity, word, code) in [
            ("ok", "error", "OK", 0),
            ("warning", "error", "WARNING", 1),
            ("unknown", "warning", "WARNING", 1),
            ("failed", "error", "CRITICAL", 2),
            ("unknown", "error", "UNKNOWN", 3),
        ] {
            let answer = answer(&[(outcome, severity), ("ok", "error")], false);
            assert_eq!(exit_code(&answer), code, "{outcome}");
            assert!(text(&answer).starts_with(&format!("TOYGRES {word} - ")), "{outcome}");
        }
        assert_eq!(unknown("a|b\nc"), "TOYGRES UNKNOWN - a/b c\n");
    }

    #[test]
    fn what_is_unknown_is_not_well() {
        use Verdict::{Clean, Negative, Undetermined};
        for (outcomes, lenient, strict) in [
            (vec![("ok", "error"), ("skipped", "error")], Clean, Clean),
            (vec![("warning", "error")], Clean, Negative),
            (vec![("unknown", "error")], Undetermined, Undetermined),
            (vec![("unknown", "warning")], Clean, Undetermined),
            (vec![("unknown", "error"), ("warning", "error")], Undetermined, Negative),
            (vec![("unknown", "error"), ("failed", "error")], Negative, Negative),
            (vec![("splendid", "error")], Undetermined, Undetermined),
        ] {
            assert_eq!(answer(&outcomes, false).verdict(), lenient, "{outcomes:?}");
            assert_eq!(answer(&outcomes, true).verdict(), strict, "{outcomes:?}");
        }
    }
}
