//! What figures are held to.

use std::cell::RefCell;
use std::fmt::Display;

/// The aims that were missed so far.
#[derive(Debug, Default)]
pub(super) struct Aims {
    missed: RefCell<Vec<String>>,
}

/// What two commands that are compared are held to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Aim {
    /// Ours by the other's time.
    pub(super) ratio: f64,
    /// The most memory of ours.
    pub(super) peak_mib: Option<f64>,
}

impl Aim {
    /// Only the time counts.
    pub(super) const fn ratio(ratio: f64) -> Self {
        Self { ratio, peak_mib: None }
    }
}

impl Aims {
    /// Holds one figure to its aim, and answers the words that are printed beside it.
    pub(super) fn hold(&self, what: impl Display, found: f64, most: f64, unit: &str) -> String {
        let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
        if found <= most {
            return format!("aim: at most {most}{unit}: met");
        }
        self.missed.borrow_mut().push(format!("{what}: {found:.2}{unit}, not {most}{unit}"));
        format!("aim: at most {most}{unit}: MISSED")
    }

    /// Each of those that were missed, in a line of its own; none where all were met.
    pub(super) fn missed(&self) -> Option<String> {
        let missed = self.missed.borrow();
        (!missed.is_empty()).then(|| missed.join("\n"))
    }
}
