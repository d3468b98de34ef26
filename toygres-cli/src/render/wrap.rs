//! Lines that a terminal would break anywhere are broken between words.

use textwrap::{Options, WordSplitter};

/// Below this a hanging indent leaves no room for the words.
const NARROWEST: usize = 24;

/// Each line in at most `width` columns, what follows its first piece indented by `hang`; `None`
/// leaves lines as they are.
#[must_use]
pub fn wrapped(text: &str, width: Option<usize>, hang: usize) -> String {
    let Some(width) = width.filter(|width| *width > 0) else { return text.to_owned() };
    let hang = if width < hang + NARROWEST { 0 } else { hang };
    let margin = " ".repeat(hang);
    let options = Options::new(width)
        .subsequent_indent(&margin)
        // A name or an id with dashes stays whole, so that it can be copied.
        .word_splitter(WordSplitter::NoHyphenation);
    let mut whole = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        if textwrap::core::display_width(line) <= width {
            whole.push_str(line);
        } else {
            whole.push_str(&textwrap::wrap(line, &options).join("\n"));
        }
        whole.push_str(end);
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::wrapped;

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
}
