use super::{NAME_MOST, dns_label, name, password, storage, storage_gb, tags, version};
use proptest::prelude::*;

#[test]
fn names_are_taken_or_refused_with_one_that_would_do() {
    for good in ["a", "mydb", "my-db-2", &"x".repeat(NAME_MOST)] {
        assert_eq!(name(good), Ok(()), "{good}");
    }
    for (bad, why, would_do) in [
        ("", "it is empty", None),
        ("MyDb", "`M` is upper case", Some("mydb")),
        ("my_db", "it has `_` in it", Some("my-db")),
        ("my db", "it has a blank in it", Some("my-db")),
        ("1db", "it does not begin with a letter", Some("db")),
        ("-db", "it does not begin with a letter", Some("db")),
        ("db-", "it ends in `-`", Some("db")),
        ("dbü", "it has `\\u{fc}` in it", Some("db")),
        ("../etc", "it has `.` in it", Some("etc")),
        ("--", "it does not begin with a letter", None),
        (&"x".repeat(NAME_MOST + 1), "it has 43 characters", Some(&"x".repeat(NAME_MOST))),
    ] {
        let refusal = name(bad).unwrap_err();
        assert!(refusal.message.ends_with(why), "{bad}: {refusal}");
        let like = refusal.hint.split("characters").last().unwrap_or_default();
        let expected = would_do.map(|name| format!(": `{name}` would do")).unwrap_or_default();
        assert_eq!(like, expected, "{bad}: {refusal}");
    }
}

#[test]
fn versions_are_majors_with_or_without_a_minor() {
    for good in ["13", "15", "18", "18.0", "17.12"] {
        assert_eq!(version(good), Ok(()), "{good}");
    }
    for bad in
        ["", "12", "99", "9.6", "18.", ".1", "18.1.2", "latest", "018", "18.01", "+18", "1 8"]
    {
        assert!(version(bad).unwrap_err().hint.contains("13 to 18"), "{bad}");
    }
}

#[test]
fn storage_is_read_with_and_without_units() {
    for (typed, gb) in [
        ("1", 1),
        ("20", 20),
        ("20GB", 20),
        ("20Gi", 20),
        ("20 gb", 20),
        ("1TB", 1024),
        ("2ti", 2048),
        ("32767", 32_767),
    ] {
        assert_eq!(storage(typed), Ok(gb), "{typed}");
    }
    for bad in ["", "GB", "500MB", "1.5", "-1", "ten", "20GBs"] {
        assert!(storage(bad).unwrap_err().hint.contains("whole GB"), "{bad}");
    }
    for bad in ["0", "32768", "99TB", "9223372036854775807"] {
        assert!(storage(bad).unwrap_err().hint.contains("1 to 32767 GB"), "{bad}");
    }
    assert!(storage("9223372036854775807TB").is_err());
    assert!(storage_gb(-5).is_err());
}

#[test]
fn passwords_are_one_line_and_never_in_the_answer() {
    for good in ["test123", "a b", "p@ss/w:rd", "pässwörd", &"x".repeat(99)] {
        assert_eq!(password(good), Ok(()), "{good}");
    }
    for bad in ["", "canary\nx", "canary\0", "canary\t", &"canary".repeat(20)] {
        let refusal = password(bad).unwrap_err();
        assert!(!refusal.to_string().contains("canary"), "{refusal}");
    }
}

#[test]
fn labels_and_tags_have_rules_of_their_own() {
    assert_eq!(dns_label("proddb"), Ok(()));
    for bad in ["", "ab", "Prod", "9db", "a.b", "db-", &"x".repeat(64)] {
        assert!(dns_label(bad).unwrap_err().hint.contains("3 to 63"), "{bad}");
    }
    assert_eq!(tags([("team", "data"), ("cost/center", "4711"), ("empty", "")]), Ok(()));
    assert!(tags([("a b", "x")]).is_err());
    assert!(tags([("a", "x"), ("a", "y")]).unwrap_err().message.contains("twice"));
    assert!(tags([("a", "x\n")]).is_err());
    let many: Vec<String> = (0..51).map(|n| format!("t{n}")).collect();
    assert!(tags(many.iter().map(|name| (name.as_str(), ""))).is_err());
}

proptest! {
    #[test]
    fn what_is_typed_never_panics_and_what_would_do_does(typed in ".{0,100}") {
        let _either = (version(&typed), storage(&typed), password(&typed), dns_label(&typed));
        if let Err(refusal) = name(&typed) {
            let end = refusal.hint.strip_suffix("` would do");
            if let Some((_, like)) = end.and_then(|hint| hint.rsplit_once('`')) {
                prop_assert_eq!(name(like), Ok(()), "{}", typed);
            }
        }
    }

    #[test]
    fn names_that_are_taken_make_names_that_kubernetes_takes(typed in "[a-z0-9-]{1,60}") {
        if name(&typed).is_ok() {
            let secret = format!("{typed}-0123abcd-credentials");
            prop_assert!(secret.len() <= 63);
            prop_assert!(secret.starts_with(|c: char| c.is_ascii_lowercase()));
        }
    }
}
