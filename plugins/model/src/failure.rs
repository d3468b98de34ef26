//! The stored failures of activities: the mark at the front by which a workflow knows whether to try
//! again, and the reason behind it, which is all that people should read.

/// Begins a failure that may be gone a moment later.
pub const TRANSIENT: &str = "passing: ";
/// Begins a failure of the process that ran the activity: it had no descriptor or memory left.
pub const EXHAUSTED: &str = "exhausted: ";

/// Returns the failure without its mark.
#[must_use]
pub fn reason(failure: &str) -> &str {
    let plain = failure.strip_prefix(TRANSIENT).or_else(|| failure.strip_prefix(EXHAUSTED));
    plain.unwrap_or(failure)
}

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn the_mark_is_removed_and_nothing_else() {
        for (stored, shown) in [
            ("passing: the API server is away", "the API server is away"),
            ("exhausted: too many open files", "too many open files"),
            ("no such image", "no such image"),
            ("waiting, passing: x", "waiting, passing: x"),
        ] {
            assert_eq!(reason(stored), shown);
        }
    }
}
