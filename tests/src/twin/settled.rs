//! Without what may differ between two builds and between two moments.

use regex::Regex;
use std::path::Path;
use std::sync::LazyLock;

/// A binary, and where its plugins lie.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The binary.
    pub program: &'a Path,
    /// The folder of its plugins.
    pub plugins: &'a Path,
}

/// The text without where a plugin lies and what is told from now: ages, times of measuring.
///
/// # Panics
/// Never: the pattern of a path is escaped.
pub fn settled(side: Side<'_>, text: &str) -> String {
    static TIMES: LazyLock<Regex> = LazyLock::new(|| {
        let known = Regex::new(concat!(
            r#"("?[a-z_]*(_ms|_at|age|uptime)"?: ?)("[^"]*"|\d+(\.\d+)?)|"#,
            r"((\d+[a-z]+ )?\d+( minutes?| seconds?|[sm]) ago|just now) *|",
            r"\d+(\.\d+)? ?(ms|µs)\b|returned \(.*\)|",
            // The title of a column of times is as wide as the times are.
            r"\b(STARTED|COMPLETED|CREATED|AGE)  +",
        ));
        known.unwrap_or_else(|error| panic!("{error}"))
    });
    let plugins = regex::escape(&shown(side.plugins));
    let library =
        Regex::new(&format!(r"{plugins}(/[\w.-]+\.so)?")).unwrap_or_else(|error| panic!("{error}"));
    let text = library.replace_all(text, "PLUGIN").replace(&shown(side.program), "PLUGIN");
    TIMES.replace_all(&text, "${1}THEN ").into_owned()
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
