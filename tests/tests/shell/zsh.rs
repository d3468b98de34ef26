//! In zsh itself: keys on a terminal.

use super::{Place, TREACHEROUS, TREACHEROUS_IN_QUOTES, database, line_after, shell};
use expectrl::Expect;
use expectrl::session::OsSession;
use std::path::Path;

/// An interactive zsh that completes, and shows its line at `^Xq`.
fn terminal(place: &Place, zsh: &Path) -> OsSession {
    let mut terminal = place.terminal(zsh, &["-f", "-i"], &database().url);
    for line in [
        "autoload -U compinit; compinit -u -d dump",
        "source <(toygres completions zsh)",
        "show() { print -r -- \"<\"\"<$BUFFER>\"\">\" }; zle -N show; bindkey '^Xq' show",
    ] {
        terminal.send_line(line).unwrap();
    }
    terminal
}

#[test]
fn the_key_itself_completes_on_a_terminal() {
    let Some(zsh) = shell("zsh") else { return };
    let place = Place::new();
    let mut terminal = terminal(&place, &zsh);
    for (typed, line) in [
        ("toygres server drif\t", "toygres server drift "),
        (
            "toygres server orchestration health-alone-00000001::sub::4::\t",
            "toygres server orchestration health-alone-00000001::sub::4::sub::2 ",
        ),
        (
            "toygres server orchestrations --status=fa\t",
            "toygres server orchestrations --status=failed ",
        ),
        ("toygres server db-query --file bi\t", "toygres server db-query --file bin/"),
        // A quote that is open.
        ("toygres server \"drif\t", "toygres server \"drift\" "),
        ("toygres server 'drif\t", "toygres server 'drift' "),
        ("toygres 'server' \"drif\t", "toygres 'server' \"drift\" "),
        ("toygres plugin install \"bin/to\t", "toygres plugin install \"bin/toygres\" "),
        (
            "toygres server orchestrations --status=\"fa\t",
            "toygres server orchestrations --status=failed ",
        ),
        // What is the same in all candidates.
        ("toygres server orches\t", "toygres server orchestration"),
        (
            "toygres server orchestration nothing-like-it\t",
            "toygres server orchestration nothing-like-it",
        ),
    ] {
        assert_eq!(line_after(&mut terminal, typed), line, "{typed}");
    }
}

/// Whatever quote is open: the line that the key makes means the name, and runs nothing.
#[test]
fn a_name_is_quoted_for_the_quote_that_is_open() {
    let Some(zsh) = shell("zsh") else { return };
    let place = Place::new();
    let mut terminal = terminal(&place, &zsh);
    for id in TREACHEROUS_IN_QUOTES.into_iter().chain([TREACHEROUS]) {
        for quote in ["", "\"", "'"] {
            let typed = format!("toygres server orchestration {quote}{}", &id[..2]);
            let line = line_after(&mut terminal, &format!("{typed}\t"));
            assert!(line.starts_with(&typed) && line.ends_with(' '), "{typed}: {line}");
            // As an interactive zsh reads it, where `!` means an old line; its prompts go elsewhere.
            let said = "toygres() { printf %s \"$argv[-1]\" }";
            std::fs::write(place.path().join("line"), format!("{said}\n{line}\n")).unwrap();
            let read = "zsh -f -i -s < line 2> said";
            assert_eq!(place.script(&zsh, &["-f", "-c"], "", read), id, "{typed}: {line}");
        }
    }
    assert!(!place.path().join("done").exists());
}

#[test]
fn the_script_is_a_function_of_fpath_too() {
    let Some(zsh) = shell("zsh") else { return };
    let place = Place::new();
    let script = "mkdir functions && toygres completions zsh > functions/_toygres && \
                  fpath=($PWD/functions $fpath) && autoload -U compinit && compinit -u -d dump && \
                  print -r -- $_comps[toygres]";
    assert_eq!(place.script(&zsh, &["-f", "-c"], "", script), "_toygres\n");
}
