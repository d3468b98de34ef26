//! The exit code of an answer.

use toygres_plugin_api::Report;
use toygres_plugin_api::report::Verdict;

/// The exit code of a run that came to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ExitStatus(u8);

impl ExitStatus {
    /// Done, and nothing is wrong.
    pub(crate) const CLEAN: Self = Self(0);

    /// The code of a report in a format: the format's own, or else that of the verdict.
    pub(crate) fn of(report: &Report, format: &str) -> Self {
        Self(report.exit_codes.get(format).copied().unwrap_or(match report.verdict {
            Verdict::Clean => 0,
            Verdict::Negative => 1,
            Verdict::NotRunning => 3,
            Verdict::Undetermined => 4,
        }))
    }

    /// As the process ends with it.
    pub(crate) fn code(self) -> u8 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::ExitStatus;
    use toygres_plugin_api::Report;
    use toygres_plugin_api::report::Verdict;

    #[test]
    fn a_format_of_its_own_has_codes_of_its_own() {
        let report = Report::default().verdict(Verdict::Negative).exit_code("nagios", 2);
        let code = |format: &str| ExitStatus::of(&report, format).code();
        assert_eq!((code("json"), code("nagios"), code("table")), (1, 2, 1));
    }
}
