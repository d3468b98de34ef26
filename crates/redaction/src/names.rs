//! Names under which a secret stands.
//!
//! The last word of a name decides: `api_token` names a token, `token_count` a number and
//! `authorization_endpoint` an address. Words that say which one of several it is (`password_old`,
//! `token2`) are looked past.

/// What a name says about its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// Nothing.
    None,
    /// It is a secret, whatever it looks like.
    Whole,
    /// It is a list of secrets or their number: numbers stay.
    Counted,
    /// It may be a password or the result of a check (`pass`): short numbers stay.
    Weak,
}

/// Words that are secrets. A word that ends with one of them is one too: `PGPASSWORD`,
/// `authtoken`.
const SECRETS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "token",
    "credential",
    "credentials",
    "creds",
    "authorization",
    "cookie",
    "apikey",
    "accesskey",
    "accountkey",
    "authkey",
    "encryptionkey",
    "masterkey",
    "privatekey",
    "privkey",
    "secretkey",
    "sharedkey",
    "signingkey",
    "storagekey",
    "requirepass",
    "masterauth",
    "bearer",
    "jwt",
];

/// Words that are secrets by themselves alone.
const WHOLE_WORDS: &[&str] = &["otp", "totp"];

/// The words before `key` that make a secret of it.
const KEYS: &[&str] = &[
    "access",
    "account",
    "api",
    "auth",
    "client",
    "encryption",
    "hmac",
    "master",
    "private",
    "secret",
    "service",
    "session",
    "shared",
    "signing",
    "storage",
    "symmetric",
    "tls",
];

/// The words before `pass` and `pw` where they are one word with it; `compass` names no password.
const OWNERS: &[&str] =
    &["", "admin", "db", "ftp", "ldap", "mail", "my", "pg", "root", "smtp", "ssh", "sql", "user"];

/// Words at the end of a name that say which secret, or how it is written.
const WHICH: &[&str] = &[
    "a",
    "b",
    "backup",
    "base64",
    "b64",
    "current",
    "data",
    "default",
    "dev",
    "encoded",
    "encrypted",
    "hash",
    "main",
    "master",
    "new",
    "next",
    "old",
    "plain",
    "plaintext",
    "previous",
    "primary",
    "prod",
    "raw",
    "replica",
    "secondary",
    "string",
    "test",
    "text",
    "val",
    "value",
];

/// Words before a plural that make a number of it.
const COUNTING: &[&str] = &[
    "avg",
    "cached",
    "completion",
    "count",
    "input",
    "max",
    "maximum",
    "min",
    "minimum",
    "n",
    "num",
    "number",
    "output",
    "prompt",
    "reasoning",
    "remaining",
    "total",
    "used",
];

/// Words that begin names of facts about a secret.
const FACTS: &[&str] = &["has", "is", "needs", "show", "no", "requires"];

/// What stands in place of a value that is not there; no password is guessed by it.
const ABSENT: &[&str] =
    &["(empty)", "(hidden)", "(missing)", "(none)", "(not set)", "(null)", "(redacted)", "(unset)"];

/// Names of secrets that are none: duroxide's lease tokens say who holds a lease, and nothing can
/// be done with one from outside; a pod's list of Secrets holds their names.
const HARMLESS: &[&str] = &["locktoken", "cancellationtoken", "imagepullsecrets"];

/// Fields that name another field's value: `{"name": "PGPASSWORD", "value": "…"}`.
const NAMING: &[&str] = &[
    "attribute",
    "env",
    "field",
    "header",
    "k",
    "key",
    "label",
    "name",
    "option",
    "param",
    "parameter",
    "property",
    "setting",
    "settingname",
    "var",
    "variable",
    "variablename",
];

/// Fields that hold the value of such a name.
const HOLDING: &[&str] =
    &["content", "current", "default", "setting", "stringvalue", "v", "val", "value", "values"];

/// Whether a field, column, option or variable of this name holds a secret.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    secrecy(name) != Secrecy::None
}

/// What a name says about its value.
#[must_use]
pub fn secrecy(name: &str) -> Secrecy {
    let mut words = words(name);
    if HARMLESS.contains(&words.concat().as_str()) {
        return Secrecy::None;
    }
    let fact = words.first().is_some_and(|first| FACTS.contains(&first.as_str()));
    if fact && words.len() > 1 {
        return Secrecy::None;
    }
    while words.len() > 1 && words.last().is_some_and(|last| says_which(last)) {
        words.pop();
    }
    let Some(last) = words.pop() else { return Secrecy::None };
    let last = last.trim_end_matches(|c: char| c.is_ascii_digit());
    let before = words.last().map_or("", String::as_str);
    if is_secret_word(last, before) {
        return Secrecy::Whole;
    }
    if is_weak_word(last) {
        return Secrecy::Weak;
    }
    let counted = words.iter().any(|word| COUNTING.contains(&word.as_str()))
        || COUNTING.iter().any(|count| last.len() > 7 && last.starts_with(count));
    match last.strip_suffix('s') {
        Some(one) if is_secret_word(one, before) && !counted => Secrecy::Counted,
        _ => Secrecy::None,
    }
}

/// What an option without a value (`--password`) says about the word behind it.
pub(crate) fn secrecy_of_option(word: &str) -> Secrecy {
    let option = word.strip_prefix("--").filter(|option| !option.contains(['=', ' ']));
    option.map_or(Secrecy::None, secrecy)
}

/// Whether this is the shell's variable with the current folder, and the value is a folder.
pub(crate) fn is_current_folder(name: &str, value: &str) -> bool {
    matches!(name, "PWD" | "OLDPWD") && value.starts_with('/')
}

/// Whether the value of a header of this name goes on to the end of its line.
pub(crate) fn is_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with("authorization") || name.ends_with("cookie") || name.starts_with("x-")
}

/// Whether this is a password, and no token or key.
pub(crate) fn is_password(name: &str) -> bool {
    let last = words(name).pop().unwrap_or_default();
    ["password", "passwd", "passphrase", "pass"].iter().any(|word| last.ends_with(word))
}

/// Whether a field of this name names what another field holds.
pub(crate) fn names_another(name: &str) -> bool {
    let plain = name.replace(['_', '-'], "");
    NAMING.iter().any(|naming| plain.eq_ignore_ascii_case(naming))
}

/// Whether a field of this name holds nothing but secrets, in an object of Kubernetes that is a Secret
/// or in one whose kind is not beside it.
pub(crate) fn holds_secrets(name: &str, is_secret_object: bool) -> bool {
    name == "stringData" || is_secret_object && name == "data"
}

/// Whether a field of this name holds what another field names.
pub(crate) fn holds_named(name: &str) -> bool {
    let plain = name.replace(['_', '-'], "");
    HOLDING.iter().any(|holding| plain.eq_ignore_ascii_case(holding))
}

impl Secrecy {
    /// Whether a value under such a name is masked that reads like this.
    pub(crate) fn hides(self, value: &str) -> bool {
        if ABSENT.contains(&value) {
            return false;
        }
        match self {
            Self::None => false,
            Self::Whole => true,
            Self::Counted => !is_number(value),
            Self::Weak => !(value.len() < 4 && is_number(value)),
        }
    }
}

fn is_number(value: &str) -> bool {
    value.starts_with(|c: char| c.is_ascii_digit() || c == '-') && value.parse::<f64>().is_ok()
}

fn is_secret_word(last: &str, before: &str) -> bool {
    // `passWord` is one word, however it is written.
    let joined = format!("{before}{last}");
    SECRETS.iter().any(|secret| last.ends_with(secret) || joined == *secret)
        || last.ends_with("pwd") && last.len() <= 8
        || last == "key" && KEYS.contains(&before)
        || WHOLE_WORDS.contains(&last)
}

fn is_weak_word(last: &str) -> bool {
    ["pass", "pw"]
        .iter()
        .any(|weak| last.strip_suffix(weak).is_some_and(|owner| OWNERS.contains(&owner)))
}

fn says_which(word: &str) -> bool {
    WHICH.contains(&word) || word.bytes().all(|byte| byte.is_ascii_digit())
}

/// `adminPassword`, `admin_password` and `admin-password` are two words each.
pub(crate) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before_lower = false;
    let mut inside = false;
    for letter in name.chars() {
        if !letter.is_ascii_alphanumeric() {
            inside = false;
            before_lower = false;
            continue;
        }
        if !inside || (letter.is_ascii_uppercase() && before_lower) {
            words.push(String::new());
        }
        inside = true;
        before_lower = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        if let Some(word) = words.last_mut() {
            word.push(letter.to_ascii_lowercase());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::{Secrecy, is_secret, secrecy};

    #[test]
    fn the_last_word_of_a_name_decides() {
        for name in [
            "password",
            "PGPASSWORD",
            "db_password",
            "adminPassword",
            "AWS_SECRET_ACCESS_KEY",
            "api-key",
            "apiKey",
            "token",
            "TOYGRES_API_TOKEN",
            "Authorization",
            "credentials",
            "pwd",
            "client_secret",
            "passwords",
            "api_token",
            "DB_PASS",
            "pass",
            "pw",
            "dbpw",
            "passphrase",
            "password_old",
            "password2",
            "token_1",
            "secretValue",
            "AccountKey",
            "SharedAccessKey",
            "client-key-data",
            "Set-Cookie",
            "Proxy-Authorization",
            "rolpassword",
            "spring.datasource.password",
            "X-Api-Key",
            "sslpassword",
            "API key",
            "passwd",
            "access_tokens",
            "PASSWORD_PROD",
            "password_hash",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "password_expires_at",
            "token_count",
            "has_password",
            "hasPassword",
            "secretName",
            "secret_ref",
            "lock_token",
            "PWD_COUNT",
            "instance",
            "PGPASSFILE",
            "key",
            "passed",
            "tokenType",
            "max_tokens",
            "maxTokens",
            "total_tokens",
            "tokenizer",
            "secretary",
            "authorization_endpoint",
            "password_length",
            "secret_name",
            "compass",
            "bypass",
            "primary_key",
            "public_key",
            "client-certificate-data",
            "aws_access_key_id",
            "show_secrets",
            "password_encryption",
            "token_url",
            "MAXTOKENS",
            "secretKeyRef",
            "cookie_count",
            "keyboard",
            "",
        ] {
            assert!(!is_secret(name), "{name}");
        }
        // A field of this name may hold a password; the shell's variable does not
        // (`settings::is_place`).
        assert!(is_secret("PWD"));
    }

    #[test]
    fn numbers_are_told_from_what_they_count() {
        for (name, number, hidden) in [
            ("password", "7", true),
            ("passwords", "7", false),
            ("tokens", "4096", false),
            ("pass", "3", false),
            ("pass", "123456", true),
            ("credentials", "7", true),
        ] {
            assert_eq!(secrecy(name).hides(number), hidden, "{name} {number}");
        }
        assert_eq!(secrecy("secrets"), Secrecy::Counted);
    }
}
