//! `config.toml` in the home folder: settings for every context at the top, a table a context
//! below `[contexts]`, and which one is current.
//!
//! ```toml
//! current = "local"
//!
//! [kubernetes]
//! namespace = "toygres"
//!
//! [contexts.local.database]
//! url = "postgres://…"
//! ```

use super::known::KNOWN;
use std::path::{Path, PathBuf};
use toml::{Table, Value};
use toygres_plugin_api::protocol::UnknownKey;
use toygres_plugin_api::{Error, Result};

/// What the file says.
#[derive(Debug, Clone, Default)]
pub(super) struct ConfigFile {
    pub(super) path: PathBuf,
    pub(super) exists: bool,
    /// The context in force.
    pub(super) context: Option<String>,
    top: Table,
    chosen: Table,
}

impl ConfigFile {
    /// Reads the file's text; none is that of a file that does not exist. `wanted` goes before
    /// `current`.
    pub(super) fn read(path: &Path, text: Option<&str>, wanted: Option<&str>) -> Result<Self> {
        let Some(text) = text else {
            let missing = Self { path: path.to_owned(), ..Self::default() };
            return wanted.map_or(Ok(missing), |name| Err(no_context(path, name, &[])));
        };
        let mut top: Table =
            text.parse().map_err(|error: toml::de::Error| broken(path, text, &error))?;
        let contexts = match top.remove("contexts") {
            Some(Value::Table(contexts)) => contexts,
            _ => Table::new(),
        };
        let current = top.remove("current").and_then(|name| name.as_str().map(str::to_owned));
        let context = wanted.map(str::to_owned).or(current);
        let chosen = match &context {
            None => Table::new(),
            Some(name) => match contexts.get(name) {
                Some(Value::Table(chosen)) => chosen.clone(),
                _ => {
                    let known: Vec<&str> = contexts.keys().map(String::as_str).collect();
                    return Err(no_context(path, name, &known));
                }
            },
        };
        Ok(Self { path: path.to_owned(), exists: true, context, top, chosen })
    }

    /// A value: the context's, or that of every context.
    pub(super) fn get(&self, key: &str) -> Option<String> {
        let (section, name) = key.split_once('.')?;
        let within = |table: &Table| match table.get(section)?.get(name)? {
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        within(&self.chosen).or_else(|| within(&self.top))
    }

    /// The key as it stands in the file: the context's, or that of every context.
    pub(super) fn place_of(&self, key: &str) -> String {
        match &self.context {
            Some(name) if lies_in(&self.chosen, key) => format!("contexts.{name}.{key}"),
            _ => key.to_owned(),
        }
    }

    /// Keys that mean nothing, with what was perhaps meant.
    pub(super) fn unknown_keys(&self) -> Vec<UnknownKey> {
        let mut keys = Vec::new();
        collect("", &self.top, &mut keys);
        let prefix = self.context.as_ref().map(|name| format!("contexts.{name}."));
        collect("", &self.chosen, &mut keys);
        let known = |key: &String| KNOWN.iter().any(|known| known.key == key);
        // What plugins may be opened is read elsewhere, before anything else (`plugin::policy`).
        keys.retain(|key| {
            !known(key) && !matches!(key.as_str(), "plugins.strict" | "plugins.keys")
        });
        keys.sort();
        keys.dedup();
        keys.into_iter()
            .map(|key| {
                let nearest = KNOWN
                    .iter()
                    .map(|known| (distance(&key, known.key), known.key))
                    .min()
                    .filter(|(far, _)| *far <= 4);
                let in_context = !lies_in(&self.top, &key);
                let shown = match (&prefix, in_context) {
                    (Some(prefix), true) => format!("{prefix}{key}"),
                    _ => key,
                };
                UnknownKey { key: shown, suggestion: nearest.map(|(_, key)| key.to_owned()) }
            })
            .collect()
    }
}

/// The names below `[contexts]`; none where the text is not TOML.
pub(super) fn contexts(text: &str) -> Vec<String> {
    let top: Table = text.parse().unwrap_or_default();
    let contexts = top.get("contexts").and_then(Value::as_table);
    contexts.into_iter().flat_map(Table::keys).cloned().collect()
}

fn collect(prefix: &str, table: &Table, keys: &mut Vec<String>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(inner) => collect(&key, inner, keys),
            _ => keys.push(key),
        }
    }
}

fn lies_in(table: &Table, key: &str) -> bool {
    let mut keys = Vec::new();
    collect("", table, &mut keys);
    keys.iter().any(|found| found == key)
}

fn no_context(path: &Path, name: &str, known: &[&str]) -> Error {
    let hint = if known.is_empty() {
        format!("{} has no contexts; add [contexts.{name}]", path.display())
    } else {
        format!("contexts of {}: {}", path.display(), known.join(", "))
    };
    Error::usage(format!("there is no context `{name}`")).hint(hint)
}

fn broken(path: &Path, text: &str, error: &toml::de::Error) -> Error {
    let place = error.span().map(|span| {
        let before = &text[..span.start.min(text.len())];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        format!(" at line {line}, column {column}")
    });
    Error::usage(format!("{} is no valid TOML{}", path.display(), place.unwrap_or_default()))
        .cause(error.message())
        .hint("mend the file, or move it away")
}

/// How many letters must change (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::ConfigFile;

    fn read(text: &str, wanted: Option<&str>) -> toygres_plugin_api::Result<ConfigFile> {
        ConfigFile::read("config.toml".as_ref(), Some(text), wanted)
    }

    #[test]
    fn the_context_goes_before_what_holds_for_all() {
        let text = "current = \"a\"\n[server]\nport = 1\nworkers = 2\n\
                    [contexts.a.server]\nport = 3\n[contexts.b.server]\nport = 4\n";
        let file = read(text, None).unwrap();
        assert_eq!(file.get("server.port").as_deref(), Some("3"));
        assert_eq!(file.get("server.workers").as_deref(), Some("2"));
        assert_eq!(read(text, Some("b")).unwrap().get("server.port").as_deref(), Some("4"));
        let error = read(text, Some("c")).unwrap_err();
        assert!(error.hint.unwrap().ends_with(": a, b"), "{}", error.message);
    }

    #[test]
    fn unknown_keys_come_with_the_nearest_known_one() {
        let file = read("[server]\nprot = 1\n[database]\nurll = \"x\"\n[zoo]\nape = 1\n", None);
        let keys = file.unwrap().unknown_keys();
        let said: Vec<_> =
            keys.iter().map(|key| (key.key.as_str(), key.suggestion.as_deref())).collect();
        assert_eq!(
            said,
            [
                ("database.urll", Some("database.url")),
                ("server.prot", Some("server.port")),
                ("zoo.ape", None)
            ]
        );
    }

    #[test]
    fn a_broken_file_is_named_with_line_and_column() {
        let error = read("[server]\nport = = 1\n", None).unwrap_err();
        assert!(error.message.contains("line 2, column"), "{}", error.message);
    }
}
