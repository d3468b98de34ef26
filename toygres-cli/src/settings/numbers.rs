//! Settings that are numbers, within their bounds.

use super::Settings;
use std::ops::RangeInclusive;
use toygres_plugin_api::{Error, Result};

/// The longest time that a setting in milliseconds may say: a day.
pub(crate) const MAX_MILLISECONDS: u64 = 24 * 3600 * 1000;

impl Settings {
    /// A setting that is a whole number within these bounds.
    ///
    /// # Errors
    /// `usage` for any other; when the configuration file is needed and broken.
    pub(crate) fn number(&self, key: &str, bounds: RangeInclusive<u64>) -> Result<u64> {
        let (value, _) = self.get(key)?;
        let text = value.unwrap_or_default();
        text.trim().parse().ok().filter(|number| bounds.contains(number)).ok_or_else(|| {
            let (least, most) = bounds.into_inner();
            Error::usage(format!("invalid setting `{key}`: `{text}`")).hint(format!(
                "give a whole number from {least} to {most}; see where it is set with \
                 `toygres server config`"
            ))
        })
    }
}
