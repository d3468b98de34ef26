//! Drift that is known and let pass: rules of the command line and of the configuration.

use crate::settings::Settings;
use serde::{Deserialize, Serialize};
use toygres_model::drift::{Finding, Rule};
use toygres_plugin_api::{Error, Result, Schema};

/// The rules of a run.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    valid: Vec<Rule>,
    /// Those that no longer hold.
    pub(crate) expired: Vec<RuleSaid>,
}

/// A rule as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Schema)]
pub(crate) struct RuleSaid {
    /// Its pattern.
    pub(crate) rule: String,
    /// The last day on which it holds.
    pub(crate) until: Option<String>,
    /// Why.
    pub(crate) reason: Option<String>,
}

/// A difference that a rule let pass.
#[derive(Debug, Clone, PartialEq, Serialize, Schema)]
pub(crate) struct Ignored {
    /// The sort of the drift.
    pub(crate) kind: String,
    /// The instance's name in Kubernetes.
    pub(crate) k8s_name: String,
    /// The name that its user gave it.
    pub(crate) instance: Option<String>,
    /// The field that differs.
    pub(crate) field: String,
    /// The rule's pattern.
    pub(crate) rule: String,
    /// The last day on which it holds.
    pub(crate) until: Option<String>,
    /// Why.
    pub(crate) reason: Option<String>,
}

const HINT: &str = "a rule is KIND:NAME/FIELD [until YYYY-MM-DD] [because REASON], such as \
    `mismatch:proddb-*/image until 2027-01-31 because the image is pinned`; `*` is any text";

impl Rules {
    /// The rules of both places; `today` is `YYYY-MM-DD`.
    ///
    /// # Errors
    /// `usage` for one that cannot be read; for one of the configuration without a reason.
    pub(crate) fn read(typed: &[String], settings: &Settings, today: &str) -> Result<Self> {
        let mut rules = Self::default();
        for text in typed {
            rules.take(parse(text)?, today);
        }
        for text in settings.ignore.as_deref().map(listed).transpose()?.unwrap_or_default() {
            let rule = parse(&text)?;
            if rule.reason.is_none() {
                let what = format!("the rule `{text}` of the setting `drift.ignore` has no reason");
                return Err(Error::usage(what).hint("add ` because …` to it"));
            }
            rules.take(rule, today);
        }
        Ok(rules)
    }

    fn take(&mut self, rule: Rule, today: &str) {
        if rule.is_expired(today) {
            self.expired.push(said(&rule));
        } else {
            self.valid.push(rule);
        }
    }

    /// Takes away what is let pass, and answers it.
    pub(crate) fn apply(&self, findings: &mut Vec<Finding>) -> Vec<Ignored> {
        let mut ignored = Vec::new();
        for finding in findings.iter_mut() {
            let (passed, kept) =
                std::mem::take(&mut finding.fields).into_iter().partition(|field| {
                    let rule = self.valid.iter().find(|rule| rule.covers(finding, field));
                    ignored.extend(rule.map(|rule| of(rule, finding, field.field)));
                    rule.is_some()
                });
            let _passed: Vec<_> = passed;
            finding.fields = kept;
            finding.weigh();
        }
        findings.retain(|finding| !finding.fields.is_empty());
        ignored
    }
}

fn parse(text: &str) -> Result<Rule> {
    text.parse()
        .map_err(|error| Error::usage(format!("`{text}` is no rule")).cause(error).hint(HINT))
}

/// The texts of the setting: an array of TOML, or one rule a line.
fn listed(setting: &str) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Wrapped {
        rules: Vec<String>,
    }
    if !setting.trim_start().starts_with('[') {
        let lines = setting.lines().map(str::trim).filter(|line| !line.is_empty());
        return Ok(lines.map(str::to_owned).collect());
    }
    let wrapped: Wrapped = toml::from_str(&format!("rules = {setting}")).map_err(|error| {
        Error::usage("the setting `drift.ignore` is no array of texts")
            .cause(error.message())
            .hint(HINT)
    })?;
    Ok(wrapped.rules)
}

fn said(rule: &Rule) -> RuleSaid {
    let Rule { rule, until, reason, .. } = rule.clone();
    RuleSaid { rule, until, reason }
}

fn of(rule: &Rule, finding: &Finding, field: &str) -> Ignored {
    Ignored {
        kind: finding.kind.word().to_owned(),
        k8s_name: finding.k8s_name.clone(),
        instance: finding.instance.clone(),
        field: field.to_owned(),
        rule: rule.rule.clone(),
        until: rule.until.clone(),
        reason: rule.reason.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn rules_stand_in_an_array_or_in_lines() {
        let rules = listed("[\"*:a because x\", '*:b because \"y\"']").unwrap();
        assert_eq!(rules, ["*:a because x", "*:b because \"y\""]);
        assert_eq!(listed("*:a because x\n\n *:b because y\n").unwrap().len(), 2);
        assert!(listed("[1]").is_err());
    }
}
