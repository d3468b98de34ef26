//! Whether a version that was installed before would be taken today: who signed it, held against the
//! keys that are pinned now.

use super::lock::Kept;
use super::policy::Policy;
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Error, Result};

/// Why it would not be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Objection {
    /// The signer's key is not pinned for the source any more.
    Revoked {
        /// The key.
        signer: String,
        /// What the source was.
        source: String,
        /// The keys that are pinned for it now.
        pinned: Vec<String>,
    },
    /// Nobody signed it, and keys are pinned for its source.
    Unsigned {
        /// What the source was.
        source: String,
        /// The keys.
        pinned: Vec<String>,
    },
    /// Nobody signed it, and what is in use is signed by this key.
    InsteadOfSigned(String),
}

/// What speaks against a version, if anything does.
///
/// # Errors
/// When it cannot be known which keys are pinned.
pub(super) fn objection(policy: &Policy, kept: &Kept) -> Result<Option<Objection>> {
    let Some(source) = kept.source.clone() else { return Ok(None) };
    let pinned = policy.keys_for(&source)?;
    let pinned: Vec<String> = pinned.iter().map(|pinned| pinned.key.trim().to_owned()).collect();
    Ok(match &kept.signer {
        Some(signer) if pinned.iter().any(|key| key == signer.trim()) => None,
        // A key that was asked for once and never pinned was not taken back either.
        Some(_) if pinned.is_empty() && !kept.pinned => None,
        Some(signer) => Some(Objection::Revoked { signer: signer.clone(), source, pinned }),
        None if pinned.is_empty() => None,
        None => Some(Objection::Unsigned { source, pinned }),
    })
}

/// The same for a version that is to be used instead of another: what was signed does not give way
/// to what nobody signed.
///
/// # Errors
/// When it cannot be known which keys are pinned.
pub(super) fn objection_to(
    policy: &Policy,
    kept: &Kept,
    instead_of: &Kept,
) -> Result<Option<Objection>> {
    let found = objection(policy, kept)?;
    Ok(found.or_else(|| match (&kept.signer, &instead_of.signer) {
        (None, Some(signer)) => Some(Objection::InsteadOfSigned(signer.clone())),
        _ => None,
    }))
}

impl Objection {
    /// In words, as it follows the name of what it is about.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Revoked { signer, source, .. } => format!(
                "is signed by {signer}, a key that is not pinned for its source {source} any more"
            ),
            Self::Unsigned { source, .. } => {
                format!("is not signed, and keys are pinned for its source {source}")
            }
            Self::InsteadOfSigned(signer) => {
                format!("is not signed, and the version in use is signed by {signer}")
            }
        }
    }

    /// A stable word for machines.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Revoked { .. } => "revoked",
            Self::Unsigned { .. } | Self::InsteadOfSigned(_) => "unsigned",
        }
    }

    /// The refusal to use a version; `again` is the command that uses it all the same.
    pub(super) fn refuse(&self, name: &str, version: &str, again: &ShellCommand) -> Error {
        let error = Error::refused(format!("`{name}` {version} {}", self.reason()));
        let error = match self {
            Self::Revoked { pinned, .. } | Self::Unsigned { pinned, .. } if pinned.is_empty() => {
                error.cause("no key is pinned for that source now")
            }
            Self::Revoked { pinned, .. } | Self::Unsigned { pinned, .. } => {
                error.cause(format!("pinned for that source: {}", pinned.join(", ")))
            }
            Self::InsteadOfSigned(_) => error.cause("what was signed gives way only to what is"),
        };
        error.hint(format!(
            "install a version that is signed by a pinned key; or use this one all the same: {again}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::{objection, objection_to};
    use crate::plugin::lock::Kept;
    use crate::plugin::policy::{Pinned, Policy};
    use std::path::PathBuf;

    fn kept(signer: Option<&str>, pinned: bool) -> Kept {
        Kept {
            version: "1.0.0".to_owned(),
            file: PathBuf::new(),
            sha256: String::new(),
            size: 0,
            source: Some("/srv/plugins/a.so".to_owned()),
            signer: signer.map(str::to_owned),
            pinned,
            target: None,
            installed_at: None,
        }
    }

    fn policy(keys: &[&str]) -> Policy {
        let pinned = |key: &&str| Pinned { source: "/srv/plugins/".into(), key: (*key).to_owned() };
        Policy { keys: keys.iter().map(pinned).collect(), ..Policy::default() }
    }

    #[test]
    fn who_signed_it_is_held_against_what_is_pinned_now() {
        for (pinned_now, signer, was_pinned, expected) in [
            (&["A"][..], Some("A"), true, None),
            (&["B", "A"], Some("A\n"), true, None),
            (&["B"], Some("A"), true, Some("revoked")),
            // Whether it was pinned or asked for once: only B may sign what comes from there.
            (&["B"], Some("A"), false, Some("revoked")),
            (&[], Some("A"), true, Some("revoked")),
            (&[], Some("A"), false, None),
            (&["B"], None, false, Some("unsigned")),
            (&[], None, false, None),
        ] {
            let found = objection(&policy(pinned_now), &kept(signer, was_pinned)).unwrap();
            let found = found.map(|found| found.code());
            assert_eq!(found, expected, "{pinned_now:?}, {signer:?}, {was_pinned}");
        }
        let (signed, unsigned) = (kept(Some("A"), false), kept(None, false));
        assert!(objection_to(&policy(&[]), &unsigned, &signed).unwrap().is_some());
        assert!(objection_to(&policy(&[]), &signed, &unsigned).unwrap().is_none());
        let broken = Policy { broken: vec!["x".to_owned()], ..Policy::default() };
        assert!(objection(&broken, &signed).is_err());
    }
}
