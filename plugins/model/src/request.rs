//! What may be asked for when an instance is created: each rule with what would have been right.
//!
//! The command line checks before it sends anything, the API before it makes anything; both by
//! these functions.

use std::fmt;

/// The version where none is given.
pub const DEFAULT_VERSION: &str = "18";

/// The major part of a version such as `15.18` or `19beta1`.
#[must_use]
pub fn major_version(version: &str) -> Option<u32> {
    let digits = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    version[..digits].parse().ok()
}

/// The storage where none is given, in GB.
pub const DEFAULT_STORAGE_GB: i32 = 10;

/// Kubernetes takes 63 characters for a name; the longest one made of an instance's is its
/// Secret's, `<name>-<8 hex digits>-credentials`. That also stays below the 52 characters that a
/// StatefulSet's name may have, whose pods carry it with a hash in a label.
pub const NAME_MOST: usize = 63 - "-00000000-credentials".len();
/// The oldest and the newest major version of PostgreSQL that can be asked for.
pub const VERSIONS: std::ops::RangeInclusive<u16> = 13..=18;
/// The least and the most storage in GB; the most is the largest disk that a cloud gives.
pub const STORAGE_GB: std::ops::RangeInclusive<i32> = 1..=32_767;
/// The most characters of a password; PostgreSQL's older clients cut longer ones.
pub const PASSWORD_MOST: usize = 99;
/// The most tags of one instance.
pub const TAGS_MOST: usize = 50;
/// The most characters of a tag's name.
pub const TAG_NAME_MOST: usize = 63;
/// The most characters of a tag's value.
pub const TAG_VALUE_MOST: usize = 256;

/// Why something cannot be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong, in one line of lower case; never with a password in it.
    pub message: String,
    /// What would have been right.
    pub hint: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.message, self.hint)
    }
}

impl std::error::Error for Refusal {}

fn refuse(message: impl Into<String>, hint: impl Into<String>) -> Refusal {
    Refusal { message: message.into(), hint: hint.into() }
}

/// An instance's name: it becomes part of DNS names and of Kubernetes' names.
///
/// # Errors
/// What is wrong with it; the hint is a name like it where there is one.
pub fn name(name: &str) -> Result<(), Refusal> {
    let Some(wrong) = label_fault(name, NAME_MOST) else { return Ok(()) };
    let rule = format!(
        "a name begins with a letter, holds a-z, 0-9 and `-`, does not end in `-`, and has at \
         most {NAME_MOST} characters"
    );
    let hint = match mended(name, NAME_MOST) {
        Some(like) => format!("{rule}: `{like}` would do"),
        None => rule,
    };
    Err(refuse(format!("`{}` cannot be an instance's name: {wrong}", shown(name)), hint))
}

/// The label of an instance's public DNS name.
///
/// # Errors
/// What is wrong with it.
pub fn dns_label(label: &str) -> Result<(), Refusal> {
    let wrong = match label_fault(label, 63) {
        None if label.len() < 3 => Some("it is too short".to_owned()),
        fault => fault,
    };
    let Some(wrong) = wrong else { return Ok(()) };
    Err(refuse(
        format!("`{}` cannot be a DNS label: {wrong}", shown(label)),
        "a DNS label begins with a letter, holds a-z, 0-9 and `-`, does not end in `-`, and has 3 \
         to 63 characters",
    ))
}

/// A version of PostgreSQL: `18`, or `18.1`.
///
/// # Errors
/// Which versions there are.
pub fn version(version: &str) -> Result<(), Refusal> {
    let number = |part: &str| {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let plain = digits && (part == "0" || !part.starts_with('0'));
        plain.then(|| part.parse::<u16>().ok()).flatten()
    };
    let (major, minor) = match version.split_once('.') {
        Some((major, minor)) => (number(major), number(minor).is_some()),
        None => (number(version), true),
    };
    if minor && major.is_some_and(|major| VERSIONS.contains(&major)) {
        return Ok(());
    }
    let (oldest, newest) = (VERSIONS.start(), VERSIONS.end());
    Err(refuse(
        format!("`{}` is no version of PostgreSQL that can be had", shown(version)),
        format!("give {oldest} to {newest}, or with its minor version, such as `{newest}.1`"),
    ))
}

/// An amount of storage in GB. GB are Kubernetes' Gi.
///
/// # Errors
/// How much there may be.
pub fn storage_gb(gb: i64) -> Result<i32, Refusal> {
    i32::try_from(gb).ok().filter(|gb| STORAGE_GB.contains(gb)).ok_or_else(|| {
        let (least, most) = (STORAGE_GB.start(), STORAGE_GB.end());
        refuse(format!("{gb} GB of storage cannot be had"), format!("give {least} to {most} GB"))
    })
}

/// Storage as it is typed: `20`, `20GB`, `20Gi`, `1TB`, `1Ti`, in any case. GB and Gi are the same
/// here, as are TB and Ti, which are 1024 of them: Kubernetes allots powers of two.
///
/// # Errors
/// What can be typed, and how much there may be.
pub fn storage(typed: &str) -> Result<i32, Refusal> {
    let text = typed.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let factor = match text[digits..].trim_start().to_ascii_lowercase().as_str() {
        "" | "g" | "gb" | "gi" | "gib" => Some(1),
        "t" | "tb" | "ti" | "tib" => Some(1024),
        _ => None,
    };
    let amount = text[..digits].parse::<i64>().ok();
    let Some(gb) = amount.zip(factor).and_then(|(amount, factor)| amount.checked_mul(factor))
    else {
        return Err(refuse(
            format!("`{}` is no amount of storage", shown(typed)),
            "give whole GB, such as `20`, `20GB` or `1TB`",
        ));
    };
    storage_gb(gb)
}

/// A password for the superuser of an instance. Neither answer has any of it.
///
/// # Errors
/// What it may not be: PostgreSQL's image reads one line of it.
pub fn password(password: &str) -> Result<(), Refusal> {
    let length = password.chars().count();
    if password.is_empty() {
        return Err(refuse("the password is empty", "leave it out to have one generated"));
    }
    if password.chars().any(char::is_control) {
        return Err(refuse(
            "the password has a control character in it, such as a line break or a tab",
            "give one line of printable characters",
        ));
    }
    if length > PASSWORD_MOST {
        return Err(refuse(
            format!("the password has {length} characters"),
            format!("give at most {PASSWORD_MOST}"),
        ));
    }
    Ok(())
}

/// Tags: names with values.
///
/// # Errors
/// Which of them is wrong, and how.
pub fn tags<'a>(tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<(), Refusal> {
    let mut names = std::collections::BTreeSet::new();
    for (name, value) in tags {
        tag(name, value)?;
        if !names.insert(name) {
            let message = format!("the tag `{name}` is given twice");
            return Err(refuse(message, "give each tag once"));
        }
    }
    if names.len() > TAGS_MOST {
        return Err(refuse(
            format!("{} tags are too many", names.len()),
            format!("give at most {TAGS_MOST}"),
        ));
    }
    Ok(())
}

fn tag(name: &str, value: &str) -> Result<(), Refusal> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if name.is_empty() || name.len() > TAG_NAME_MOST || !name.chars().all(allowed) {
        return Err(refuse(
            format!("`{}` cannot be a tag's name", shown(name)),
            format!("a tag's name has 1 to {TAG_NAME_MOST} of a-z, A-Z, 0-9, `-`, `_`, `.`, `/`"),
        ));
    }
    if value.chars().count() > TAG_VALUE_MOST || value.chars().any(char::is_control) {
        return Err(refuse(
            format!("the value of the tag `{name}` cannot be kept"),
            format!("a tag's value has at most {TAG_VALUE_MOST} printable characters"),
        ));
    }
    Ok(())
}

/// What keeps a text from being a DNS label that begins with a letter.
fn label_fault(text: &str, most: usize) -> Option<String> {
    let wrong = text.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-'));
    if text.is_empty() {
        Some("it is empty".to_owned())
    } else if let Some(wrong) = wrong {
        Some(match wrong {
            ' ' => "it has a blank in it".to_owned(),
            'A'..='Z' => format!("`{wrong}` is upper case"),
            wrong => format!("it has `{}` in it", wrong.escape_default()),
        })
    } else if !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        Some("it does not begin with a letter".to_owned())
    } else if text.ends_with('-') {
        Some("it ends in `-`".to_owned())
    } else if text.len() > most {
        Some(format!("it has {} characters", text.len()))
    } else {
        None
    }
}

/// A label like the text; `None` where nothing of it can stay.
fn mended(text: &str, most: usize) -> Option<String> {
    let lower = text.to_lowercase();
    let kept: String =
        lower.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let kept = kept.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    let kept: String = kept.chars().take(most).collect();
    let kept = kept.trim_end_matches('-');
    (!kept.is_empty()).then(|| kept.to_owned())
}

/// What was typed, short enough for a line.
fn shown(text: &str) -> String {
    const MOST: usize = 80;
    let mut shown: String = text.chars().take(MOST).flat_map(char::escape_debug).collect();
    if text.chars().count() > MOST {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests;
