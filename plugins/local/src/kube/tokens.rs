//! Who may ask.

use std::fmt;
use subtle::{Choice, ConstantTimeEq};

/// The tokens of those who may do everything; others may do nothing.
#[derive(Clone)]
pub(crate) struct Tokens {
    known: Vec<String>,
}

impl Tokens {
    /// These tokens; empty ones are none.
    pub(crate) fn new<T: Into<String>>(tokens: impl IntoIterator<Item = T>) -> Self {
        let known = tokens.into_iter().map(Into::into).filter(|token| !token.is_empty()).collect();
        Self { known }
    }

    /// Whether an `Authorization` header holds one of them. How long this takes does not tell which
    /// letters are right.
    pub(super) fn allow(&self, header: Option<&str>) -> bool {
        let Some((scheme, token)) = header.and_then(|header| header.trim().split_once(' ')) else {
            return false;
        };
        let token = token.trim().as_bytes();
        let mut known = Choice::from(0);
        for one in &self.known {
            known |= one.as_bytes().ct_eq(token);
        }
        scheme.eq_ignore_ascii_case("bearer") && known.into()
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens({})", self.known.len())
    }
}

#[cfg(test)]
mod tests {
    use super::Tokens;

    #[test]
    fn only_a_whole_token_opens() {
        let tokens = Tokens::new(["secret", "other", ""]);
        for yes in ["Bearer secret", "bearer other", "Bearer  secret "] {
            assert!(tokens.allow(Some(yes)), "{yes}");
        }
        for no in
            ["", "Bearer", "Bearer ", "Bearer secre", "Bearer secrets", "Basic secret", "secret"]
        {
            assert!(!tokens.allow(Some(no)), "{no}");
        }
        assert!(!tokens.allow(None));
        assert_eq!(format!("{tokens:?}"), "Tokens(2)");
    }
}
