//! What a server in the background is given, so that it can leave the folder that it was started in:
//! variables whose value is relative to that folder, made absolute.

use super::settings::Settings;
use std::path::{Path, PathBuf};
use toygres_plugin_api::Context;
use toygres_plugin_api::protocol::Source;

/// Variables that name one file or folder.
const PATHS: &[&str] = &[
    "TOYGRES_HOME",
    "TOYGRES_LOG_FILE",
    "TOYGRES_PID_FILE",
    "PGPASSFILE",
    "PGSERVICEFILE",
    "PGSSLCERT",
    "PGSSLCRL",
    "PGSSLKEY",
    "PGSSLROOTCERT",
    "PGSYSCONFDIR",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
];

/// Variables that name several, with colons between them.
const LISTS: &[&str] = &["KUBECONFIG", "TOYGRES_PLUGIN_PATH"];

/// Settings that are paths.
const PATH_SETTINGS: &[&str] = &["paths.pid_file", "paths.log_file", "kubernetes.kubeconfig"];

/// Parameters of a connection string that name files.
const URL_PATHS: &[&str] = &["passfile", "sslcert", "sslcrl", "sslkey", "sslrootcert"];

/// The variables whose values depend on the current folder, made independent of it.
pub(crate) async fn absolute_environment(
    ctx: &Context,
    settings: &Settings,
) -> Vec<(String, String)> {
    let Ok(folder) = std::env::current_dir() else { return Vec::new() };
    let mut absolute = Vec::new();
    for name in PATHS.iter().chain(LISTS) {
        if let Ok(value) = std::env::var(name) {
            absolute.push(((*name).to_owned(), absolute_value(&folder, name, &value)));
        }
    }
    for key in PATH_SETTINGS {
        // The configuration file's own words are relative to the folder of whoever reads them, too.
        if settings.source(key) == Some(Source::File)
            && let (Some(name), Some(value)) = (settings.variable(key), settings.text(key))
        {
            absolute.push((name, absolute_path(&folder, &value)));
        }
    }
    // Where it cannot be told, the process says why.
    if let Ok(Some(url)) = ctx.config().reveal("database.url").await {
        let changed = absolute_url(&folder, &url);
        absolute.extend((changed != url).then(|| ("DATABASE_URL".to_owned(), changed)));
    }
    absolute
}

/// The value of a variable, independent of the folder.
pub(crate) fn absolute_value(folder: &Path, name: &str, value: &str) -> String {
    if LISTS.contains(&name) {
        let paths = value.split(':').map(|path| absolute_path(folder, path));
        return paths.collect::<Vec<_>>().join(":");
    }
    if PATHS.contains(&name) { absolute_path(folder, value) } else { value.to_owned() }
}

/// A path; nothing stays nothing, and `system` is no file but the machine's certificates.
fn absolute_path(folder: &Path, path: &str) -> String {
    if path.is_empty() || path == "system" {
        return path.to_owned();
    }
    let joined: PathBuf = folder.join(path);
    joined.to_str().unwrap_or(path).to_owned()
}

/// A connection string, as a URL or as pairs, whose files do not depend on the folder.
fn absolute_url(folder: &Path, text: &str) -> String {
    let mut changed = text.to_owned();
    for name in URL_PATHS {
        let separators: &[char] = if text.contains("://") { &['?', '&'] } else { &[' ', '\t'] };
        let mut from = 0;
        while let Some(at) = changed[from..].find(&format!("{name}=")) {
            let start = from + at + name.len() + 1;
            let begins = changed[..from + at].chars().next_back();
            from = start;
            if !begins.is_none_or(|before| separators.contains(&before)) {
                continue;
            }
            let end = changed[start..].find(['&', ' ', '\t', '#']);
            let end = end.map_or(changed.len(), |end| start + end);
            let value = &changed[start..end];
            // What is escaped or quoted was written with care, and is left as it is.
            let plain = !value.contains(['%', '\'', '\\']);
            if plain && folder.join(value).is_file() {
                let value = absolute_path(folder, value);
                changed.replace_range(start..end, &value);
            }
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::{absolute_url, absolute_value};
    use std::path::Path;

    #[test]
    fn values_do_not_depend_on_the_folder() {
        let folder = Path::new("/start");
        for (name, value, expected) in [
            ("TOYGRES_LOG_FILE", "logs.jsonl", "/start/logs.jsonl"),
            ("TOYGRES_LOG_FILE", "/var/log/x", "/var/log/x"),
            ("KUBECONFIG", "a::/b:c/d", "/start/a::/b:/start/c/d"),
            ("PGSSLROOTCERT", "system", "system"),
            ("RUST_LOG", "info", "info"),
        ] {
            assert_eq!(absolute_value(folder, name, value), expected, "{name}");
        }
    }

    #[test]
    fn files_of_a_connection_string_do_not_either() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.crt"), "").unwrap();
        let ca = folder.path().join("ca.crt").display().to_string();
        for (text, expected) in [
            (
                "postgres://u@h/d?sslmode=verify-full&sslrootcert=ca.crt&x=1",
                format!("postgres://u@h/d?sslmode=verify-full&sslrootcert={ca}&x=1"),
            ),
            ("host=h sslrootcert=ca.crt", format!("host=h sslrootcert={ca}")),
            ("postgres://u@h/d?sslrootcert=none", "postgres://u@h/d?sslrootcert=none".to_owned()),
            ("postgres://u@h/xsslrootcert=ca.crt", "postgres://u@h/xsslrootcert=ca.crt".to_owned()),
            ("postgres://u@h/d", "postgres://u@h/d".to_owned()),
        ] {
            assert_eq!(absolute_url(folder.path(), text), expected);
        }
    }
}
