//! A check is a row: a stable code, what it is about, how bad it is when it fails, how long it may
//! take, and the function that looks.

use crate::gather::Sources;
use crate::gather::cluster::is_not_permitted;
use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use serde_json::{Map, Value};
use std::time::Duration;
use toygres_plugin_api::Error;
use toygres_plugin_api::shell::ShellCommand;

/// How long a check may take, unless its row says otherwise.
pub(crate) const DEADLINE: Duration = Duration::from_millis(3500);

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It does not apply here.
    Skipped,
    /// All is well.
    Ok,
    /// Something is off, and nothing is broken yet.
    Warning,
    /// It could not be found out, which is not well.
    Unknown,
    /// Something is broken.
    Failed,
}

impl Outcome {
    /// As machines read it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
        }
    }

    /// The word's outcome; one that nobody knows is unknown.
    pub(crate) fn of(word: &str) -> Self {
        match word {
            "skipped" => Self::Skipped,
            "ok" => Self::Ok,
            "warning" => Self::Warning,
            "failed" => Self::Failed,
            _ => Self::Unknown,
        }
    }
}

/// The worst that a check can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Severity {
    /// A failure is one of the whole system.
    Error,
    /// A failure is a warning.
    Warning,
}

/// A line of the summary, to which several checks belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Component {
    ApiServer,
    Runtime,
    CmsDatabase,
    DuroxideDatabase,
    Cluster,
    Namespace,
    StorageClass,
    Rights,
    RunningInstances,
    FailedInstances,
    Orphaned,
    Abandoned,
    Plugins,
}

impl Component {
    /// All of them, in the order of the summary.
    pub(crate) const ALL: &[Self] = &[
        Self::ApiServer,
        Self::Runtime,
        Self::CmsDatabase,
        Self::DuroxideDatabase,
        Self::Cluster,
        Self::Namespace,
        Self::StorageClass,
        Self::Rights,
        Self::RunningInstances,
        Self::FailedInstances,
        Self::Orphaned,
        Self::Abandoned,
        Self::Plugins,
    ];

    /// What people read.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::ApiServer => "API Server",
            Self::Runtime => "Duroxide Runtime",
            Self::CmsDatabase => "CMS Database",
            Self::DuroxideDatabase => "Duroxide Database",
            Self::Cluster => "Cluster Connection",
            Self::Namespace => "Namespace Access",
            Self::StorageClass => "Storage Class",
            Self::Rights => "RBAC Permissions",
            Self::RunningInstances => "Running Instances",
            Self::FailedInstances => "Failed Instances",
            Self::Orphaned => "Orphaned Resources",
            Self::Abandoned => "Abandoned Records",
            Self::Plugins => "Other Plugins",
        }
    }

    /// The heading it stands under.
    pub(crate) fn category(self) -> &'static str {
        match self {
            Self::ApiServer | Self::Runtime | Self::CmsDatabase | Self::DuroxideDatabase => {
                "Control Plane"
            }
            Self::Cluster | Self::Namespace | Self::StorageClass | Self::Rights => "Kubernetes",
            Self::RunningInstances | Self::FailedInstances | Self::Orphaned | Self::Abandoned => {
                "Data Plane"
            }
            Self::Plugins => "Plugins",
        }
    }
}

/// One check.
pub(crate) struct Row {
    /// Never given to another check.
    pub(crate) code: &'static str,
    pub(crate) component: Component,
    pub(crate) severity: Severity,
    /// What is expected, in a few words: `the API answers`.
    pub(crate) description: &'static str,
    /// What not answering in time means: for the checks of reachability, a failure.
    pub(crate) late: Outcome,
    pub(crate) check: for<'a> fn(&'a Sources) -> LocalBoxFuture<'a, Finding>,
}

/// What one check found, with its evidence.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub(crate) outcome: Outcome,
    /// One line, lower case.
    pub(crate) summary: String,
    /// What was seen: names and figures.
    pub(crate) evidence: Box<Map<String, Value>>,
    /// What the component's line says while all is well.
    pub(crate) headline: Option<String>,
    /// Lines of `--verbose`: label and value.
    pub(crate) facts: Vec<(&'static str, String)>,
    /// Commands that mend it, or show more.
    pub(crate) fix: Vec<String>,
}

impl Finding {
    fn new(outcome: Outcome, summary: impl Into<String>) -> Self {
        Self {
            outcome,
            summary: summary.into(),
            evidence: Box::default(),
            headline: None,
            facts: Vec::new(),
            fix: Vec::new(),
        }
    }

    pub(crate) fn ok(summary: impl Into<String>) -> Self {
        Self::new(Outcome::Ok, summary)
    }

    pub(crate) fn warning(summary: impl Into<String>) -> Self {
        Self::new(Outcome::Warning, summary)
    }

    pub(crate) fn failed(summary: impl Into<String>) -> Self {
        Self::new(Outcome::Failed, summary)
    }

    pub(crate) fn unknown(summary: impl Into<String>) -> Self {
        Self::new(Outcome::Unknown, summary)
    }

    pub(crate) fn skipped(summary: impl Into<String>) -> Self {
        Self::new(Outcome::Skipped, summary)
    }

    /// A backend that could not be asked: unknown, with the reason and the hint. What this user need
    /// not be permitted is passed over.
    pub(crate) fn cannot_tell(error: &Error) -> Self {
        if is_not_permitted(error) {
            return Self::skipped(reason(error)).see("kind", error.kind.name());
        }
        Self::unknown(reason(error))
            .see("kind", error.kind.name())
            .fixes(error.hint.iter().filter_map(|hint| command_of(hint)))
    }

    /// The same as a failure, for the check of the backend itself. What was never configured
    /// cannot be broken.
    pub(crate) fn broken(error: &Error) -> Self {
        let mut finding = Self::cannot_tell(error);
        if !error.message.ends_with("is configured") {
            finding.outcome = Outcome::Failed;
        }
        finding
    }

    pub(crate) fn see(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.evidence.insert(key.to_owned(), value.into());
        self
    }

    pub(crate) fn headline(mut self, text: impl Into<String>) -> Self {
        self.headline = Some(text.into());
        self
    }

    pub(crate) fn fact(mut self, label: &'static str, value: impl Into<String>) -> Self {
        self.facts.push((label, value.into()));
        self
    }

    pub(crate) fn fix(mut self, command: impl Into<String>) -> Self {
        self.fix.push(command.into());
        self
    }

    pub(crate) fn fixes<T: Into<String>>(mut self, commands: impl IntoIterator<Item = T>) -> Self {
        self.fix.extend(commands.into_iter().map(Into::into));
        self
    }
}

/// An error in one line: what went wrong and the innermost cause.
pub(crate) fn reason(error: &Error) -> String {
    match error.causes.last() {
        Some(cause) if !error.message.contains(cause.as_str()) => {
            format!("{}: {cause}", error.message)
        }
        _ => error.message.clone(),
    }
}

/// Names that are told before the rest is a number; the evidence has them all.
pub(crate) const NAMED: usize = 5;

/// The first of these names, and how many more there are.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let shown: Vec<String> = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The command that shows an orchestration.
pub(crate) fn orchestration(id: &str) -> ShellCommand {
    ShellCommand::new("toygres server orchestration").arg(id)
}

/// The command of toygres that a hint names in backticks. A hint may quote somebody else's words as
/// well: those are never offered as a command.
fn command_of(hint: &str) -> Option<String> {
    let (_, rest) = hint.split_once('`')?;
    let (command, _) = rest.split_once('`')?;
    command.starts_with("toygres ").then(|| command.to_owned())
}

/// Where a code is described.
pub(crate) fn docs(code: &str) -> String {
    format!("docs/health.md#{}", code.to_lowercase())
}

/// A row, in one line of a table.
macro_rules! row {
    ($code:literal, $component:ident, $severity:ident, $description:literal, $check:path) => {
        row!($code, $component, $severity, $description, $check, late: Unknown)
    };
    ($code:literal, $component:ident, $severity:ident, $description:literal, $check:path, late: $late:ident) => {
        $crate::check::Row {
            code: $code,
            component: $crate::check::Component::$component,
            severity: $crate::check::Severity::$severity,
            description: $description,
            late: $crate::check::Outcome::$late,
            check: |sources| Box::pin($check(sources)),
        }
    };
}

pub(crate) use row;

#[cfg(test)]
mod tests {
    use super::{Finding, Outcome, command_of, listed, reason};
    use toygres_plugin_api::Error;

    #[test]
    fn an_unreachable_backend_is_broken_and_an_unconfigured_one_is_not() {
        let down = Error::unavailable("the database at x cannot be reached").cause("refused");
        assert_eq!(Finding::broken(&down).outcome, Outcome::Failed);
        assert_eq!(reason(&down), "the database at x cannot be reached: refused");
        let absent = Error::unavailable("no database is configured").retryable(false);
        assert_eq!(Finding::broken(&absent).outcome, Outcome::Unknown);
    }

    #[test]
    fn a_hint_s_command_is_found() {
        let command = command_of("start it with `toygres server start`, or wait");
        assert_eq!(command.as_deref(), Some("toygres server start"));
        assert_eq!(command_of("set `KUBECONFIG` or so"), None);
        assert_eq!(command_of("there is no `rm -rf x`"), None);
        assert_eq!(command_of("think"), None);
    }

    #[test]
    fn words_and_outcomes_agree() {
        for outcome in
            [Outcome::Skipped, Outcome::Ok, Outcome::Warning, Outcome::Unknown, Outcome::Failed]
        {
            assert_eq!(Outcome::of(outcome.word()), outcome);
        }
        assert_eq!(Outcome::of("splendid"), Outcome::Unknown);
    }

    #[test]
    fn many_names_are_a_number() {
        assert_eq!(listed(["a", "b"]), "`a`, `b`");
        assert_eq!(
            listed(["a", "b", "c", "d", "e", "f", "g"]),
            "`a`, `b`, `c`, `d`, `e` and 2 more"
        );
    }
}
