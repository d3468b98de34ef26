//! In bash itself: its completion function as bash calls it, and keys on a terminal.

use super::{Place, TREACHEROUS, TREACHEROUS_IN_QUOTES, database, line_after, shell};
use expectrl::Expect;
use expectrl::session::OsSession;
use std::path::Path;

/// What bash would put in the place of the word under the cursor, for a line that ends there.
fn completed(place: &Place, bash: &Path, url: &str, line: &str) -> Vec<String> {
    // Bash breaks its words as readline does: at blanks, and `:` and `=` are words of their own.
    let script = r#"
        source <(toygres completions bash)
        COMP_LINE=$LINE_TYPED COMP_POINT=${#LINE_TYPED} COMP_WORDS=()
        rest=$LINE_TYPED
        while [[ $rest =~ ^([[:space:]]*)([:=]+|[^[:space:]:=]+) ]]; do
            COMP_WORDS+=("${BASH_REMATCH[2]}")
            rest=${rest:${#BASH_REMATCH[0]}}
        done
        last=${COMP_WORDS[${#COMP_WORDS[@]} - 1]}
        if [[ $LINE_TYPED == *[[:space:]] ]]; then COMP_WORDS+=(""); last=""; fi
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        [[ $last == [:=]* ]] && last=""
        _toygres toygres "$last" ""
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let mut command = place.command(bash, url);
    let output = command.env("LINE_TYPED", line).args(["--norc", "-c", script]).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(text(&output.stderr), "", "{line}");
    let said = text(&output.stdout);
    said.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn words_are_put_together_again_where_bash_breaks_them() {
    let Some(bash) = shell("bash") else { return };
    let (place, url) = (Place::new(), database().url.as_str());
    for (line, expected) in [
        ("toygres server orch", &["orchestration", "orchestrations"][..]),
        ("toygres server orchestrations --status=fa", &["failed"]),
        ("toygres server orchestrations --status fa", &["failed"]),
        ("  toygres   server orchestration create-db119", &["create-db119-00000077"]),
        ("toygres server orchestration health-alone-00000001::", &["sub::4::sub::2", "sub::4"]),
        ("toygres server orchestration health-alone-00000001::sub::4:", &[":sub::2"]),
        ("toygres server orchestration health-alone-00000001::sub::4::su", &["sub::2"]),
        ("toygres server logs --orchestration=health-alone-00000001::sub::4::", &["sub::2"]),
        ("toygres server orchestration nothing-like-it", &[]),
    ] {
        assert_eq!(completed(&place, &bash, url, line), expected, "{line}");
    }
    assert_eq!(completed(&place, &bash, "postgres://127.0.0.1:1/d", "toygres get "), [""; 0]);
}

#[test]
fn what_a_name_holds_is_not_run() {
    let Some(bash) = shell("bash") else { return };
    let place = Place::new();
    let offered = completed(&place, &bash, &database().url, "toygres server orchestration treach");
    let [word] = offered.as_slice() else { panic!("{offered:?}") };
    // As a word of a line it is the name again.
    let script = format!("printf '%s' {word}");
    assert_eq!(place.script(&bash, &["--norc", "-c"], "", &script), TREACHEROUS);
    assert!(!place.path().join("done").exists());
}

/// An interactive bash that completes, and shows its line at `^Xq`.
fn terminal(place: &Place, bash: &Path) -> OsSession {
    let mut terminal = place.terminal(bash, &["--norc", "--noprofile", "-i"], &database().url);
    terminal.send_line("source <(toygres completions bash)").unwrap();
    // The line is shown between marks that are typed apart, so that their echo is none.
    let show = r#"bind -x '"\C-xq": printf "\n%s%s%s\n" "<" "<$READLINE_LINE>" ">"'"#;
    terminal.send_line(show).unwrap();
    terminal
}

/// The last word of a line, as a bash reads it that has old lines to put in the place of `!`.
#[track_caller]
fn last_word(place: &Place, bash: &Path, line: &str) -> String {
    let script = place.path().join("line");
    let last = "toygres() { printf %s \"${@: -1}\"; }";
    std::fs::write(&script, format!("set -o history -o histexpand\n{last}\n{line}\n")).unwrap();
    place.script(bash, &["--norc", "-c"], "", "HISTFILE= bash --norc -s < line")
}

/// The line after a tab, as readline has it then.
#[test]
fn the_key_itself_completes_on_a_terminal() {
    let Some(bash) = shell("bash") else { return };
    let place = Place::new();
    let mut terminal = terminal(&place, &bash);
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
    ] {
        assert_eq!(line_after(&mut terminal, typed), line, "{typed}");
    }
}

/// Whatever quote is open: the line that the key makes means the name, and runs nothing.
#[test]
fn a_name_is_quoted_for_the_quote_that_is_open() {
    let Some(bash) = shell("bash") else { return };
    let place = Place::new();
    let mut terminal = terminal(&place, &bash);
    for id in TREACHEROUS_IN_QUOTES.into_iter().chain([TREACHEROUS]) {
        for quote in ["", "\"", "'"] {
            for option in ["orchestration ", "logs --orchestration ", "logs --orchestration="] {
                let typed = format!("toygres server {option}{quote}{}", &id[..2]);
                let line = line_after(&mut terminal, &format!("{typed}\t"));
                assert!(line.starts_with(&typed) && line.ends_with(' '), "{typed}: {line}");
                let word = last_word(&place, &bash, &line);
                let word = word.strip_prefix("--orchestration=").unwrap_or(&word);
                assert_eq!(word, id, "{typed}: {line}");
            }
        }
    }
    assert!(!place.path().join("done").exists());
    // A folder stays open for what is in it, in quotes that readline closes.
    std::fs::create_dir(place.path().join("a folder")).unwrap();
    std::fs::write(place.path().join("a folder/query.sql"), "").unwrap();
    let typed = "toygres server db-query --file \"a fo\t";
    assert_eq!(line_after(&mut terminal, typed), "toygres server db-query --file \"a folder/\"");
    let typed = "toygres server db-query --file \"a fo\tqu\t";
    let line = line_after(&mut terminal, typed);
    assert_eq!(last_word(&place, &bash, &line), "a folder/query.sql", "{line}");
}
