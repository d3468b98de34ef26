//! Where commands stand in a line that is shown: between backticks, behind a colon or a bullet, or
//! in a column of their own.

use std::ops::Range;

/// The programs whose commands are offered.
const PROGRAMS: &[&str] = &[
    "toygres",
    "kubectl",
    "psql",
    "rm",
    "chmod",
    "chown",
    "ls",
    "cd",
    "cargo",
    "curl",
    "kill",
    "minisign",
    "sudo",
    "systemctl",
    "tail",
];
/// What stands behind these words is a sentence, even where it begins with a program's name.
const SENTENCES: &[&str] = &["error:", "caused by:", "warning:", "note:"];

/// The commands of a line, as byte ranges. Escape sequences of colours may stand around them.
pub(super) fn spans(line: &str) -> Vec<Range<usize>> {
    let mut spans: Vec<Range<usize>> = Vec::new();
    let mut plain = String::new();
    let mut at = 0;
    while at < line.len() {
        let rest = &line[at..];
        if let Some(sequence) = colour(rest) {
            at += sequence;
            continue;
        }
        let is_offered = |close: &Option<char>| is_program(rest) || is_quoted(&plain, rest, *close);
        if let Some(close) = opening(&plain).filter(is_offered) {
            let end = at + length(rest, close);
            spans.push(at..end);
            plain.push_str(&line[at..end]);
            at = end;
            continue;
        }
        let Some(letter) = rest.chars().next() else { break };
        plain.push(letter);
        at += letter.len_utf8();
    }
    spans
}

/// The length of the escape sequence that the text begins with.
fn colour(text: &str) -> Option<usize> {
    let rest = text.strip_prefix("\u{1b}[")?;
    rest.find(|letter: char| letter.is_ascii_alphabetic()).map(|end| end + 3)
}

/// Whether a command may begin behind this text, and the quote that ends it.
fn opening(before: &str) -> Option<Option<char>> {
    if before.ends_with('`') {
        return Some(Some('`'));
    }
    if before.ends_with(" '") {
        return Some(Some('\''));
    }
    if !before.is_empty() && !before.ends_with(' ') {
        return None;
    }
    let text = before.trim_end();
    let is_column = before.ends_with("  ") && !text.is_empty();
    let is_bullet = text.trim_start() == "-";
    let is_after_colon = text.ends_with(':') && !SENTENCES.contains(&text.trim_start());
    (is_column || is_bullet || is_after_colon).then_some(None)
}

/// Whether a text begins with a program's name and an argument, or with a variable for one.
fn is_program(text: &str) -> bool {
    let word = text.split(' ').next().unwrap_or_default();
    if PROGRAMS.contains(&word) {
        return text.len() > word.len();
    }
    let Some((name, _)) = word.split_once('=') else { return false };
    let is_variable =
        !name.is_empty() && name.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_');
    is_variable && text.get(word.len() + 1..).is_some_and(is_program)
}

/// Whether a text between backticks begins here: options, SQL and names are pasted like commands.
fn is_quoted(before: &str, text: &str, close: Option<char>) -> bool {
    if close != Some('`') || text.starts_with(|first: char| first.is_whitespace()) {
        return false;
    }
    // One that closes stands behind what it closes.
    let before = before.strip_suffix('`').unwrap_or(before);
    let opens = before.is_empty() || before.ends_with([' ', '(', '\n']);
    opens && closing(text, '`', false).is_some()
}

/// The length of the command that the text begins with: up to the quote that closes it, else up to
/// what is no part of it.
fn length(text: &str, close: Option<char>) -> usize {
    match close {
        Some(quote) => {
            closing(text, quote, true).or_else(|| closing(text, quote, false)).unwrap_or(text.len())
        }
        None => unquoted(text),
    }
}

/// Where the quote stands that ends the command, outside of the command's own single quotes where
/// those are heeded.
fn closing(text: &str, quote: char, heeds_quotes: bool) -> Option<usize> {
    let mut is_inside = false;
    let mut is_escaped = false;
    for (at, letter) in text.char_indices() {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' if !is_inside && heeds_quotes => is_escaped = true,
            letter if letter == quote && !is_inside => return Some(at),
            '\'' if heeds_quotes && quote != '\'' => is_inside = !is_inside,
            _ => {}
        }
    }
    None
}

/// Up to the end of the line, to a word that ends in `;` or `,`, or to a remark in brackets.
fn unquoted(text: &str) -> usize {
    let mut is_inside = false;
    let mut is_escaped = false;
    let mut before = ' ';
    for (at, letter) in text.char_indices() {
        let ends = matches!(before, ';' | ',') && letter == ' ' || before == ' ' && letter == '(';
        if ends && !is_inside {
            return text[..at].trim_end().len();
        }
        match letter {
            '\u{1b}' => return text[..at].trim_end().len(),
            _ if is_escaped => is_escaped = false,
            '\\' if !is_inside => is_escaped = true,
            '\'' => is_inside = !is_inside,
            _ => {}
        }
        before = letter;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::spans;

    #[test]
    fn commands_are_found_where_they_are_offered() {
        for (line, commands) in [
            (
                "see `toygres get a b`; undo it with `toygres delete a`",
                &["toygres get a b", "toygres delete a"][..],
            ),
            ("Use 'toygres server sync' for it", &["toygres server sync"]),
            ("see `toygres get 'a`b'` and more", &["toygres get 'a`b'"]),
            ("see `toygres get it's` and more", &["toygres get it's"]),
            (r"run: rm -- 'a b'\''; c'; then go on", &[r"rm -- 'a b'\''; c';"]),
            ("  - kubectl get pods (all of them)", &["kubectl get pods"]),
            ("Look:   TOYGRES_HOME=x toygres get a", &["TOYGRES_HOME=x toygres get a"]),
            ("\u{1b}[36mhint:\u{1b}[39m \u{1b}[2mtoygres get a\u{1b}[0m", &["toygres get a"]),
            ("or go on with `--cursor 'a b'`", &["--cursor 'a b'"]),
            ("error: toygres get a", &[]),
            ("toygres lends this command reading only", &[]),
            ("the program `toygres` and `ls`, which", &["toygres", "ls"]),
            (
                "run (`docker run --shm-size=1g x`) and `GRANT a`.",
                &["docker run --shm-size=1g x", "GRANT a"],
            ),
            ("a`b c` d `e", &[]),
        ] {
            let found: Vec<&str> = spans(line).into_iter().map(|span| &line[span]).collect();
            assert_eq!(found, commands, "{line}");
        }
    }
}
