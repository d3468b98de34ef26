//! Which schemas this release knows: a diagnostic tells by them whether a deployment is behind or
//! ahead.

/// The newest migration of the CMS that this release applies.
pub const CMS_SCHEMA: i64 = 5;

/// The newest migration of duroxide's schema that this release was made with.
pub const DUROXIDE_SCHEMA: i64 = 26;

/// Where a schema stands beside what this release knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// As known.
    Current,
    /// It has fewer migrations.
    Behind,
    /// It has more: a newer release was here.
    Ahead,
}

/// Compares.
#[must_use]
pub fn standing(found: i64, known: i64) -> Standing {
    match found.cmp(&known) {
        std::cmp::Ordering::Equal => Standing::Current,
        std::cmp::Ordering::Less => Standing::Behind,
        std::cmp::Ordering::Greater => Standing::Ahead,
    }
}

#[cfg(test)]
mod tests {
    use super::{Standing, standing};

    #[test]
    fn schemas_are_compared_by_their_newest_migration() {
        assert_eq!(standing(3, 3), Standing::Current);
        assert_eq!(standing(2, 3), Standing::Behind);
        assert_eq!(standing(9001, 26), Standing::Ahead);
    }
}
