//! The two forms of a connection string, read as libpq reads them.

use crate::words::find_word;

/// Words with their values, in order; of two with one word the later counts.
pub(crate) type Pairs = Vec<(&'static str, String)>;

/// Whether the text is a URL of PostgreSQL.
pub(crate) fn is_url(text: &str) -> bool {
    text.starts_with("postgres://") || text.starts_with("postgresql://")
}

/// Reads either form.
///
/// # Errors
/// What is wrong with it, without any of its values.
pub(crate) fn parse(text: &str) -> Result<Pairs, String> {
    if let Some((_, rest)) = text.split_once("://").filter(|_| is_url(text)) {
        return parse_url(rest);
    }
    match text.split_once("://") {
        Some((scheme, _)) if scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '+') => {
            Err(format!("unsupported scheme `{scheme}`"))
        }
        _ => parse_pairs(text),
    }
}

fn store(pairs: &mut Pairs, name: &str, value: String) -> Result<(), String> {
    if name == "requiressl" {
        let mode = if value.starts_with('1') { "require" } else { "prefer" };
        pairs.push(("sslmode", mode.to_owned()));
        return Ok(());
    }
    let word = find_word(name).ok_or_else(|| unknown_word(name))?;
    pairs.push((word.name, value));
    Ok(())
}

/// A text that is not a word may be anything, a password that was not quoted too.
fn unknown_word(name: &str) -> String {
    let plain = name.len() <= 40 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match plain && !name.is_empty() {
        true => format!("unknown connection option `{name}`"),
        false => "unknown connection option".to_owned(),
    }
}

/// Everything behind `postgres://`.
fn parse_url(rest: &str) -> Result<Pairs, String> {
    let mut pairs = Pairs::new();
    let mut rest = rest;
    // A password may hold a colon, neither of them a slash or an at sign.
    if let Some(end) = rest.find(['@', '/']).filter(|end| rest[*end..].starts_with('@')) {
        let account = &rest[..end];
        let (user, password) = account.split_once(':').unwrap_or((account, ""));
        if !user.is_empty() {
            store(&mut pairs, "user", decode(user)?)?;
        }
        if !password.is_empty() {
            store(&mut pairs, "password", decode(password)?)?;
        }
        rest = &rest[end + 1..];
    }
    let (mut hosts, mut ports) = (String::new(), String::new());
    loop {
        if let Some(inner) = rest.strip_prefix('[') {
            let (address, after) = inner.split_once(']').ok_or("missing `]` after an address")?;
            if address.is_empty() {
                return Err("empty IPv6 address".to_owned());
            }
            if !after.is_empty() && !after.starts_with([':', '/', '?', ',']) {
                return Err("unexpected text after `]`".to_owned());
            }
            hosts.push_str(address);
            rest = after;
        } else {
            let end = rest.find([':', '/', '?', ',']).unwrap_or(rest.len());
            hosts.push_str(&rest[..end]);
            rest = &rest[end..];
        }
        if let Some(after) = rest.strip_prefix(':') {
            let end = after.find(['/', '?', ',']).unwrap_or(after.len());
            ports.push_str(&after[..end]);
            rest = &after[end..];
        }
        let Some(next) = rest.strip_prefix(',') else { break };
        hosts.push(',');
        ports.push(',');
        rest = next;
    }
    if !hosts.is_empty() {
        store(&mut pairs, "host", decode(&hosts)?)?;
    }
    if !ports.is_empty() {
        store(&mut pairs, "port", decode(&ports)?)?;
    }
    if let Some(path) = rest.strip_prefix('/') {
        let end = path.find('?').unwrap_or(path.len());
        if end > 0 {
            store(&mut pairs, "dbname", decode(&path[..end])?)?;
        }
        rest = &path[end..];
    }
    let query = rest.strip_prefix('?').unwrap_or_default();
    if query.is_empty() {
        return Ok(pairs);
    }
    // An `&` at the end is fine, two in a row are not.
    for parameter in query.strip_suffix('&').unwrap_or(query).split('&') {
        let (name, value) = parameter.split_once('=').ok_or("a parameter has no `=`")?;
        if value.contains('=') {
            return Err("a parameter has two `=`: write `%3D` within its value".to_owned());
        }
        let (name, value) = (decode(name)?, decode(value)?);
        match (name.as_str(), value.as_str()) {
            ("ssl", "true") => store(&mut pairs, "sslmode", "require".to_owned())?,
            _ => store(&mut pairs, &name, value)?,
        }
    }
    Ok(pairs)
}

/// `%40` becomes `@`, and nothing else changes: a `+` is a `+`.
fn decode(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first != b'%' {
            bytes.push(first);
            rest = after;
            continue;
        }
        let digit = |place: usize| {
            let digit = char::from(*after.get(place)?).to_digit(16)?;
            u8::try_from(digit).ok()
        };
        match (digit(0), digit(1)) {
            (Some(0), Some(0)) => return Err("forbidden value `%00`".to_owned()),
            (Some(high), Some(low)) => bytes.push(high * 16 + low),
            _ => return Err("a `%` is not followed by two hexadecimal digits".to_owned()),
        }
        rest = &after[2..];
    }
    String::from_utf8(bytes).map_err(|_| "not UTF-8 after decoding `%`".to_owned())
}

/// `word=value word='value'`.
fn parse_pairs(text: &str) -> Result<Pairs, String> {
    let mut pairs = Pairs::new();
    let mut rest = text.trim_start_matches(is_blank);
    while !rest.is_empty() {
        let end = rest.find(|c| c == '=' || is_blank(c)).unwrap_or(rest.len());
        let name = &rest[..end];
        let Some(after) = rest[end..].trim_start_matches(is_blank).strip_prefix('=') else {
            return Err("missing `=` after a word".to_owned());
        };
        let (value, left) = read_value(after.trim_start_matches(is_blank))?;
        store(&mut pairs, name, value)?;
        rest = left.trim_start_matches(is_blank);
    }
    Ok(pairs)
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

fn read_value(text: &str) -> Result<(String, &str), String> {
    let (quoted, body) = match text.strip_prefix('\'') {
        Some(body) => (true, body),
        None => (false, text),
    };
    let mut value = String::new();
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            '\'' if quoted => return Ok((value, &body[at + 1..])),
            c if !quoted && is_blank(c) => return Ok((value, &body[at..])),
            c => value.push(c),
        }
    }
    match quoted {
        true => Err("a quoted value has no end".to_owned()),
        false => Ok((value, "")),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use proptest::prelude::*;

    fn parsed(text: &str) -> Vec<(&'static str, String)> {
        parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn urls_are_read_as_libpq_reads_them() {
        for (url, expected) in [
            ("postgres://", ""),
            (
                "postgresql://u:p%40s+s@h:6000/db",
                "user=u password=p@s+s host=h port=6000 dbname=db",
            ),
            ("postgres://u:a:b@h", "user=u password=a:b host=h"),
            ("postgres://u@/d?host=/tmp/x&port=1", "user=u dbname=d host=/tmp/x port=1"),
            ("postgres://a:1,b:2/d", "host=a,b port=1,2 dbname=d"),
            ("postgres://a,b:2", "host=a,b port=,2"),
            ("postgres://[::1]:5/d", "host=::1 port=5 dbname=d"),
            ("postgres://%2Ftmp/d", "host=/tmp dbname=d"),
            ("postgres:///d?ssl=true", "dbname=d sslmode=require"),
            ("postgres://h?user=x&", "host=h user=x"),
        ] {
            let found: Vec<String> =
                parsed(url).iter().map(|(word, value)| format!("{word}={value}")).collect();
            assert_eq!(found.join(" "), expected, "{url}");
        }
    }

    #[test]
    fn pairs_are_read_as_libpq_reads_them() {
        assert_eq!(parsed(" host = h user='a b' ")[1], ("user", "a b".to_owned()));
        assert_eq!(parsed(r"password='it\'s' host=h")[0].1, "it's");
        assert_eq!(parsed(r"password=a\ b")[0].1, "a b");
        assert_eq!(parsed("host= user=x")[0], ("host", "user=x".to_owned()));
        assert_eq!(parsed("requiressl=1")[0], ("sslmode", "require".to_owned()));
        assert!(parsed("").is_empty());
    }

    #[test]
    fn what_libpq_refuses_is_refused_without_its_values() {
        for text in [
            "postgres://u:canary@[h/d",
            "postgres://u:canary@[]/d",
            "postgres://u:canary@[::1]x/d",
            "postgres://h/d?canary",
            "postgres://h/d?password=canary=x",
            "postgres://h/d?&user=canary",
            "postgres://h/d?nosuch=canary",
            "postgres://u:canary%zz@h",
            "postgres://u:canary%00@h",
            "mysql://u:canary@h",
            "nosuch=canary",
            "password='canary",
            "host canary",
            "canary word",
        ] {
            let error = parse(text).unwrap_err();
            assert!(!error.contains("canary"), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "(postgres://)?[a-z:@/?&=%\\[\\],' \\\\\u{e9}]{0,40}") {
            let _either = parse(&text);
        }

        #[test]
        fn a_quoted_value_is_itself(value in ".{0,30}") {
            let quoted = value.replace('\\', r"\\").replace('\'', r"\'");
            let text = format!("password='{quoted}' host=h");
            prop_assert_eq!(&parsed(&text)[0].1, &value);
        }
    }
}
