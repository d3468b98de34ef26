//! In zsh itself: keys on a terminal.

use super::{Place, database, line_after, shell};
use expectrl::Expect;

#[test]
fn the_key_itself_completes_on_a_terminal() {
    let Some(zsh) = shell("zsh") else { return };
    let place = Place::new();
    let mut terminal = place.terminal(&zsh, &["-f", "-i"], &database().url);
    for line in [
        "autoload -U compinit; compinit -u -d dump",
        "source <(toygres completions zsh)",
        "show() { print -r -- \"<\"\"<$BUFFER>\"\">\" }; zle -N show; bindkey '^Xq' show",
    ] {
        terminal.send_line(line).unwrap();
    }
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

#[test]
fn the_script_is_a_function_of_fpath_too() {
    let Some(zsh) = shell("zsh") else { return };
    let place = Place::new();
    let script = "mkdir functions && toygres completions zsh > functions/_toygres && \
                  fpath=($PWD/functions $fpath) && autoload -U compinit && compinit -u -d dump && \
                  print -r -- $_comps[toygres]";
    assert_eq!(place.script(&zsh, &["-f", "-c"], "", script), "_toygres\n");
}
