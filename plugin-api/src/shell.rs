//! Commands that can be pasted into a shell.
//!
//! A command in a hint or a report carries names that somebody else chose. Whatever such a name
//! holds, the shell has to hand it over as one argument, and the program has to take it for a name
//! and not for an option. [`ShellCommand`] is the one way to make such a command:
//!
//! ```
//! use toygres_plugin_api::shell::ShellCommand;
//!
//! let show = |name: &str| ShellCommand::new("toygres get").arg(name).flag("--show-password");
//! assert_eq!(show("proddb").to_string(), "toygres get proddb --show-password");
//! assert_eq!(show("a'$(b)").to_string(), r"toygres get 'a'\''$(b)' --show-password");
//! assert_eq!(show("--force").to_string(), "toygres get --show-password -- --force");
//! ```

use crate::text;
use std::ffi::OsStr;
use std::fmt;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A command as it is typed into a POSIX shell, in one line and with nothing in it that a terminal
/// would obey or hide. The words that are part of the program are fixed in the source; everything
/// else is quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellCommand {
    program: &'static str,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// An option with its value, as it is typed.
    Option(String),
    Positional {
        quoted: String,
        is_dashed: bool,
    },
}

impl ShellCommand {
    /// The program and whatever of its arguments is fixed: `toygres server orchestration`.
    #[must_use]
    pub fn new(program: &'static str) -> Self {
        Self { program, parts: Vec::new() }
    }

    /// A positional argument. One that begins with a dash stands behind `--`, and so do the
    /// positional arguments beside it.
    #[must_use]
    pub fn arg(mut self, value: impl AsRef<OsStr>) -> Self {
        let value = value.as_ref();
        let is_dashed = value.as_bytes().first() == Some(&b'-');
        self.parts.push(Part::Positional { quoted: quote(value), is_dashed });
        self
    }

    /// Positional arguments, in order.
    #[must_use]
    pub fn args(self, values: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        values.into_iter().fold(self, Self::arg)
    }

    /// An option without a value: `--dry-run`.
    #[must_use]
    pub fn flag(mut self, name: &'static str) -> Self {
        self.parts.push(Part::Option(name.to_owned()));
        self
    }

    /// An option with a value: `--plan FILE`. A value that begins with a dash is joined to it:
    /// `--plan=-FILE`.
    #[must_use]
    pub fn option(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Self {
        self.parts.push(Part::Option(quote_option(name, value)));
        self
    }
}

impl fmt::Display for ShellCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program)?;
        let dashed = |part: &Part| matches!(part, Part::Positional { is_dashed: true, .. });
        let is_split = self.parts.iter().any(dashed);
        for part in &self.parts {
            match part {
                Part::Option(text) => write!(f, " {text}")?,
                Part::Positional { quoted, .. } if !is_split => write!(f, " {quoted}")?,
                Part::Positional { .. } => {}
            }
        }
        if !is_split {
            return Ok(());
        }
        f.write_str(" --")?;
        for part in &self.parts {
            if let Part::Positional { quoted, .. } = part {
                write!(f, " {quoted}")?;
            }
        }
        Ok(())
    }
}

impl From<ShellCommand> for String {
    fn from(command: ShellCommand) -> Self {
        command.to_string()
    }
}

/// A text as one word of a POSIX shell: as it is where nothing in it means anything to a shell,
/// else between single quotes. What [`text::escape`] would have to change cannot be shown as it is,
/// and is spelled for `printf`: `"$(printf 'two\012lines')"`. So is a backtick, since a sentence
/// sets commands between backticks. A NUL, which no argument can hold, becomes U+FFFD.
#[must_use]
pub fn quote(value: impl AsRef<OsStr>) -> String {
    let value = value.as_ref();
    let is_shown = |text: &&str| text::escape(text) == **text && !text.contains('`');
    let Some(text) = value.to_str().filter(is_shown) else {
        return spelled(value.as_bytes());
    };
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:@+,=".contains(letter);
    // zsh looks up a program behind a `=` at the beginning.
    if !text.is_empty() && !text.starts_with('=') && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// An option with its value, as [`ShellCommand::option`] writes it, where no whole command is
/// offered: `--cursor 'a b'`.
#[must_use]
pub fn quote_option(name: &str, value: impl AsRef<OsStr>) -> String {
    let value = value.as_ref();
    let joint = if value.as_bytes().first() == Some(&b'-') { '=' } else { ' ' };
    format!("{name}{joint}{}", quote(value))
}

/// A path as one word that is never taken for an option: `./-x` where it begins with a dash.
#[must_use]
pub fn quote_path(path: &Path) -> String {
    if path.as_os_str().as_bytes().first() == Some(&b'-') {
        return quote(Path::new(".").join(path));
    }
    quote(path)
}

/// Bytes spelled in octal.
fn spelled(bytes: &[u8]) -> String {
    let mut spelled = String::new();
    for (n, byte) in bytes.iter().enumerate() {
        match byte {
            0 => spelled.push_str(r"\357\277\275"),
            // `printf` takes what begins with a dash for an option.
            b'-' if n > 0 => spelled.push('-'),
            b'_' | b'.' | b'/' | b':' | b'@' | b'+' | b',' | b'=' | b' ' => {
                spelled.push(char::from(*byte));
            }
            byte if byte.is_ascii_alphanumeric() => spelled.push(char::from(*byte)),
            byte => {
                // Writing to a string does not fail.
                let _infallible = write!(spelled, r"\{byte:03o}");
            }
        }
    }
    if bytes.last() == Some(&b'\n') {
        // A substitution drops line breaks at its end. These quotes are younger: dash does not know
        // them, and hands over a word that names nothing.
        return format!("$'{spelled}'");
    }
    format!("\"$(printf '{spelled}')\"")
}

#[cfg(test)]
mod tests {
    use super::{ShellCommand, quote, quote_path};
    use crate::text::escape;
    use proptest::prelude::*;
    use std::ffi::{OsStr, OsString};
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    use std::path::Path;
    use std::process::Command;

    #[test]
    fn words_are_quoted_where_they_must_be() {
        for (text, quoted) in [
            ("proddb-1_x.y/z:@+,=%", "'proddb-1_x.y/z:@+,=%'"),
            ("create-proddb-a1b2c3d4::sub::7", "create-proddb-a1b2c3d4::sub::7"),
            ("", "''"),
            ("a b", "'a b'"),
            ("~", "'~'"),
            ("=ls", "'=ls'"),
            ("o2'$(touch X)'", r"'o2'\''$(touch X)'\'''"),
            ("a\nb", r#""$(printf 'a\012b')""#),
            ("a`b`", r#""$(printf 'a\140b\140')""#),
            ("-\u{202e}!%", r#""$(printf '\055\342\200\256\041\045')""#),
            ("a\0", r#""$(printf 'a\357\277\275')""#),
            ("a\n", r"$'a\012'"),
        ] {
            assert_eq!(quote(text), quoted, "{text:?}");
        }
        assert_eq!(quote(OsStr::from_bytes(b"/a\xff")), r#""$(printf '/a\377')""#);
    }

    #[test]
    fn a_name_is_never_taken_for_an_option() {
        let command = ShellCommand::new("toygres sync").flag("--dry-run").option("--plan", "-f");
        assert_eq!(command.to_string(), "toygres sync --dry-run --plan=-f");
        let command = ShellCommand::new("toygres get").arg("a").option("--at", "b c").flag("-x");
        assert_eq!(command.to_string(), "toygres get a --at 'b c' -x");
        let command = command.arg("-rf");
        assert_eq!(command.to_string(), "toygres get --at 'b c' -x -- a -rf");
        assert_eq!(quote_path(Path::new("-a b")), "'./-a b'");
        assert_eq!(quote_path(Path::new("/a/-b")), "/a/-b");
    }

    /// Words that a shell could take for something else, or that are hard to hand over.
    fn words() -> impl Strategy<Value = OsString> {
        prop_oneof![
            any::<String>().prop_map(|text| OsString::from(text.replace('\0', ""))),
            "[ab !\"'$`\\\\(){}\\[\\]*?~#&|;<>:=@%^\\n\\t\\r\u{1b}\u{9b}\u{202e}-]{0,12}"
                .prop_map(OsString::from),
            proptest::collection::vec(1_u8.., 0..12).prop_map(OsString::from_vec),
        ]
    }

    /// What a shell hands over for each of these words.
    fn handed_over(shell: &str, words: &[OsString]) -> Option<Vec<OsString>> {
        let mut script = String::from("printf '%s\\0'");
        for word in words {
            script.push(' ');
            script.push_str(&quote(word));
        }
        let folder = tempfile::tempdir().unwrap();
        let command = Command::new(shell).args(["-c", &script]).current_dir(folder.path()).output();
        let output = command.ok()?;
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{script}");
        let parts = output.stdout.strip_suffix(b"\0")?.split(|byte| *byte == 0);
        Some(parts.map(|part| OsStr::from_bytes(part).to_owned()).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn shells_hand_over_what_was_quoted(
            words in proptest::collection::vec(words(), 1..20)
        ) {
            let quoted: Vec<String> = words.iter().map(quote).collect();
            for word in &quoted {
                prop_assert_eq!(escape(word), word.as_str());
            }
            let said = handed_over("bash", &words);
            prop_assert_eq!(said.as_ref(), Some(&words));
            // The one form that not every `sh` knows.
            let known = |word: &&OsString| !word.as_bytes().ends_with(b"\n");
            let words: Vec<OsString> = words.iter().filter(known).cloned().collect();
            if !words.is_empty() {
                let said = handed_over("sh", &words);
                prop_assert_eq!(said.as_ref(), Some(&words));
            }
        }
    }
}
