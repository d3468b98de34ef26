//! Whose signature a library has: minisign, checked against keys that the operator or the machine
//! pinned.

use crate::fault::Fault;
use minisign_verify::{PublicKey, Signature};
use std::path::Path;
use toygres_plugin_api::{Error, Result};

/// A signature that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signed {
    /// The public key, as it was pinned.
    pub(super) key: String,
    /// What the signer says of the file, signed too.
    pub(super) comment: String,
}

/// Checks that one of `keys` signed the bytes. `signature` is what `FILE.minisig` holds, if it is
/// there; `path` is what a fault names.
///
/// # Errors
/// When there is no signature, it cannot be read, or is no good one of any of the keys.
pub(super) fn check(
    path: &Path,
    bytes: &[u8],
    signature: Option<&str>,
    keys: &[&str],
) -> Result<Signed> {
    let shown = keys.join(" or ");
    let Some(text) = signature else { return Err(Fault::unsigned(path, &shown).into()) };
    let signature =
        Signature::decode(text).map_err(|error| Fault::bad_signature(path, &shown, error))?;
    let mut wrong = None;
    for key in keys {
        let public = public(key)?;
        match public.verify(bytes, &signature, false) {
            Ok(()) => {
                let comment = signature.trusted_comment().to_owned();
                return Ok(Signed { key: (*key).to_owned(), comment });
            }
            // Of a key that did sign it, what is wrong says more than that others did not.
            Err(minisign_verify::Error::UnexpectedKeyId) => {}
            Err(minisign_verify::Error::UnexpectedAlgorithm) => {
                return Err(Fault::legacy_signature(path).into());
            }
            Err(error) => wrong = Some(error),
        }
    }
    Err(match wrong {
        Some(error) => Fault::bad_signature(path, &shown, error),
        None => Fault::other_signer(path, &shown, signer(text).as_deref()),
    }
    .into())
}

/// The key in the form in which it is pinned.
///
/// # Errors
/// When it is no minisign key.
pub(super) fn public(key: &str) -> Result<PublicKey> {
    PublicKey::from_base64(key.trim()).map_err(|error| {
        Error::usage(format!("`{key}` is no minisign public key"))
            .cause(error)
            .hint("give the line that begins with `RW`, of the file minisign.pub")
    })
}

/// The id of the key that made a signature, as minisign prints it.
fn signer(text: &str) -> Option<String> {
    use base64::Engine as _;
    let line = text.lines().nth(1)?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(line.trim()).ok()?;
    let id: [u8; 8] = bytes.get(2..10)?.try_into().ok()?;
    Some(format!("{:016X}", u64::from_le_bytes(id)))
}

#[cfg(test)]
mod tests {
    use super::check;
    use std::path::Path;

    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

    #[test]
    fn what_is_no_signature_or_no_key_is_an_answer() {
        let path = Path::new("/x.so");
        let none = check(path, b"test", None, &[KEY]).unwrap_err();
        assert!(none.message.contains("not signed"), "{}", none.message);
        let words = check(path, b"test", Some("just words"), &[KEY]).unwrap_err();
        assert!(words.message.contains("signature"), "{}", words.message);
        assert!(super::public("RWx").is_err());
    }
}
