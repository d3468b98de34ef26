//! The token: one's own, or one that is made and kept in the home folder.

use crate::process::home::{self, Home};
use crate::process::settings::Settings;
use rustix::rand::{GetRandomFlags, getrandom};
use std::fs::{self, Permissions};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Context, Error, Result, text_file};

/// In a folder where anybody may replace files, no token is kept: no client would take it from there.
fn refuse_open_folder(path: &Path) -> Result<()> {
    const STICKY: u32 = 0o1000;
    let folder = path.parent().unwrap_or(path);
    let mode = fs::metadata(folder).map_or(0, |data| data.permissions().mode());
    if mode & 0o002 == 0 || mode & STICKY != 0 {
        return Ok(());
    }
    let close = ShellCommand::new("chmod").arg("o-w").arg(folder);
    Err(Error::failed(format!(
        "anybody may write to {}, so the API's token cannot be kept there",
        folder.display()
    ))
    .hint(format!("close it with `{close}`, or set `TOYGRES_API_TOKEN`")))
}

/// What a request must bring.
#[derive(Clone)]
pub(crate) struct Token(Arc<str>);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(***)")
    }
}

/// A token that others on the network may try must be at least so long.
const SHORTEST: usize = 16;

impl Token {
    /// This token.
    pub(crate) fn new(token: &str) -> Self {
        Self(token.into())
    }

    /// The token of the settings; where none is set, that of the home folder, which is made if it
    /// is not there.
    ///
    /// # Errors
    /// When the API would listen beyond this machine without a token of its operator's own.
    pub(crate) async fn find(
        ctx: &Context,
        settings: &Settings,
        home: &Home,
        bind: IpAddr,
    ) -> Result<Self> {
        if settings.is_set("api.token") {
            let token = ctx.config().reveal("api.token").await?.unwrap_or_default();
            return Self::own(&token, bind);
        }
        if !bind.is_loopback() {
            return Err(Error::usage(format!(
                "listening on {bind} needs a token of your own: others can reach it"
            ))
            .hint("set `TOYGRES_API_TOKEN` to a secret, or leave `--bind` out"));
        }
        Self::kept(&home.token_file())
    }

    fn own(token: &str, bind: IpAddr) -> Result<Self> {
        let printable = token.bytes().all(|byte| byte.is_ascii_graphic());
        let long = token.len() >= SHORTEST || bind.is_loopback();
        if token.is_empty() || !printable || !long {
            return Err(Error::usage("the API's token cannot be taken").hint(format!(
                "give at least {SHORTEST} printable ASCII characters without blanks, such as what \
                 `openssl rand -hex 32` prints"
            )));
        }
        Ok(Self::new(token))
    }

    /// The token of a file; made where it is not there.
    fn kept(path: &Path) -> Result<Self> {
        let named = |error: std::io::Error| {
            Error::failed(format!("the token's file {} cannot be used", path.display()))
                .cause(&error)
                .hint(
                    home::room(path, &error)
                        .unwrap_or_else(|| "check who owns it with: ls -l".into()),
                )
        };
        refuse_open_folder(path)?;
        if !path.exists() {
            let made = generated().map_err(named)?;
            if home::create(path, &format!("{made}\n"), 0o600).map_err(named)? {
                return Ok(Self::new(&made));
            }
        }
        let data = fs::metadata(path).map_err(named)?;
        if data.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(named)?;
            tracing::warn!("others could read {}; they cannot any more", path.display());
        }
        let bytes = fs::read(path).map_err(named)?;
        let text = text_file::decode(bytes).map_err(std::io::Error::other).map_err(named)?;
        let token = text.lines().next().unwrap_or_default().trim();
        if token.len() < SHORTEST {
            return Err(Error::failed(format!("{} holds no token", path.display())).hint(format!(
                "remove it, and one is made: {}",
                ShellCommand::new("rm").arg(path)
            )));
        }
        Ok(Self::new(token))
    }

    /// The token itself, to be kept out of the log.
    pub(crate) fn secret(&self) -> &str {
        &self.0
    }

    /// Whether this is it; how long that takes tells nothing of where it differs.
    pub(crate) fn is(&self, given: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(given).into()
    }
}

/// 32 random bytes in hex.
fn generated() -> std::io::Result<String> {
    let mut bytes = [0; 32];
    let mut filled = 0;
    while filled < bytes.len() {
        filled += getrandom(&mut bytes[filled..], GetRandomFlags::empty())?;
    }
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::{Token, generated};
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_token_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("api-token");
        let first = Token::kept(&path).unwrap();
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!((first.secret().len(), mode()), (64, 0o600));
        fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        assert_eq!(Token::kept(&path).unwrap().secret(), first.secret());
        assert_eq!(mode(), 0o600);
        assert!(first.is(first.secret().as_bytes()));
        assert!(!first.is(b"") && !first.is(&first.secret().as_bytes()[..63]));
        assert_ne!(generated().unwrap(), generated().unwrap());
        fs::write(&path, "short\n").unwrap();
        assert!(Token::kept(&path).unwrap_err().message.contains("holds no token"));
    }

    #[test]
    fn no_token_is_kept_where_anybody_may_replace_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("api-token");
        for (mode, is_kept) in [(0o777, false), (0o757, false), (0o1777, true), (0o755, true)] {
            fs::set_permissions(folder.path(), PermissionsExt::from_mode(mode)).unwrap();
            assert_eq!(Token::kept(&path).is_ok(), is_kept, "{mode:o}");
            assert_eq!(path.exists(), is_kept, "{mode:o}");
        }
    }

    #[test]
    fn a_token_of_ones_own_must_be_fit_for_the_network() {
        let (here, everywhere) = ("127.0.0.1".parse().unwrap(), "0.0.0.0".parse().unwrap());
        assert!(Token::own("short", here).is_ok());
        for (token, bind) in [("short", everywhere), ("", here), ("a b", here), ("ä", here)] {
            assert!(Token::own(token, bind).is_err(), "{token}");
        }
        assert!(Token::own("0123456789abcdef", everywhere).is_ok());
    }
}
