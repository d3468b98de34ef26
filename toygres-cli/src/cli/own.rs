//! The host's own commands about its own command line: help, manual pages, completion.

use crate::complete::Shell;
use clap::builder::EnumValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use std::ffi::OsString;
use std::path::PathBuf;

/// `help`, `completions` and, for packagers, `man`.
pub(super) fn commands() -> [Command; 3] {
    [
        Command::new("help")
            .about("Show the help of a command")
            .arg(words("The command, such as `server orchestrations`")),
        Command::new("completions")
            .about("Write the completion script of a shell")
            .long_about(
                "Write the completion script of a shell.\n\nThe script asks toygres at every press \
                 of the key: it knows the plugins that are there then, and needs not be written \
                 again when one is installed.",
            )
            .arg(
                Arg::new("shell")
                    .value_name("SHELL")
                    .help("The shell")
                    .required(true)
                    .value_parser(EnumValueParser::<Shell>::new()),
            )
            .args(crate::complete::asked::arguments())
            .after_help(
                "Examples:\n  source <(toygres completions bash)    # in ~/.bashrc\n  \
                 source <(toygres completions zsh)     # in ~/.zshrc, below compinit\n  \
                 toygres completions fish > ~/.config/fish/completions/toygres.fish\n  \
                 toygres completions powershell | Out-String | Invoke-Expression",
            ),
        Command::new("man")
            .about("Write the manual pages of the commands that are there")
            .hide(true)
            .arg(
                Arg::new("dir")
                    .long("dir")
                    .value_name("FOLDER")
                    .help("Write every page into this folder")
                    .value_parser(value_parser!(PathBuf))
                    .conflicts_with("command"),
            )
            .arg(words("The command whose page is written to stdout")),
    ]
}

fn words(help: &'static str) -> Arg {
    Arg::new("command")
        .value_name("COMMAND")
        .help(help)
        .num_args(0..)
        .action(ArgAction::Append)
        .value_parser(value_parser!(String))
}

/// The words that name a command.
pub(crate) fn words_of(matches: &ArgMatches) -> Vec<String> {
    matches.get_many::<String>("command").into_iter().flatten().cloned().collect()
}

/// What was typed for `help COMMAND`, as if `--help` had been: the same page at every depth.
pub(super) fn as_help(program: Option<&OsString>, words: Vec<String>) -> Vec<OsString> {
    let program = program.cloned().unwrap_or_else(|| "toygres".into());
    let words = words.into_iter().map(OsString::from);
    [program].into_iter().chain(words).chain(["--help".into()]).collect()
}
