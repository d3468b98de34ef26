//! Passwords and tokens within addresses.

use std::ops::Range;

/// The most of an address that is looked at.
const MAX_BYTES: usize = 16 * 1024;

/// So many addresses without blanks between them are one word.
const MAX_ADDRESSES: usize = 8;

/// Shorter ones sign nothing.
const MIN_SIGNATURE_BYTES: usize = 5;

/// Schemes whose paths hold `@` and whose port is followed by a path: nothing after a port is a
/// password there.
const WEB: &[&str] = &["http", "https", "ws", "wss", "docker", "oci", "git+https", "file"];

/// Schemes of servers that ask for a password: an address of theirs that was cut may end within it.
const SERVERS: &[&str] = &[
    "postgres",
    "postgresql",
    "mysql",
    "mariadb",
    "mongodb",
    "mongodb+srv",
    "redis",
    "rediss",
    "amqp",
    "amqps",
    "ftp",
    "sftp",
    "smtp",
    "smtps",
    "ldap",
    "ldaps",
];

/// The password of the address whose authority begins here, or the token that stands for a user:
/// `scheme://user:PASSWORD@host`, `https://TOKEN@host`.
pub(crate) fn find_password(text: &str, mark: Range<usize>) -> Option<Range<usize>> {
    let scheme = text[..mark.start]
        .rfind(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')))
        .map_or(&text[..mark.start], |before| {
            text[before..mark.start].trim_start_matches(|c: char| !c.is_ascii_alphanumeric())
        });
    let web = WEB.iter().any(|web| scheme.eq_ignore_ascii_case(web));
    let begin = mark.end;
    let word = word(&text[begin..]);
    let authority = word.find(['/', '?', '#', '\\']).unwrap_or(word.len());
    let inner = word[..authority].rfind('@');
    let last = last_at(word);
    let at = match (inner, last) {
        // A slash within a password should have been encoded, but may not be.
        (Some(_), Some(last)) if !web => Some(last),
        (Some(inner), _) => Some(inner),
        (None, last) => last.filter(|last| holds_password(&word[..*last], web)),
    };
    let Some(at) = at else {
        let server = SERVERS.iter().any(|server| scheme.eq_ignore_ascii_case(server));
        if let Some(range) = find_spaced(&text[begin..], word).filter(|_| server) {
            return Some(shift(range, begin));
        }
        return truncated(word).filter(|_| server).map(|range| shift(range, begin));
    };
    let range = in_user(&word[..at], web)?;
    // What stands for a password in a hint is none.
    (&word[range.clone()] != "PASSWORD").then(|| shift(range, begin))
}

/// The part of `user:password` that is secret.
fn in_user(user: &str, web: bool) -> Option<Range<usize>> {
    match user.find(':') {
        // A token in the place of the user: `https://TOKEN@host`, `https://TOKEN:@host`.
        None if web => Some(0..user.len()),
        Some(colon) if web && matches!(&user[colon + 1..], "" | "x-oauth-basic") => Some(0..colon),
        None => None,
        Some(colon) => Some(colon + 1..user.len()),
    }
    .filter(|range| !range.is_empty())
}

/// Whether what stands before an `@` outside the authority may be `user:password`.
fn holds_password(before: &str, web: bool) -> bool {
    // The colons of an address in brackets are its own.
    let host = if before.starts_with('[') { before.find(']').unwrap_or(0) } else { 0 };
    let Some(colon) = before[host..].find(':').map(|colon| host + colon) else { return false };
    // `host:port/path` of the web has an `@` of its own often enough.
    !(web && looks_like_port(&before[colon + 1..]))
}

/// The last `@` that is not part of a query.
fn last_at(word: &str) -> Option<usize> {
    let at = word.rfind('@')?;
    match word[..at].find('?') {
        Some(query) if word[query..at].contains('=') => word[..query].rfind('@'),
        _ => Some(at),
    }
}

/// `user:PASSWORD` at the end of the text, where an address was cut.
fn truncated(word: &str) -> Option<Range<usize>> {
    let colon = word.find(':').filter(|_| !word.starts_with('['))?;
    let rest = &word[colon + 1..];
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.~!$%".contains(c);
    let is_shown = rest.is_empty()
        || rest == "***"
        || looks_like_port(rest)
        || !rest.starts_with(plain)
        || rest.split(['/', '?']).next().is_some_and(|port| port.eq_ignore_ascii_case("port"));
    (!is_shown).then(|| colon + 1..word.len())
}

/// A password with blanks in it: an `@` comes later on the line.
fn find_spaced(rest: &str, word: &str) -> Option<Range<usize>> {
    let colon = truncated(word)?.start;
    let line = &rest[..rest.find(['\n', '"', '\'', '`']).unwrap_or(rest.len())];
    let at = line.get(word.len()..)?.find('@').filter(|at| *at <= 200)? + word.len();
    (!line[..at].contains("://")).then_some(colon..at)
}

/// The password of `jdbc:oracle:thin:user/PASSWORD@host`.
pub(crate) fn find_oracle_password(text: &str, begin: usize) -> Option<Range<usize>> {
    let word = word(&text[begin..]);
    let (slash, at) = (word.find('/')?, word.rfind('@')?);
    (slash > 0 && slash < at).then(|| begin + slash + 1..begin + at)
}

/// The password of `curl -u user:PASSWORD`.
pub(crate) fn find_user_option(text: &str, option: Range<usize>) -> Option<Range<usize>> {
    let line = &text[..option.start];
    let line = &line[line.rfind('\n').unwrap_or(0)..];
    let begin = option.end + usize::from(text[option.end..].starts_with(['"', '\'']));
    let word = word(&text[begin..]);
    let colon = word.find(':')?;
    let password = !word[colon..].starts_with("://") && colon + 1 < word.len();
    (line.contains("curl") && password).then(|| begin + colon + 1..begin + word.len())
}

/// The word that an address is. A quote ends it, unless it stands within a password.
fn word(rest: &str) -> &str {
    let rest = &rest[..super::floor_boundary(rest, rest.len().min(MAX_BYTES))];
    // A list of addresses is looked at for each of them: no further than some.
    let others = rest.match_indices("://").nth(MAX_ADDRESSES);
    let rest = others.map_or(rest, |(at, _)| &rest[..at]);
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '<' | '>'));
    let all = &rest[..end.unwrap_or(rest.len())];
    let mut at = 0;
    while let Some(found) = all[at..].find(['"', '\'', '`']) {
        let quote = at + found;
        let after = &all[quote + 1..];
        let within = after.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '@' | '%'))
            && after.find('@').is_some_and(|at| !after[..at].contains(['"', '\'', '`', ',']));
        if !within {
            return all[..quote].trim_end_matches('\\');
        }
        at = quote + 1;
    }
    all
}

/// `8080`, `8080/path`: what follows a host, not a user.
fn looks_like_port(text: &str) -> bool {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let rest = text[digits..].chars().next();
    (1..=5).contains(&digits)
        && rest.is_none_or(|c| {
            matches!(c, '/' | '?' | '#' | '\\' | ',' | '.' | ';' | ')' | ']' | '}' | ':')
        })
}

fn shift(range: Range<usize>, by: usize) -> Range<usize> {
    range.start + by..range.end + by
}

/// The signature of an address that is signed: `?sig=…`, `&X-Amz-Signature=…`.
pub(crate) fn find_signature(text: &str, mark: Range<usize>) -> Option<Range<usize>> {
    let name_start = text[..mark.start]
        .rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'))
        .map_or(0, |before| before + text[before..].chars().next().map_or(1, char::len_utf8));
    let name = &text[name_start..mark.end];
    let known = ["sig=", "signature=", "x-amz-signature=", "x-goog-signature="]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known));
    let before = text[..name_start].chars().next_back();
    let in_query = before.is_none_or(|c| matches!(c, '?' | '&' | ';' | '"' | '\'' | ' '));
    if !known || !in_query {
        return None;
    }
    let ends =
        |c: char| c.is_whitespace() || matches!(c, '&' | '"' | '\'' | '<' | '>' | '\\' | '`');
    let rest = &text[mark.end..];
    let end = rest.find(ends).unwrap_or(rest.len());
    let end = rest[..end].trim_end_matches([',', ';', ')', ']', '}', '.']).len();
    (end >= MIN_SIGNATURE_BYTES).then(|| mark.end..mark.end + end)
}

#[cfg(test)]
mod tests {
    use super::find_password;

    #[test]
    fn passwords_are_found_and_ports_are_not() {
        for (text, secret) in [
            ("postgres://u:x@h/db", Some("x")),
            ("postgres://u:p@ss@h:5432/db?x=1", Some("p@ss")),
            ("postgres://u:5432/x@h", Some("5432/x")),
            ("postgres://u:p\"x@h", Some("p\"x")),
            ("postgres://u:a@b/x@h/d", Some("a@b/x")),
            ("postgres://u:x@h1:1,h2:2/db", Some("x")),
            ("postgres://u:x?y@h", Some("x?y")),
            ("redis://:x@h", Some("x")),
            ("https://x@github.com/a", Some("x")),
            ("https://x:x-oauth-basic@github.com", Some("x")),
            ("postgres://u:x", Some("x")),
            ("postgres://u@h:5432/db?user=a@b", None),
            ("postgres://h:5432/db?user=a@b", None),
            ("http://localhost:8080/a?b=c@d", None),
            ("http://localhost:8080/@scope/pkg", None),
            ("https://registry:5000/img@sha256:00", None),
            ("ssh://git@github.com/a", None),
            ("http://[::1]:80/a", None),
            ("postgres://HOST:PORT/DB", None),
            ("\"a://h:1\",\"x\":\"y@z\"", None),
        ] {
            let mark = text.find("://").map(|at| at..at + 3).unwrap();
            let found = find_password(text, mark).map(|range| &text[range]);
            assert_eq!(found, secret, "{text}");
        }
    }
}
