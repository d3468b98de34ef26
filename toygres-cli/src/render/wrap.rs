//! Lines that a terminal would break anywhere are broken between words, and never within a command.

mod commands;

use textwrap::core::{Word, display_width};
use textwrap::wrap_algorithms::wrap_first_fit;

/// Below this a hanging indent leaves no room for the words.
const NARROWEST: usize = 24;

/// Each line in at most `width` columns, what follows its first piece indented by `hang`; `None`
/// leaves lines as they are.
///
/// A command that can be pasted stays in one piece, whatever its width: the terminal itself goes on
/// in its next row then, which is no line break to whoever copies it. Any other word that is wider
/// than the line is broken.
#[must_use]
pub fn wrapped(text: &str, width: Option<usize>, hang: usize) -> String {
    let Some(width) = width.filter(|width| *width > 0) else { return text.to_owned() };
    // One column is left in any case, so that no piece passes for a line of its own.
    let hang = if width < hang + NARROWEST { usize::from(hang > 0 && width > 1) } else { hang };
    let margin = " ".repeat(hang);
    let mut whole = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        if display_width(line) <= width {
            whole.push_str(line);
        } else {
            let pieces = broken(line, width, width - hang);
            whole.push_str(&pieces.join(&format!("\n{margin}")));
        }
        whole.push_str(end);
    }
    whole
}

/// How many rows of a terminal of this width a line takes.
#[must_use]
pub fn terminal_rows(line: &str, width: Option<usize>) -> usize {
    let Some(width) = width.filter(|width| *width > 0) else { return 1 };
    display_width(line).div_ceil(width).max(1)
}

/// The pieces of one line, the first of at most `first` columns, the others of at most `others`.
fn broken(line: &str, first: usize, others: usize) -> Vec<String> {
    let commands = commands::spans(line);
    let mut words: Vec<Word<'_>> = Vec::new();
    for (at, text) in words_of(line, &commands) {
        let word = Word::from(text);
        let is_command = commands.iter().any(|span| span.contains(&at) || at + 1 == span.start);
        if is_command || display_width(word.word) <= others {
            words.push(word);
        } else {
            words.extend(word.break_apart(others));
        }
    }
    let pieces = wrap_first_fit(&words, &[first as f64, others as f64]);
    pieces.into_iter().map(joined).collect()
}

/// Words with the blanks behind them, and where they begin. A command is one word, with what stands
/// around it without a blank.
fn words_of<'a>(line: &'a str, commands: &[std::ops::Range<usize>]) -> Vec<(usize, &'a str)> {
    let mut words = Vec::new();
    let mut begin = 0;
    let mut after_blank = false;
    for (at, letter) in line.char_indices() {
        let is_blank = letter == ' ' && !commands.iter().any(|span| span.contains(&at));
        if after_blank && !is_blank {
            words.push((begin, &line[begin..at]));
            begin = at;
        }
        after_blank = is_blank;
    }
    words.push((begin, &line[begin..]));
    words
}

/// Words as one piece of a line, without the blanks at its end.
fn joined(words: &[Word<'_>]) -> String {
    let mut piece = String::new();
    for (n, word) in words.iter().enumerate() {
        piece.push_str(word.word);
        if n + 1 < words.len() {
            piece.push_str(word.whitespace);
        }
    }
    piece
}

#[cfg(test)]
mod tests {
    use super::{terminal_rows, wrapped};

    #[test]
    fn lines_break_between_words_and_hang() {
        let text = "warning: this role is a superuser of the server\nshort\n";
        assert_eq!(
            wrapped(text, Some(32), 2),
            "warning: this role is a\n  superuser of the server\nshort\n"
        );
        assert_eq!(wrapped(text, None, 2), text);
    }

    #[test]
    fn colours_take_no_room_and_long_words_are_broken() {
        let painted = "\u{1b}[33mwarning:\u{1b}[39m exactly thirty-one letters";
        assert_eq!(wrapped(painted, Some(35), 2), painted);
        let long = "x".repeat(50);
        let broken = wrapped(&long, Some(30), 2);
        assert!(broken.lines().all(|line| line.len() <= 30), "{broken}");
        assert_eq!(broken.replace(['\n', ' '], ""), long);
    }

    #[test]
    fn ids_stay_whole() {
        let text = "a sub-orchestration called create-proddb-a1b2c3d4 failed";
        for width in 30..60 {
            let broken = wrapped(text, Some(width), 2);
            assert!(broken.contains("create-proddb-a1b2c3d4"), "{width}: {broken}");
        }
    }

    #[test]
    fn a_command_stays_whole_at_any_width() {
        let command = r"toygres server orchestrations --cursor '2024-11-17T14:00:00Z,o2'\''$(x y)'";
        for text in [
            format!("more: {command}"),
            format!("  \u{1b}[36mhint:\u{1b}[39m see `{command}`, or wait a little longer"),
            format!("   - Mark as deleted:  {command}"),
            format!("  - {command}"),
            format!("\u{1b}[2mSee what there is with: {command}\u{1b}[0m"),
        ] {
            for width in 1..120 {
                let broken = wrapped(&text, Some(width), 4);
                assert!(broken.contains(command), "{width}: {broken}");
            }
        }
    }

    #[test]
    fn no_piece_begins_at_the_margin() {
        for width in 4..80 {
            let broken = wrapped("a word, some more words and ✓ No drift detected", Some(width), 2);
            assert!(broken.lines().skip(1).all(|line| line.starts_with(' ')), "{width}: {broken}");
        }
    }

    #[test]
    fn rows_are_counted_as_the_terminal_breaks_them() {
        let painted = "\u{1b}[33mtwenty letters, here\u{1b}[39m";
        for (width, rows) in [(None, 1), (Some(20), 1), (Some(19), 2), (Some(7), 3)] {
            assert_eq!(terminal_rows(painted, width), rows, "{width:?}");
        }
        assert_eq!(terminal_rows("", Some(80)), 1);
    }
}
