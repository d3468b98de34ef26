//! The quotes of shells: off what was typed, onto what is offered.

use super::Shell;

/// A word without its shell's quotes, as far as it is typed. Only scripts that hand over words as
/// they stand on the line need it.
pub(super) fn taken_off(shell: Shell, word: &str) -> String {
    match shell {
        Shell::Bash => Begun::read(word).plain,
        Shell::Zsh | Shell::Fish | Shell::Powershell | Shell::Elvish => word.to_owned(),
    }
}

/// A candidate as the script puts it on the line, in the place of the whole word that was begun.
/// Shells that quote by themselves get it as it is. `None` where it cannot stand behind what was
/// typed.
pub(super) fn put_on(shell: Shell, begun: &str, value: &str) -> Option<String> {
    if shell != Shell::Bash {
        return Some(value.to_owned());
    }
    let typed = Begun::read(begun);
    if !typed.known {
        return None;
    }
    let (kept, rest) = match value.strip_prefix(&typed.plain[..typed.kept_plain]) {
        Some(rest) => (&begun[..typed.kept], rest),
        None if typed.open.is_none() => ("", value),
        None => return None,
    };
    let quoted = match typed.open {
        None => bare(rest, begun.starts_with('~')),
        Some('\'') => in_single_quotes(rest),
        Some(_) => in_double_quotes(rest),
    };
    let mut line = format!("{kept}{quoted}");
    // Readline closes the quote behind a word that is whole, unless the last letter is the quote's:
    // that it takes for closed.
    line.extend(typed.open.filter(|quote| line.ends_with(*quote)));
    Some(line)
}

/// Every letter that could mean something gets a backslash. A tilde that was typed at the beginning,
/// and that alone, is the home folder.
fn bare(value: &str, home: bool) -> String {
    let mut quoted = String::new();
    for (n, letter) in value.chars().enumerate() {
        let plain = letter.is_alphanumeric() || "_-./:=@%+,^".contains(letter);
        if !(plain || home && n == 0) {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted
}

/// What stands between double quotes. There a backslash before `!` would stay, and without one an
/// interactive bash puts an old line in its place: the quotes are closed for it.
fn in_double_quotes(value: &str) -> String {
    let mut quoted = String::new();
    for letter in value.chars() {
        match letter {
            '!' => quoted.push_str("\"\\!\""),
            '"' | '\\' | '$' | '`' => quoted.extend(['\\', letter]),
            _ => quoted.push(letter),
        }
    }
    quoted
}

/// What stands between single quotes, where nothing means anything but the quote.
fn in_single_quotes(value: &str) -> String {
    value.replace('\'', r"'\''")
}

/// A word of bash up to the cursor.
struct Begun {
    /// It without quotes.
    plain: String,
    /// The quote that is open at its end.
    open: Option<char>,
    /// How much of the word stays on the line, in bytes: up to the quote that is open, else up to
    /// the last letter where readline breaks words. The rest is what it replaces.
    kept: usize,
    /// The same in `plain`.
    kept_plain: usize,
    /// Whether it is one word and says by itself what it is: bash alone knows what comes of `$HOME`
    /// or of `$(date)`, and which quotes are open behind it.
    known: bool,
}

impl Begun {
    /// Reads `'…'`, `"…"` and backslashes. A backslash at the end is half of something, and counts
    /// for nothing.
    fn read(word: &str) -> Self {
        let mut begun =
            Self { plain: String::new(), open: None, kept: 0, kept_plain: 0, known: true };
        let mut letters = word.char_indices().peekable();
        // What stays where the quote that is open should be closed.
        let mut outside = (0, 0);
        while let Some((at, letter)) = letters.next() {
            let mut stays = false;
            match (begun.open, letter) {
                (None, '\'' | '"') => {
                    begun.open = Some(letter);
                    outside = (begun.kept, begun.kept_plain);
                    stays = true;
                }
                (Some(quote), _) if letter == quote => {
                    begun.open = None;
                    (begun.kept, begun.kept_plain) = outside;
                }
                (None, '\\') => begun.plain.extend(letters.next().map(|(_, escaped)| escaped)),
                (Some('"'), '\\') => match letters.peek().copied() {
                    Some((_, escaped @ ('"' | '\\' | '$' | '`'))) => {
                        letters.next();
                        begun.plain.push(escaped);
                    }
                    Some(_) => begun.plain.push('\\'),
                    None => {}
                },
                _ => {
                    begun.known &= match begun.open {
                        Some('\'') => true,
                        Some(_) => !"$`".contains(letter),
                        None => !"$`<>|&;()".contains(letter),
                    };
                    begun.plain.push(letter);
                    stays = begun.open.is_none() && ":=@".contains(letter);
                }
            }
            if stays {
                begun.kept = at + letter.len_utf8();
                begun.kept_plain = begun.plain.len();
            }
        }
        begun
    }
}

#[cfg(test)]
mod tests {
    use super::{Begun, Shell, put_on, taken_off};
    use proptest::prelude::*;
    use std::io::{Seek, Write};
    use std::process::{Command, Stdio};

    #[test]
    fn quotes_are_taken_off_up_to_the_cursor() {
        for (typed, plain) in [
            ("plain", "plain"),
            ("'a b'c", "a bc"),
            ("\"a \\\"b\\\" \\n\"", "a \"b\" \\n"),
            ("a\\ b", "a b"),
            ("'open", "open"),
            ("\"open", "open"),
            ("a\\", "a"),
            ("\"a\\", "a"),
            ("'a\\", "a\\"),
            ("--schema=\"op", "--schema=op"),
        ] {
            assert_eq!(taken_off(Shell::Bash, typed), plain, "{typed}");
        }
    }

    #[test]
    fn a_value_is_quoted_for_the_quote_that_is_open() {
        for (begun, value, line) in [
            ("", "a b", "a\\ b"),
            ("", "~root", "\\~root"),
            ("~/a", "~/a b", "~/a\\ b"),
            ("a\\", "a b", "a\\ b"),
            ("a\\ b", "a b:c", "a\\ b:c"),
            ("\"a b\":c", "a b:c d", "\"a b\":c\\ d"),
            ("\"qq", "qq $(x)`y`", "\"qq \\$(x)\\`y\\`"),
            ("\"a\\", "a\\$b", "\"a\\\\\\$b"),
            ("'s1", "s1'$(x)'z", "'s1'\\''$(x)'\\''z"),
            ("'s", "s'", "'s'\\'''"),
            ("\"d", "d\"", "\"d\\\"\""),
            ("\"bang", "bang!x y", "\"bang\"\\!\"x y"),
            ("\"bang!", "bang!x", "\"bang\"\\!\"x"),
            ("\"b", "b!", "\"b\"\\!\"\""),
            ("'bang", "bang!x y", "'bang!x y"),
            ("--schema=\"qq", "--schema=qq $x", "--schema=\"qq \\$x"),
            ("--schema='qq", "--schema=qq $x", "--schema='qq $x"),
            ("--schema=\\$", "--schema=$x", "--schema=\\$x"),
            ("a'b'\"c", "abc$d", "a'b'\"c\\$d"),
        ] {
            assert_eq!(put_on(Shell::Bash, begun, value).as_deref(), Some(line), "{begun}");
        }
        // Bash alone knows what these are, or they are not how the value begins.
        for (begun, value) in [
            ("$'a", "$a"),
            ("\"$(x \"", "$(x y"),
            ("\"`", "`x"),
            ("$", "$x"),
            ("b\"a", "a b"),
            ("a>b", "a>bc"),
        ] {
            assert_eq!(put_on(Shell::Bash, begun, value), None, "{begun}");
        }
    }

    /// A value, and a beginning of it as somebody may have typed it.
    fn begun() -> impl Strategy<Value = (String, String)> {
        let value = prop_oneof![
            "[^\\p{C}]{1,12}",
            // What means something to bash, more often than by chance.
            "[ab !\"'$`\\\\(){}*?~#&|;<>:=@%^-]{1,12}",
        ];
        (value, any::<(usize, u8, u8)>()).prop_map(|(value, (cut, first, second))| {
            let letters: Vec<char> = value.chars().collect();
            let typed = &letters[..cut % (letters.len() + 1)];
            let (before, behind) = typed.split_at(usize::from(first) % (typed.len() + 1));
            // The first part in some closed way, the second in one that may be open.
            let before: String = before.iter().collect();
            let behind: String = behind.iter().collect();
            let before = match first % 4 {
                _ if before.is_empty() => String::new(),
                0 => format!("'{}'", super::in_single_quotes(&before)),
                1 => format!("\"{}\"", super::in_double_quotes(&before)),
                _ => super::bare(&before, false),
            };
            let behind = match second % 4 {
                0 => format!("'{}", super::in_single_quotes(&behind)),
                1 => format!("\"{}", super::in_double_quotes(&behind)),
                2 => format!("{}\\", super::bare(&behind, false)),
                _ => super::bare(&behind, false),
            };
            (value, before + &behind)
        })
    }

    /// The word after the key, as readline ends it where it is the only candidate.
    fn completed(begun: &str, value: &str) -> Option<String> {
        let line = put_on(Shell::Bash, begun, value)?;
        let open = Begun::read(begun).open.filter(|quote| !line.ends_with(*quote));
        Some(line + &open.map(String::from).unwrap_or_default())
    }

    proptest! {
        #[test]
        fn what_is_put_on_the_line_is_read_as_the_value((value, begun) in begun()) {
            let line = completed(&begun, &value);
            prop_assert!(line.is_some(), "{begun}");
            let read = Begun::read(&line.unwrap());
            prop_assert_eq!((read.plain, read.open, read.known), (value, None, true));
        }

        #[test]
        fn whatever_was_typed_bash_runs_nothing(begun in "[ab!\"'$`\\\\():=]{0,8}", rest in "[ab!\"'$`\\\\()]{0,6}") {
            let value = taken_off(Shell::Bash, &begun) + &rest;
            if let Some(line) = completed(&begun, &value) {
                let read = Begun::read(&line);
                prop_assert_eq!((read.plain, read.open, read.known), (value, None, true));
            }
        }
    }

    /// Bash itself, once for all words. Without it only what is above is known.
    #[test]
    fn bash_reads_the_value_too() {
        let Ok(bash) = Command::new("bash").args(["--version"]).stdout(Stdio::null()).status()
        else {
            return;
        };
        assert!(bash.success());
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let words: Vec<(String, String)> = (0..500)
            .map(|_| {
                proptest::strategy::ValueTree::current(&begun().new_tree(&mut runner).unwrap())
            })
            .collect();
        let lines = words.iter().map(|(value, begun)| {
            let line = completed(begun, value);
            line.unwrap_or_else(|| panic!("{begun}: nothing for {value}"))
        });
        let lines: Vec<String> = lines.collect();
        // A line each, read as an interactive bash reads it: `!` means an old line.
        let mut script = "set -o history -o histexpand\n".to_owned();
        script.extend(lines.iter().map(|line| format!("printf '%s\\0' {line}\n")));
        let mut input = tempfile::tempfile().unwrap();
        input.write_all(script.as_bytes()).unwrap();
        input.rewind().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let run = Command::new("bash")
            .args(["--norc", "-s"])
            .envs([("LC_ALL", "C.UTF-8"), ("HISTFILE", "/dev/null")])
            .current_dir(folder.path())
            .stdin(input)
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&run.stderr), "");
        let said = String::from_utf8(run.stdout).unwrap();
        let said: Vec<&str> = said.split_terminator('\0').collect();
        assert_eq!(said.len(), words.len());
        for ((said, line), (value, begun)) in said.iter().zip(&lines).zip(&words) {
            assert_eq!(said, value, "{begun} became {line}");
        }
    }
}
