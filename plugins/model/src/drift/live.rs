//! Which orchestrations go on.

use super::Record;
use crate::kubernetes::{create_orchestration, delete_orchestration, health_orchestration};
use std::collections::BTreeSet;
use std::ops::Bound;

/// The ids of the orchestrations that run or are about to begin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Live {
    ids: BTreeSet<String>,
}

impl Live {
    /// Of these ids; those of sub-orchestrations say nothing that their parents do not.
    #[must_use]
    pub fn new(ids: impl IntoIterator<Item = String>) -> Self {
        Self { ids: ids.into_iter().filter(|id| !id.contains("::sub::")).collect() }
    }

    /// The live orchestration that makes an instance of this name.
    #[must_use]
    pub fn create(&self, k8s_name: &str, recorded: Option<&str>) -> Option<&str> {
        self.one(&create_orchestration(k8s_name), recorded)
    }

    /// The live orchestration that unmakes it.
    #[must_use]
    pub fn delete(&self, k8s_name: &str, recorded: Option<&str>) -> Option<&str> {
        self.one(&delete_orchestration(k8s_name), recorded)
    }

    /// The live orchestration that watches over it.
    #[must_use]
    pub fn monitor(&self, k8s_name: &str, recorded: Option<&str>) -> Option<&str> {
        self.one(&health_orchestration(k8s_name), recorded)
    }

    /// What makes or unmakes an instance now.
    #[must_use]
    pub fn work_on(&self, record: &Record) -> Option<&str> {
        let create = self.create(&record.k8s_name, record.create_id.as_deref());
        create.or_else(|| self.delete(&record.k8s_name, record.delete_id.as_deref()))
    }

    /// What makes or unmakes one without a record.
    #[must_use]
    pub fn work_on_name(&self, k8s_name: &str) -> Option<&str> {
        self.create(k8s_name, None).or_else(|| self.delete(k8s_name, None))
    }

    /// The recorded id, the plain one, or one of its numbered successors.
    fn one(&self, plain: &str, recorded: Option<&str>) -> Option<&str> {
        if let Some(id) = recorded.and_then(|id| self.ids.get(id)) {
            return Some(id);
        }
        let successor = |id: &&String| {
            id.strip_prefix(plain).is_some_and(|rest| rest.is_empty() || is_number(rest))
        };
        let from = self.ids.range::<str, _>((Bound::Included(plain), Bound::Unbounded));
        from.take_while(|id| id.starts_with(plain)).find(successor).map(String::as_str)
    }
}

/// `-2` behind an id; the eight hex digits of another instance's name are longer.
fn is_number(rest: &str) -> bool {
    let digits = rest.strip_prefix('-').unwrap_or_default();
    (1..=6).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::Live;

    #[test]
    fn an_orchestration_is_known_by_its_record_its_name_or_its_number() {
        let live = Live::new(
            ["create-a-00000001", "health-b-00000002-3", "old-monitor", "delete-c::sub::2"]
                .map(str::to_owned),
        );
        assert_eq!(live.create("a-00000001", None), Some("create-a-00000001"));
        assert_eq!(live.create("a", None), None, "another instance's");
        assert_eq!(
            live.monitor("b-00000002", Some("health-b-00000002")),
            Some("health-b-00000002-3")
        );
        assert_eq!(live.monitor("x", Some("old-monitor")), Some("old-monitor"));
        assert_eq!(live.delete("c", None), None);
    }
}
