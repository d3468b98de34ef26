//! The password of an instance whose Secret is missing: from a file, or typed without being shown.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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

    /// One that was made here.
    pub(super) fn generated(text: String) -> Self {
        Self(text)
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
    /// `refused` where there is no terminal, or the operator is not at this one; `interrupted`.
    pub(crate) async fn asked(ctx: &Context, k8s_name: &str) -> Result<Self> {
        let hint = "give it with `--password-file FILE`";
        if ctx.output().away {
            // This process's terminal is not that of whoever asked.
            return Err(Error::refused(format!(
                "the password of `{k8s_name}` is needed and cannot be asked for from elsewhere"
            ))
            .hint(hint));
        }
        let terminal =
            File::options().read(true).write(true).open("/dev/tty").map_err(|error| {
                Error::refused(format!(
                    "the password of `{k8s_name}` is needed and there is no terminal"
                ))
                .cause(error)
                .hint(hint)
            })?;
        let before = tcgetattr(&terminal).map_err(std::io::Error::from)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&terminal, OptionalActions::Flush, &hidden).map_err(std::io::Error::from)?;
        let (mut asks, reads) = (terminal.try_clone()?, terminal.try_clone()?);
        write!(asks, "Password of the superuser of `{k8s_name}`: ")?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let mut typing = tokio::task::spawn_blocking(move || typed(reads, &stopped));
        let typed = tokio::select! {
            typed = &mut typing => typed,
            () = ctx.cancelled() => {
                // A thread that went on reading would keep the process from ending.
                stop.store(true, Ordering::Relaxed);
                typing.await
            }
        };
        // Whatever happened, what is typed is seen again.
        tcsetattr(&terminal, OptionalActions::Flush, &before).map_err(std::io::Error::from)?;
        writeln!(asks)?;
        let interrupted = || Error::new(toygres_plugin_api::ErrorKind::Interrupted, "interrupted");
        Self::checked(typed??.ok_or_else(interrupted)?)
    }

    fn checked(text: String) -> Result<Self> {
        request::password(&text)
            .map_err(|refusal| Error::usage(refusal.message).hint(refusal.hint))?;
        Ok(Self(text))
    }
}

/// 128 random bits as letters and digits, which need no escaping anywhere.
///
/// # Errors
/// The system's.
pub(super) fn random_text() -> Result<String> {
    let mut bytes = [0_u8; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// How long a line is waited for before it is looked whether anybody waits for it still.
const LOOK_UP: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// The line that is typed; none where it is waited for no more.
fn typed(terminal: File, stop: &AtomicBool) -> std::io::Result<Option<String>> {
    while !stop.load(Ordering::Relaxed) {
        // A terminal has something to read once a line is whole.
        match poll(&mut [PollFd::new(&terminal, PollFlags::IN)], Some(&LOOK_UP)) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return line(BufReader::new(terminal)).map(Some),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
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
