//! An object that is being deleted, and what keeps it.
//!
//! Kubernetes removes an object once its list of finalizers is empty. Some of them are routine and
//! go within a moment, such as the protection of a claim whose pod has not ended yet; one whose
//! controller is gone stays for ever, and so does whatever waits for the object.

use crate::time;
use toygres_plugin_api::shell::ShellCommand;

/// That an object is being deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deletion {
    /// When that was asked for, in milliseconds since the epoch; `None` where it cannot be read.
    pub since_ms: Option<i64>,
    /// Who has to let it go first.
    pub finalizers: Vec<String>,
}

/// Finalizers that go by themselves.
const ROUTINE: [&str; 7] = [
    "kubernetes.io/pvc-protection",
    "kubernetes.io/pv-protection",
    "service.kubernetes.io/load-balancer-cleanup",
    "external-provisioner.volume.kubernetes.io/finalizer",
    "foregroundDeletion",
    "orphan",
    "toygres.dev/folder",
];

/// What takes longer than this hangs, though all that keeps it is routine: a pod has a minute to
/// end, and a cloud takes a while to give a load balancer back.
const ROUTINE_LIMIT_MS: i64 = 180_000;

impl Deletion {
    /// Reads it from an object's `deletionTimestamp` and finalizers; `None` where it is not being
    /// deleted.
    #[must_use]
    pub fn read(timestamp: Option<&str>, finalizers: Vec<String>) -> Option<Self> {
        timestamp.map(|at| Self { since_ms: time::parse(at), finalizers })
    }

    /// For how long it has been asked for.
    #[must_use]
    pub fn age_ms(&self, now_ms: i64) -> Option<i64> {
        self.since_ms.map(|since| now_ms.saturating_sub(since).max(0))
    }

    /// Whether it does not come to its end by itself, as far as can be told: a finalizer that is not
    /// routine has it, or it takes too long.
    #[must_use]
    pub fn is_stuck(&self, now_ms: i64) -> bool {
        let is_foreign = |it: &String| !ROUTINE.contains(&it.as_str());
        self.finalizers.iter().any(is_foreign)
            || self.age_ms(now_ms).is_some_and(|age| age > ROUTINE_LIMIT_MS)
    }

    /// The finalizers and the age in words: `being deleted for 45s, held by the finalizer `x/y``.
    #[must_use]
    pub fn text(&self, now_ms: i64) -> String {
        let mut text = "being deleted".to_owned();
        if let Some(age) = self.age_ms(now_ms) {
            text = format!("{text} for {}", time::words(age));
        }
        match self.finalizers_text() {
            Some(finalizers) => format!("{text}, held by the {finalizers}"),
            None => text,
        }
    }

    /// The finalizers in words, `finalizer `x/y`` or `finalizers `a/b`, `c/d``; `None` without any.
    #[must_use]
    pub fn finalizers_text(&self) -> Option<String> {
        let names: Vec<String> = self.finalizers.iter().map(|it| format!("`{it}`")).collect();
        let plural = match names.len() {
            0 => return None,
            1 => "",
            _ => "s",
        };
        Some(format!("finalizer{plural} {}", names.join(", ")))
    }
}

/// The command that shows an object with its finalizers. `resource` is the plural name.
#[must_use]
pub fn look(resource: &str, namespace: &str, name: &str) -> ShellCommand {
    let get = ShellCommand::new("kubectl get").option("-n", namespace).arg(resource).arg(name);
    get.option("-o", "yaml")
}

#[cfg(test)]
mod tests {
    use super::Deletion;

    fn deletion(finalizers: &[&str]) -> Deletion {
        let finalizers = finalizers.iter().map(|it| (*it).to_owned()).collect();
        Deletion::read(Some("1970-01-01T00:01:00Z"), finalizers).unwrap()
    }

    #[test]
    fn what_holds_an_object_is_told_with_its_age() {
        let held = deletion(&["example.com/hold"]);
        assert_eq!(
            held.text(105_000),
            "being deleted for 45s, held by the finalizer `example.com/hold`"
        );
        let two = deletion(&["a/b", "c/d"]).text(61_000);
        assert_eq!(two, "being deleted for 1s, held by the finalizers `a/b`, `c/d`");
        assert_eq!(deletion(&[]).text(0), "being deleted for 0ms");
        assert_eq!(Deletion::default().text(0), "being deleted");
        assert_eq!(Deletion::read(None, vec!["a/b".into()]), None);
    }

    #[test]
    fn routine_is_given_its_time() {
        assert!(deletion(&["example.com/hold"]).is_stuck(60_000));
        let routine = deletion(&["kubernetes.io/pvc-protection"]);
        assert!(!routine.is_stuck(120_000) && routine.is_stuck(300_000));
        assert!(!deletion(&[]).is_stuck(61_000));
    }
}
