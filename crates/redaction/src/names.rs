//! Which names say that a secret stands under them.

/// Parts of a name that say so, in lower case and without separators.
const SECRET: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "apikey",
    "accesskey",
    "privatekey",
    "authorization",
];

/// Endings of names that speak about a secret without being one.
const ABOUT: &[&str] = &[
    "at", "count", "ms", "name", "names", "ref", "refs", "type", "length", "version", "expiry",
    "expires", "policy", "set", "required", "enabled", "limit", "file", "path",
];

/// Names that hold one of the parts and are no secret: duroxide's lease tokens say who holds a
/// lease, and nothing can be done with one from outside.
const HARMLESS: &[&str] = &["locktoken", "cancellationtoken", "show_secrets"];

/// Whether a field, column, option or variable of this name holds a secret.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let says = SECRET.iter().any(|part| plain.contains(part))
        || plain == "pwd"
        || plain.ends_with("pwd") && plain.len() <= 8;
    says && !HARMLESS.contains(&plain.as_str()) && !speaks_about(name)
}

fn speaks_about(name: &str) -> bool {
    let words = words(name);
    let first = words.first().map(String::as_str);
    let last = words.last().map(String::as_str);
    matches!(first, Some("has" | "is" | "needs" | "show" | "no"))
        || last.is_some_and(|last| words.len() > 1 && ABOUT.contains(&last))
}

/// `adminPassword`, `admin_password` and `admin-password` are two words each.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before_lower = false;
    for letter in name.chars() {
        let starts =
            !letter.is_ascii_alphanumeric() || (letter.is_ascii_uppercase() && before_lower);
        if starts && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        before_lower = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        if let Some(word) = words.last_mut().filter(|_| letter.is_ascii_alphanumeric()) {
            word.extend(letter.to_lowercase());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::is_secret;

    #[test]
    fn names_that_hold_a_secret_are_told_from_names_about_one() {
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
        ] {
            assert!(!is_secret(name), "{name}");
        }
        // A field of this name may hold a password; the shell's variable does not
        // (`settings::is_place`).
        assert!(is_secret("PWD"));
    }
}
