//! Which lines are wanted.

use super::entry::Entry;
use jiff::Timestamp;
use toygres_plugin_api::ValueEnum;

/// How urgent an event is at least.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Every step
    Trace,
    /// What a developer wants to know
    Debug,
    /// What happens
    Info,
    /// What may need somebody
    Warn,
    /// What failed
    Error,
}

impl Level {
    fn of(name: &str) -> Option<Self> {
        [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error]
            .into_iter()
            .find(|level| level.name() == name)
    }
}

/// Which lines are wanted; all of it must be so.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub(crate) since: Option<Timestamp>,
    pub(crate) level: Option<Level>,
    /// In the line, in any case.
    pub(crate) text: Option<String>,
    pub(crate) orchestration: Option<String>,
    pub(crate) instance: Option<String>,
}

impl Filter {
    /// Every line is wanted.
    pub(crate) fn is_open(&self) -> bool {
        self.since.is_none()
            && self.level.is_none()
            && self.text.is_none()
            && self.orchestration.is_none()
            && self.instance.is_none()
    }

    /// The line's event, where it is wanted.
    pub(crate) fn entry(&self, line: &[u8]) -> Option<Entry> {
        if let Some(text) = &self.text {
            let line = String::from_utf8_lossy(line).to_lowercase();
            if !line.contains(&text.to_lowercase()) {
                return None;
            }
        }
        let entry = Entry::read(line);
        let wanted = self.since.is_none_or(|since| {
            let time = entry.time.as_deref().and_then(|time| time.parse::<Timestamp>().ok());
            time.is_some_and(|time| time >= since)
        }) && self.level.is_none_or(|least| {
            entry.level.as_deref().and_then(Level::of).is_some_and(|level| level >= least)
        }) && self.orchestration.as_deref().is_none_or(|id| entry.is_within(id))
            && self.instance.as_deref().is_none_or(|name| entry.is_about(name));
        wanted.then_some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::{Filter, Level};

    const LINE: &[u8] = br#"{"timestamp":"2026-01-02T03:04:05Z","level":"WARN","message":"Slow"}"#;

    #[test]
    fn every_condition_must_be_met() {
        let wanted = |filter: Filter| filter.entry(LINE).is_some();
        assert!(wanted(Filter::default()));
        let since = |time: &str| Filter { since: time.parse().ok(), ..Filter::default() };
        assert!(wanted(since("2026-01-02T03:04:05Z")));
        assert!(!wanted(since("2026-01-02T03:04:06Z")));
        let level = |level| Filter { level: Some(level), ..Filter::default() };
        assert!(wanted(level(Level::Info)) && wanted(level(Level::Warn)));
        assert!(!wanted(level(Level::Error)));
        let text = |text: &str| Filter { text: Some(text.to_owned()), ..Filter::default() };
        assert!(wanted(text("sLOW")) && !wanted(text("fast")));
        // What says no level and no time is not known to be wanted.
        assert!(level(Level::Trace).entry(b"a panic").is_none());
        assert!(Filter::default().entry(b"a panic").is_some());
    }
}
