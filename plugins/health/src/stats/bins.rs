//! Durations in bins: each the fourth part of a power of two, so that a percentile is known within
//! a tenth.

use std::collections::BTreeMap;

/// How far a percentile may be off, as a fraction.
pub(super) const WITHIN: f64 = 0.1;

/// Durations of one activity: how many are in each bin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bins {
    counts: BTreeMap<i32, i64>,
    /// The longest of all, in milliseconds.
    most_ms: i64,
}

impl Bins {
    /// Adds `count` durations of a bin, the longest of which took `most_ms`.
    pub(super) fn add(&mut self, bin: i32, count: i64, most_ms: i64) {
        *self.counts.entry(bin).or_default() += count;
        self.most_ms = self.most_ms.max(most_ms);
    }

    pub(super) fn most_ms(&self) -> i64 {
        self.most_ms
    }

    /// The duration that this part of all do not exceed, in milliseconds; none where there are none.
    pub(super) fn percentile(&self, part: f64) -> Option<i64> {
        let all: i64 = self.counts.values().sum();
        let rank = ((all as f64 * part).ceil() as i64).max(1);
        let mut seen = 0;
        for (bin, count) in &self.counts {
            seen += count;
            if seen >= rank {
                return Some(middle(*bin).min(self.most_ms));
            }
        }
        None
    }
}

/// The middle of a bin, as ratios go: bin 0 is less than a millisecond, bin `n` begins at
/// two to the power of `(n - 1) / 4`.
fn middle(bin: i32) -> i64 {
    if bin <= 0 { 0 } else { 2_f64.powf((f64::from(bin) - 0.5) / 4.0).round() as i64 }
}

#[cfg(test)]
mod tests {
    use super::{Bins, WITHIN, middle};

    fn bin(ms: f64) -> i32 {
        if ms < 1.0 { 0 } else { 1 + (4.0 * ms.log2()).floor() as i32 }
    }

    #[test]
    fn a_percentile_is_within_a_tenth() {
        let durations: Vec<f64> = (1..=1000).map(|n| f64::from(n) * 7.0).collect();
        let mut bins = Bins::default();
        durations.iter().for_each(|ms| bins.add(bin(*ms), 1, *ms as i64));
        for (part, exact) in [(0.5, 3500.0), (0.95, 6650.0), (0.99, 6930.0)] {
            let found = bins.percentile(part).unwrap() as f64;
            assert!((found - exact).abs() / exact <= WITHIN, "{part}: {found} {exact}");
        }
        assert_eq!(bins.most_ms(), 7000);
        assert_eq!(Bins::default().percentile(0.5), None);
    }

    #[test]
    fn every_duration_lies_near_the_middle_of_its_bin() {
        for ms in [20.0, 100.0, 1234.0, 60_000.0, 86_400_000.0] {
            let off = (middle(bin(ms)) as f64 - ms).abs() / ms;
            assert!(off <= WITHIN, "{ms}: {off}");
        }
        assert_eq!(middle(0), 0);
    }
}
