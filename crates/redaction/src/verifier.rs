//! What PostgreSQL stores of a password, and the lines of a `.pgpass` file.

use super::tokens::end_of_word;
use std::ops::Range;

/// Letters of an MD5 digest in hexadecimal.
const MD5_LETTERS: usize = 32;

/// The rest of `SCRAM-SHA-256$ITERATIONS:SALT$STORED:SERVER`, with which passwords can be guessed.
pub(crate) fn find_scram(text: &str, begin: usize) -> Option<Range<usize>> {
    let end = end_of_word(text, begin);
    let iterations = text[begin..end].split(':').next()?;
    iterations.bytes().all(|byte| byte.is_ascii_digit()).then_some(begin..end)
}

/// The digest of `md5` and 32 digits, as `pg_authid` holds it.
pub(crate) fn find_md5(text: &str, word: Range<usize>) -> Option<Range<usize>> {
    let digest = text.get(word.end..word.end + MD5_LETTERS)?;
    let whole = !text[..word.start].ends_with(|c: char| c.is_ascii_alphanumeric())
        && !text[word.end + MD5_LETTERS..].starts_with(|c: char| c.is_ascii_alphanumeric());
    let hexadecimal = digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    (whole && hexadecimal).then(|| word.end..word.end + MD5_LETTERS)
}

/// The password of `HOST:PORT:DATABASE:USER:PASSWORD`, which is all that stands on its line.
pub(crate) fn find_passfile_line(text: &str, port: Range<usize>) -> Option<Range<usize>> {
    let begin = text[..port.start].rfind('\n').map_or(0, |line| line + 1);
    let host = text[begin..port.start].trim_start();
    let wildcard = &text[port.clone()] == ":*:";
    // `*:*:…` of a list may be anything; a port alone names a server.
    if host.is_empty() || host.contains(char::is_whitespace) || (wildcard && host.contains('/')) {
        return None;
    }
    let end = text[port.end..].find(['\n', '\r']).map_or(text.len(), |line| port.end + line);
    let mut fields = text[port.end..end].splitn(3, ':');
    let (database, user, password) = (fields.next()?, fields.next()?, fields.next()?);
    let named = |field: &str| !field.is_empty() && !field.contains(char::is_whitespace);
    let begins = password.starts_with(|c: char| !c.is_whitespace());
    (named(database) && named(user) && begins).then(|| end - password.len()..end)
}

#[cfg(test)]
mod tests {
    use crate::Redactor;

    #[test]
    fn a_stored_digest_is_masked_and_a_checksum_is_not() {
        let digest = "0123456789abcdef0123456789abcdef";
        let masked = |text: String| Redactor::new(&[], false).string(text);
        assert_eq!(masked(format!("('ann', 'md5{digest}')")), "('ann', 'md5***')");
        for other in [format!("md5 {digest}"), format!("md5{digest}0"), format!("amd5{digest}")] {
            assert_eq!(masked(other.clone()), other);
        }
    }
}
