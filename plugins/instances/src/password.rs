//! The password of a new instance: typed, from a file, or from the environment.

use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use toygres_model::request;
use toygres_plugin_api::shell::ShellCommand;
use toygres_plugin_api::{Context, Error, Result, text_file};

/// The variable that is read where no option says otherwise.
pub(crate) const VARIABLE: &str = "TOYGRES_PASSWORD";

/// No password is longer; a file that is, is another file.
const MAX_PASSWORD_BYTES: u64 = 4096;

/// The password as given, checked; `None` leaves it to the control plane to make one.
///
/// # Errors
/// When it cannot be read, or cannot be a password; none of it is in the message.
pub(crate) async fn given(
    ctx: &Context,
    typed: Option<String>,
    file: Option<&Path>,
) -> Result<Option<String>> {
    let password = match (typed, file) {
        (Some(typed), _) => {
            ctx.ui().note(SEEN).await;
            Some(typed)
        }
        (None, Some(file)) => Some(from_file(ctx, file).await?),
        (None, None) => from_environment()?,
    };
    if let Some(password) = &password {
        request::password(password)
            .map_err(|refusal| Error::usage(refusal.message).hint(refusal.hint))?;
    }
    Ok(password)
}

/// The variable, where it is set.
///
/// # Errors
/// When it is not UTF-8: a password that was meant is not replaced by one that is made.
fn from_environment() -> Result<Option<String>> {
    let Some(value) = std::env::var_os(VARIABLE) else { return Ok(None) };
    let text = value.into_string().map_err(|_| {
        Error::usage(format!("invalid value of `{VARIABLE}`: not UTF-8"))
            .hint(format!("set `{VARIABLE}` to text in UTF-8, or unset it"))
    })?;
    Ok(Some(text))
}

const SEEN: &str = "what is typed can be seen in the list of processes and in the shell's history; \
    give a file with `--password-file`, `-` for standard input, or set TOYGRES_PASSWORD";

/// The file's one line, without its end; `-` is standard input.
async fn from_file(ctx: &Context, file: &Path) -> Result<String> {
    let text = if file == Path::new("-") {
        if std::io::stdin().is_terminal() {
            ctx.ui().note("reading the password from the terminal, up to the end of a line").await;
        }
        first_line(std::io::stdin(), file)
    } else {
        warn_of_readers(ctx, file).await;
        text_file::read(file, MAX_PASSWORD_BYTES)
    };
    let text = text.map_err(|error| {
        error.hint("give a file with the password alone in it, or `-` for standard input")
    })?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// Standard input may stay open behind the line.
fn first_line(from: impl Read, name: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    let read = BufReader::new(from.take(MAX_PASSWORD_BYTES)).read_until(b'\n', &mut bytes);
    read.map_err(|error| Error::usage("the password cannot be read").cause(error))?;
    text_file::read_from(bytes.as_slice(), name, MAX_PASSWORD_BYTES)
}

async fn warn_of_readers(ctx: &Context, file: &Path) {
    let found = std::fs::metadata(file);
    // A folder or a device is not the password's alone: its mode is not to be touched.
    if found.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o077 != 0) {
        let close = ShellCommand::new("chmod 600").arg(file);
        ctx.ui().warn(format!("others can read `{}`; see `{close}`", file.display())).await;
    }
}

#[cfg(test)]
mod tests {
    use super::{first_line, given};
    use std::os::unix::fs::PermissionsExt;
    use toygres_plugin_api::testing::TestHost;

    #[tokio::test]
    async fn a_file_is_one_line_and_better_read_by_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        for (mode, warnings) in [(0o600, 0), (0o644, 1)] {
            std::fs::write(&file, "\u{feff}se cret\r\n").unwrap();
            std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
            let host = TestHost::new();
            let password = given(&host.context(), None, Some(&file)).await.unwrap();
            assert_eq!(password.as_deref(), Some("se cret"));
            assert_eq!(host.notes().len(), warnings, "{mode:o}");
        }
    }

    #[tokio::test]
    async fn the_mode_of_what_is_no_file_is_let_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        for path in [folder.path(), std::path::Path::new("/dev/null")] {
            let host = TestHost::new();
            let _refused = given(&host.context(), None, Some(path)).await;
            assert!(host.notes().is_empty(), "{}", path.display());
        }
    }

    #[tokio::test]
    async fn what_cannot_be_a_password_is_refused_without_a_word_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "canary\ncanary\n").unwrap();
        let context = TestHost::new().context();
        let error = given(&context, None, Some(&file)).await.unwrap_err();
        assert!(error.message.contains("line break"), "{error:?}");
        assert!(!format!("{error:?}").contains("canary"));
        let error = given(&context, Some(String::new()), None).await.unwrap_err();
        assert!(error.hint.unwrap().contains("generated"));
        let missing = given(&context, None, Some(&folder.path().join("none"))).await.unwrap_err();
        assert_eq!(missing.causes.len(), 1);
    }

    #[test]
    fn standard_input_ends_at_the_line() {
        assert_eq!(first_line(&b"secret\nmore"[..], "-".as_ref()).unwrap(), "secret\n");
        assert_eq!(first_line(&b"secret"[..], "-".as_ref()).unwrap(), "secret");
        assert!(first_line(&b"\xff\n"[..], "-".as_ref()).is_err());
    }
}
