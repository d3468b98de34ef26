//! Secrets within text that is no document: what each word that may announce one announces.

use super::encoded;
use super::names::Secrecy;
use super::pairs::{Name, Secret};
use super::triggers::TRIGGERS;
use super::{apart, block, markup, statement, tokens, url, verifier};
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use std::ops::Range;
use std::sync::LazyLock;

/// Encodings within encodings that are looked through.
const MAX_ENCODINGS: usize = 3;

/// One pass over a text that holds no trigger is all that it costs.
pub(crate) static AUTOMATON: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostLongest)
        .kind(Some(AhoCorasickKind::DFA))
        .build(TRIGGERS)
        .unwrap_or_else(|_| unreachable!("a few short texts make a small automaton"))
});

/// The secrets of a text, in no order; they may overlap.
pub(crate) fn find_secrets(text: &str) -> Vec<Secret> {
    find_at_depth(text, 0)
}

fn find_at_depth(text: &str, depth: usize) -> Vec<Secret> {
    let mut found = find_plain(text);
    if depth < MAX_ENCODINGS
        && let Some(decoded) = encoded::decode(text)
    {
        let within = find_at_depth(&decoded.text, depth + 1);
        found.extend(within.into_iter().map(|secret| decoded.secret_in_source(text, secret)));
    }
    found
}

fn find_plain(text: &str) -> Vec<Secret> {
    let mut secrets: Vec<Secret> = block::find_secret_objects(text);
    // What was looked at already: a later word within it says nothing new.
    let mut covered = 0;
    for trigger in AUTOMATON.find_iter(text) {
        if trigger.start() < covered {
            continue;
        }
        let before = secrets.len();
        let name_end = find_announced(text, trigger.range(), &mut secrets);
        let end = secrets[before..].iter().filter(|s| s.range.start <= trigger.end() + 64);
        covered = end.map(|secret| secret.range.end).max().unwrap_or(covered).max(name_end);
    }
    secrets
}

/// What one trigger announces; returns the end of the name that was looked at.
fn find_announced(text: &str, trigger: Range<usize>, secrets: &mut Vec<Secret>) -> usize {
    let word = text[trigger.clone()].to_ascii_lowercase();
    let range: Option<Range<usize>> = match word.as_str() {
        "://" | ":\\/\\/" => url::find_password(text, trigger),
        ":thin:" => url::find_oracle_password(text, trigger.end),
        " -u " | "--user " => url::find_user_option(text, trigger),
        "sig=" | "signature=" => url::find_signature(text, trigger),
        "bearer" => tokens::find_bearer(text, trigger.end),
        "basic " => tokens::find_basic(text, trigger.end),
        "identified by" | "identified with" => statement::find_identified(text, trigger),
        "eyj" | "eya" | "ewo" | "ew0" => tokens::find_web_token(text, trigger.start),
        "ls0tls1crudjti" | "mii" | "mig" | "mhc" | "mhq" | "mc4ca" => {
            tokens::find_encoded_key(text, trigger.start)
        }
        // Found in what they decode to.
        "%3a%2f%2f" | "%253a%252f" | "sig%3d" | "\\u00" | "\\x" => None,
        "private key" if let Some(key) = tokens::find_private_key(text, trigger.clone()) => {
            Some(key)
        }
        "scram-sha-256$" => verifier::find_scram(text, trigger.end),
        "md5" => verifier::find_md5(text, trigger),
        ":5432:" | ":*:" => verifier::find_passfile_line(text, trigger),
        "private-lines" => tokens::find_putty_key(text, trigger.end),
        "hooks.slack.com/services/" => Some(trigger.end..tokens::end_of_word(text, trigger.end)),
        _ if is_prefix(&word) => tokens::find_prefixed(text, trigger),
        _ => return find_named(text, trigger, secrets),
    };
    secrets.extend(range.filter(|range| !range.is_empty()).map(Secret::from));
    0
}

/// Words with which tokens begin.
fn is_prefix(word: &str) -> bool {
    let names = word.ends_with("_key") || word.ends_with("-key");
    !names && (word.ends_with(['_', '-']) || matches!(word, "hvs." | "aiza"))
}

/// What stands before the kind of an object where it is spoken of.
const VERBS: &[&str] =
    &["create ", "delete ", "get ", "list ", "patch ", "read ", "update ", "watch ", "resource "];

/// Whether this names an object of Kubernetes or their kind: `secrets/shop-credentials: not found`,
/// `cannot create secrets: forbidden`.
fn is_object(name: &Name<'_>) -> bool {
    let before = &name.text.as_bytes()[..name.range.start];
    let ends_with = |word: &&str| {
        let begin = before.len().checked_sub(word.len());
        begin.is_some_and(|begin| before[begin..].eq_ignore_ascii_case(word.as_bytes()))
    };
    ["secret/", "secrets/"].iter().any(&ends_with)
        || matches!(name.written(), "secret" | "secrets") && VERBS.iter().any(ends_with)
}

/// What stands under the name that a word is part of, or is named by it elsewhere.
fn find_named(text: &str, word: Range<usize>, secrets: &mut Vec<Secret>) -> usize {
    let name = Name::around(text, word);
    let end = name.range.end;
    if name.secrecy == Secrecy::None || is_object(&name) {
        return end;
    }
    let found = markup::find_content(&name).map(Secret::from);
    let found = found.or_else(|| name.find_value());
    let found = found.or_else(|| statement::find_in_key(&name));
    let found = found.or_else(|| statement::find_inserted(&name));
    let found = found.or_else(|| apart::find_value(&name));
    secrets.extend(found.filter(|secret| {
        let value = &text[secret.range.clone()];
        !value.is_empty() && value != super::MASK && value != secret.mask
    }));
    end
}
