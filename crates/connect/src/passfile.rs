//! Passwords of `.pgpass`.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// No such file is longer.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Which line is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// The host as it was given; a socket in the default folder counts as `localhost`.
    pub(crate) host: &'a str,
    pub(crate) port: &'a str,
    pub(crate) database: &'a str,
    pub(crate) user: &'a str,
}

/// The file's text, if there is one that may be used.
///
/// # Errors
/// Why there is one that is not used.
pub(crate) fn read(path: &Path) -> Result<Option<String>, String> {
    let Ok(found) = std::fs::metadata(path) else { return Ok(None) };
    let place = path.display();
    if !found.is_file() {
        return Err(format!("password file {place} is not a plain file"));
    }
    if found.permissions().mode() & 0o077 != 0 {
        return Err(format!(
            "password file {place} is ignored: others may read it; run: {}",
            toygres_plugin_api::shell::ShellCommand::new("chmod 600").arg(path)
        ));
    }
    if found.len() > MAX_BYTES {
        return Err(format!("password file {place} is ignored: it is too large"));
    }
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) => Err(format!("password file {place} is ignored: {error}")),
    }
}

/// The password of the first line that fits.
pub(crate) fn find_password(text: &str, wanted: Wanted<'_>) -> Option<String> {
    text.lines().find_map(|line| {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.starts_with('#') {
            return None;
        }
        let mut rest = line;
        for field in [wanted.host, wanted.port, wanted.database, wanted.user] {
            rest = skip_field(rest, field)?;
        }
        Some(unescape(rest)).filter(|password| !password.is_empty())
    })
}

/// What stands behind the first field, if that one fits.
fn skip_field<'a>(line: &'a str, wanted: &str) -> Option<&'a str> {
    if let Some(rest) = line.strip_prefix("*:") {
        return Some(rest);
    }
    let mut wanted = wanted.chars();
    let mut chars = line.char_indices();
    while let Some((at, c)) = chars.next() {
        let c = match c {
            ':' => match wanted.next() {
                None => return Some(&line[at + 1..]),
                Some(':') => continue,
                Some(_) => return None,
            },
            '\\' => chars.next()?.1,
            c => c,
        };
        if wanted.next() != Some(c) {
            return None;
        }
    }
    None
}

fn unescape(password: &str) -> String {
    let mut plain = String::with_capacity(password.len());
    let mut chars = password.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => plain.push(chars.next().unwrap_or('\\')),
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::{Wanted, find_password};

    #[test]
    fn the_first_line_that_fits_counts() {
        let file = "# h:5432:d:u:comment\n\
                    other:5432:d:u:no\n\
                    h:5432:d:u:it\\:s\\\\1\n\
                    h:*:*:u:later\n\
                    *:*:*:*:any\n\
                    a\\:b:1:d:u:colon\n";
        let find =
            |host, port, database, user| find_password(file, Wanted { host, port, database, user });
        assert_eq!(find("h", "5432", "d", "u").as_deref(), Some("it:s\\1"));
        assert_eq!(find("h", "5433", "d", "u").as_deref(), Some("later"));
        assert_eq!(find("x", "5432", "d", "u").as_deref(), Some("any"));
        let escaped = Wanted { host: "a:b", port: "1", database: "d", user: "u" };
        assert_eq!(find_password("a\\:b:1:d:u:colon", escaped).as_deref(), Some("colon"));
        assert_eq!(find_password("h:1:d:u", escaped), None);
        assert_eq!(find_password("a:b:1:d:u:bare", escaped).as_deref(), Some("bare"));
    }
}
