use crate::Redactor;
use proptest::prelude::*;
use serde_json::{Value, json};

fn masked(text: &str) -> String {
    Redactor::new(&[], false).text(text).into_owned()
}

#[test]
fn what_announces_a_secret_is_masked() {
    for (text, expected) in [
        ("postgres://u:hunter2@h/db", "postgres://u:***@h/db"),
        ("postgres://u:p@ss@h:5432/db?x=1", "postgres://u:***@h:5432/db?x=1"),
        ("postgres://u:a/b@h/db", "postgres://u:***@h/db"),
        ("see http://localhost:8080/a?b=c@d", "see http://localhost:8080/a?b=c@d"),
        ("host=h password=hunter2 user=u", "host=h password=*** user=u"),
        ("password='a b''c' user=u", "password='***' user=u"),
        ("PGPASSWORD=x psql", "PGPASSWORD=*** psql"),
        ("Authorization: Bearer abcd.efgh", "Authorization: Bearer ***"),
        ("CREATE ROLE u PASSWORD 'hunter2'", "CREATE ROLE u PASSWORD '***'"),
        (
            "toygres create db --password hunter2 -o json",
            "toygres create db --password *** -o json",
        ),
        (r#"{"password":"a\"b\\","x":1}"#, r#"{"password":"***","x":1}"#),
        (r#"{"input":"{\"password\":\"a\\\"b\"}"}"#, r#"{"input":"{\"password\":\"***\"}"}"#),
        (r#"{"token": 1234, "n": 5}"#, r#"{"token": "***", "n": 5}"#),
        (
            r#"{"has_password": true, "password": null}"#,
            r#"{"has_password": true, "password": null}"#,
        ),
        ("the password was wrong", "the password was wrong"),
        ("give `postgres://USER:PASSWORD@HOST/DB`", "give `postgres://USER:PASSWORD@HOST/DB`"),
        (
            "password authentication failed for user \"u\"",
            "password authentication failed for user \"u\"",
        ),
    ] {
        assert_eq!(masked(text), expected, "{text}");
    }
}

#[test]
fn secret_objects_and_names_are_masked_at_any_depth() {
    let mut value = json!({
        "items": [{"kind": "Secret", "data": {"a": "aHVudGVyMg=="}, "metadata": {"name": "n"}}],
        "spec": {"adminPassword": "x", "credentials": {"user": "u", "n": 1}, "password": ""},
    });
    Redactor::new(&[], false).value(&mut value);
    assert_eq!(
        value,
        json!({
            "items": [{"kind": "Secret", "data": {"a": "***"}, "metadata": {"name": "n"}}],
            "spec": {"adminPassword": "***", "credentials": {"user": "***", "n": "***"}, "password": ""},
        })
    );
}

/// What a setting comes from is no secret, whatever its name.
#[test]
fn a_setting_is_masked_and_its_source_is_not() {
    let mut value = json!({
        "token": {"value": "x", "source": "file", "env": "A_TOKEN", "place": null, "secret": true},
        "password": {"value": "x", "source": "y", "secret": "z"},
    });
    Redactor::new(&[], false).value(&mut value);
    assert_eq!(
        value,
        json!({
            "token":
                {"value": "***", "source": "file", "env": "A_TOKEN", "place": null, "secret": true},
            "password": {"value": "***", "source": "***", "secret": "***"},
        })
    );
}

#[test]
fn known_values_are_masked_in_every_form() {
    let redactor = Redactor::new(&["s3cr&t\"x".to_owned()], false);
    for text in ["a s3cr&t\"x b", "a s3cr%26t%22x b", r#"a s3cr&t\"x b"#, "a czNjciZ0Ing= b"] {
        assert_eq!(redactor.text(text), "a *** b");
    }
    assert_eq!(Redactor::new(&["hunter2".to_owned()], true).text("hunter2"), "hunter2");
}

/// A canary within a document, and the document within texts of documents.
fn nested(canary: &str, name: &str, levels: usize) -> String {
    let mut text = json!({"a": 1, name: canary, "z": "end"}).to_string();
    for level in 0..levels {
        text = json!({"type": level, "input": text}).to_string();
    }
    text
}

proptest! {
    #[test]
    fn a_canary_survives_at_no_level_of_escaping(
        canary in "[a-zA-Z0-9 \"\\\\'/@:,{}-]{0,12}CANARY[a-zA-Z0-9 \"\\\\'/@:,{}-]{0,12}",
        name in prop::sample::select(vec!["password", "api_key", "clientSecret", "TOKEN"]),
        levels in 0_usize..5,
    ) {
        let text = nested(&canary, name, levels);
        let once = masked(&text);
        prop_assert!(!once.contains("CANARY"), "{}", once);
        // What stands around it is still a document.
        prop_assert!(serde_json::from_str::<Value>(&once).is_ok(), "{}", once);
        prop_assert_eq!(masked(&once), once);
    }

    #[test]
    fn a_password_in_a_url_never_survives(
        user in "[a-z]{1,8}", canary in "[a-zA-Z0-9%@:._~!$*-]{0,8}CANARY[a-zA-Z0-9%:._~!$*-]{0,8}",
        host in "[a-z]{1,8}",
    ) {
        let text = format!("x postgresql://{user}:{canary}@{host}:5432/db y");
        prop_assert!(!masked(&text).contains("CANARY"));
    }

    #[test]
    fn any_text_is_masked_without_a_panic_and_twice_is_once(text in ".{0,80}", name in "(password|://|token)") {
        let once = masked(&format!("{text}{name}{text}"));
        prop_assert_eq!(masked(&once), once);
    }
}
