//! Running other programs.

use std::process::Command;

/// What went wrong, in one line.
pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Runs it with our own input and output; it must succeed.
pub(crate) fn run(command: &mut Command) -> Result {
    let status = status(command)?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{} ended with {status}", said(command)).into())
}

/// Runs it with our own input and output.
pub(crate) fn status(command: &mut Command) -> Result<std::process::ExitStatus> {
    Ok(command.status().map_err(|error| format!("{} does not start: {error}", said(command)))?)
}

/// The same cargo that runs this.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn said(command: &Command) -> String {
    let program = command.get_program().to_string_lossy().into_owned();
    let args = command.get_args().map(|arg| arg.to_string_lossy().into_owned());
    let words: Vec<String> = std::iter::once(program).chain(args).collect();
    format!("`{}`", words.join(" "))
}
