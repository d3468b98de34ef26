//! The password of an instance whose Secret is missing: from a file, or typed without being shown.

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use toygres_model::request;
use toygres_plugin_api::{Context, Error, Result};

/// A password; it shows itself nowhere.
pub(crate) struct Password(String);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(***)")
    }
}

/// No password is longer; a file that is, is another file.
const MOST_BYTES: u64 = 4096;

impl Password {
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// The one line of a file; `-` is standard input.
    ///
    /// # Errors
    /// `usage` where it cannot be read, or cannot be a password.
    pub(crate) fn from_file(file: &Path) -> Result<Self> {
        let text = if file == Path::new("-") {
            line(std::io::stdin().lock())
        } else {
            File::open(file).and_then(|file| line(BufReader::new(file)))
        };
        let text = text.map_err(|error| {
            Error::usage(format!("`{}` cannot be read", file.display()))
                .cause(error)
                .hint("give a file with the password alone in it, or `-` for standard input")
        })?;
        Self::checked(text)
    }

    /// Asks on the terminal.
    ///
    /// # Errors
    /// `refused` where there is no terminal; `interrupted`.
    pub(crate) async fn asked(ctx: &Context, k8s_name: &str) -> Result<Self> {
        let terminal =
            File::options().read(true).write(true).open("/dev/tty").map_err(|error| {
                Error::refused(format!(
                    "the password of `{k8s_name}` is needed and there is no terminal"
                ))
                .cause(error)
                .hint("give it with `--password-file FILE`")
            })?;
        let before = tcgetattr(&terminal).map_err(std::io::Error::from)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&terminal, OptionalActions::Flush, &hidden).map_err(std::io::Error::from)?;
        let (mut asks, reads) = (terminal.try_clone()?, terminal.try_clone()?);
        write!(asks, "Password of the superuser of `{k8s_name}`: ")?;
        let typed = tokio::task::spawn_blocking(move || line(BufReader::new(reads)));
        let typed = tokio::select! {
            typed = typed => Some(typed),
            () = ctx.cancelled() => None,
        };
        // Whatever happened, what is typed is seen again.
        tcsetattr(&terminal, OptionalActions::Flush, &before).map_err(std::io::Error::from)?;
        writeln!(asks)?;
        let interrupted = || Error::new(toygres_plugin_api::ErrorKind::Interrupted, "interrupted");
        Self::checked(typed.ok_or_else(interrupted)???)
    }

    fn checked(text: String) -> Result<Self> {
        request::password(&text)
            .map_err(|refusal| Error::usage(refusal.message).hint(refusal.hint))?;
        Ok(Self(text))
    }
}

/// The first line, without its end.
fn line(from: impl BufRead) -> std::io::Result<String> {
    let mut text = String::new();
    from.take(MOST_BYTES).read_line(&mut text)?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::Password;

    #[test]
    fn a_file_s_line_is_the_password_and_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "se cret\r\n").unwrap();
        let password = Password::from_file(&file).unwrap();
        assert_eq!(password.text(), "se cret");
        assert!(!format!("{password:?}").contains("cret"));
        std::fs::write(&file, "\n").unwrap();
        assert!(Password::from_file(&file).is_err());
    }
}
