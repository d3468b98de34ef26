//! The operator's confirmation as a value: made once, checked wherever something is changed.

use std::sync::{Arc, Mutex, PoisonError};
use toygres_plugin_api::{Confirmed, Error, Result};

/// The confirmations of one run.
#[derive(Debug, Clone, Default)]
pub struct Grants(Arc<Mutex<Option<String>>>);

/// Proof that the operator confirmed. Only [`Grants::check`] makes one.
#[derive(Debug)]
pub struct Granted(());

impl Grants {
    /// The operator confirmed: from now on this run may change things with the token. A second
    /// confirmation gives the same one, so that what holds it goes on.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn issue(&self) -> Result<Confirmed> {
        let mut issued = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = issued.clone() {
            return Ok(Confirmed { token });
        }
        let mut bytes = [0_u8; 16];
        std::fs::File::open("/dev/urandom")
            .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut bytes))
            .map_err(|error| Error::failed("no randomness for a confirmation").cause(error))?;
        let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        *issued = Some(token.clone());
        Ok(Confirmed { token })
    }

    /// Proof, where the token is this run's own.
    ///
    /// # Errors
    /// `refused` where it is not.
    pub fn check(&self, confirmed: &Confirmed) -> Result<Granted> {
        let issued = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if issued.as_deref() == Some(confirmed.token.as_str()) {
            return Ok(Granted(()));
        }
        Err(Error::refused("the plugin tried to change something that nobody confirmed"))
    }
}

#[cfg(test)]
mod tests {
    use super::Grants;
    use toygres_plugin_api::Confirmed;

    #[test]
    fn only_the_run_s_own_token_grants() {
        let grants = Grants::default();
        assert!(grants.check(&Confirmed { token: String::new() }).is_err());
        let confirmed = grants.issue().unwrap();
        assert!(grants.check(&confirmed).is_ok());
        assert_eq!(grants.issue().unwrap(), confirmed);
        assert!(Grants::default().check(&confirmed).is_err());
        assert!(grants.check(&Confirmed { token: "forged".to_owned() }).is_err());
    }
}
