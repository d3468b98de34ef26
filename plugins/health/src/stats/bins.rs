//! Durations in bins: each the fourth part of a power of two, so that a percentile is known within
//! a tenth.

use std::collections::BTreeMap;

/// How far a percentile may be off, as a fraction.
pub(super) const WITHIN: f64 = 0.1;

/// Durations of one activity: how many are in each bin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bins {
    bins: BTreeMap<i32, Bin>,
}

/// What is known of the durations in a bin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Bin {
    /// How many there are of all, of which these may be a sample.
    count: i64,
    /// Those that were looked at: how many, all together, and the longest, in milliseconds.
    seen: i64,
    total_ms: i64,
    most_ms: i64,
}

impl Bins {
    /// Adds durations of a bin that stand for `count`: `seen` were looked at, which took `total_ms`
    /// together and the longest `most_ms`.
    pub(super) fn add(&mut self, bin: i32, count: i64, seen: i64, total_ms: i64, most_ms: i64) {
        let one = self.bins.entry(bin).or_default();
        one.count += count;
        one.seen += seen;
        one.total_ms += total_ms;
        one.most_ms = one.most_ms.max(most_ms);
    }

    pub(super) fn most_ms(&self) -> i64 {
        self.bins.values().map(|bin| bin.most_ms).max().unwrap_or(0)
    }

    /// The duration that this part of all do not exceed, in milliseconds; none where there are
    /// none. The part is a half or more. It is never less than the shortest of all and never more
    /// than the longest.
    pub(super) fn percentile(&self, part: f64) -> Option<i64> {
        let all: i64 = self.bins.values().map(|bin| bin.count).sum();
        let rank = ((all as f64 * part).ceil() as i64).max(1);
        let mut below = 0;
        for (number, bin) in &self.bins {
            let is_lowest = below == 0;
            below += bin.count;
            if below >= rank {
                // Of the shortest no record is kept; it is at most the mean of its bin. Half of
                // the bin or more lies below the rank, so that the mean is as near as the middle.
                let least = if is_lowest && bin.seen > 0 { bin.total_ms / bin.seen } else { 0 };
                return Some(middle(*number).max(least).min(bin.most_ms));
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
        durations.iter().for_each(|ms| bins.add(bin(*ms), 1, 1, *ms as i64, *ms as i64));
        for (part, exact) in [(0.5, 3500.0), (0.95, 6650.0), (0.99, 6930.0)] {
            let found = bins.percentile(part).unwrap() as f64;
            assert!((found - exact).abs() / exact <= WITHIN, "{part}: {found} {exact}");
        }
        assert_eq!(bins.most_ms(), 7000);
        assert_eq!(Bins::default().percentile(0.5), None);
    }

    #[test]
    fn a_percentile_is_no_duration_that_nobody_took() {
        // All in one bin, above its middle; all below it; one that is alone.
        for durations in [vec![101, 102, 103, 106], vec![91, 92, 93], vec![101], vec![0, 0]] {
            let mut bins = Bins::default();
            durations
                .iter()
                .for_each(|ms| bins.add(bin(f64::from(*ms)), 1, 1, i64::from(*ms), i64::from(*ms)));
            let (least, most) = (durations[0], durations[durations.len() - 1]);
            for part in [0.5, 0.95, 0.99] {
                let found = bins.percentile(part).unwrap();
                assert!(
                    (i64::from(least)..=i64::from(most)).contains(&found),
                    "{durations:?}: {found}"
                );
            }
        }
        // A shorter bin below: the longest of the bin bounds it still.
        let mut bins = Bins::default();
        bins.add(bin(10.0), 1, 1, 10, 10);
        bins.add(bin(92.0), 9, 9, 9 * 92, 92);
        assert_eq!((bins.percentile(0.5), bins.percentile(0.99)), (Some(92), Some(92)));
    }

    #[test]
    fn the_middle_and_the_mean_are_both_within_a_tenth() {
        // The median at the lower edge of the lowest bin, the rest at its upper one.
        let mut bins = Bins::default();
        bins.add(bin(1025.0), 10, 10, 5 * 1025 + 5 * 1216, 1216);
        let found = bins.percentile(0.5).unwrap() as f64;
        assert_eq!(bin(1025.0), bin(1216.0));
        assert!((found - 1025.0) / 1025.0 <= WITHIN, "{found}");
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
