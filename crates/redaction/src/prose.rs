//! Sentences about secrets: `password: must have 8 letters`, `secret: CMS nothing`.

/// Words with which no password begins that further words follow, but sentences do: names of this
/// product's parts, and words that stand between others.
const BEGINNINGS: &[&str] = &[
    "CMS",
    "Kubernetes",
    "PostgreSQL",
    "a",
    "an",
    "are",
    "as",
    "at",
    "be",
    "both",
    "by",
    "can",
    "cannot",
    "could",
    "did",
    "do",
    "does",
    "expected",
    "for",
    "found",
    "from",
    "given",
    "had",
    "has",
    "have",
    "in",
    "is",
    "it",
    "may",
    "missing",
    "must",
    "needs",
    "neither",
    "no",
    "not",
    "nothing",
    "of",
    "on",
    "only",
    "required",
    "should",
    "than",
    "that",
    "the",
    "there",
    "these",
    "this",
    "those",
    "to",
    "too",
    "was",
    "were",
    "will",
    "with",
    "without",
    "would",
];

/// Whether what stands behind `NAME: ` is a sentence: such a word, and another one of letters.
pub(crate) fn begins_sentence(text: &str) -> bool {
    let line = text.split(['\n', '\r']).next().unwrap_or_default();
    let Some((first, rest)) = line.split_once(' ') else { return false };
    let second = rest.split(' ').next().unwrap_or_default();
    let second = second.trim_end_matches([',', ';', ':', '.', '!', '?', ')', '`']);
    let is_word = |word: &str| !word.is_empty() && word.chars().all(char::is_alphanumeric);
    BEGINNINGS.contains(&first) && is_word(second.trim_start_matches(['`', '(']))
}

#[cfg(test)]
mod tests {
    use crate::Redactor;

    #[test]
    fn sentences_about_secrets_keep_their_words() {
        let redactor = Redactor::new(&[], false);
        for text in [
            "password: must have 8 letters",
            "- secret: CMS nothing, Kubernetes present",
            "Kubernetes cannot be reached to create secrets: the Kubernetes at https://127.0.0.1:6443",
            "secrets: the Kubernetes at https://127.0.0.1:6443 is down",
            "secret: the name is taken",
            "token: not found",
            "the Secret: is missing",
        ] {
            assert_eq!(redactor.text(text), text);
        }
        for (text, masked) in [
            ("password: must", "password: ***"),
            ("password: hunter2 horse", "password: ***"),
            ("password=the quick", "password=*** quick"),
            ("\"password\": \"the quick\"", "\"password\": \"***\""),
        ] {
            assert_eq!(redactor.text(text), masked);
        }
    }
}
