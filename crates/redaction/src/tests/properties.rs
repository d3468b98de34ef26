//! Whatever stands around a secret, it does not come through, and what is none stays as it is.

use crate::Redactor;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const NAMES: &[&str] = &["password", "api_token", "clientSecret", "DB_PASS", "sslpassword", "pwd"];

const NEIGHBOURS: &[&str] = &[
    "max_tokens",
    "tokenizer",
    "secretary",
    "password_length",
    "secret_name",
    "passed",
    "token_url",
];

fn masked(text: &str) -> String {
    Redactor::new(&[], false).text(text).into_owned()
}

/// How one text is put into another.
#[derive(Debug, Clone, Copy)]
enum Wrapping {
    Field,
    Item,
    Sentence,
    Line,
    Percent,
    Array,
}

fn wrap(text: &str, wrapping: Wrapping) -> String {
    match wrapping {
        Wrapping::Field => json!({"type": 1, "input": text, "z": [true]}).to_string(),
        Wrapping::Item => json!(["a", text]).to_string(),
        Wrapping::Sentence => format!("it failed: {text}"),
        Wrapping::Line => format!("first line\n{text}\nlast line"),
        Wrapping::Percent => ::url::form_urlencoded::byte_serialize(text.as_bytes())
            .collect::<String>()
            .replace('+', "%20"),
        Wrapping::Array => {
            format!("{{\"{}\",b}}", text.replace('\\', "\\\\").replace('"', "\\\""))
        }
    }
}

fn wrappings() -> impl Strategy<Value = Vec<Wrapping>> {
    let one = prop_oneof![
        Just(Wrapping::Field),
        Just(Wrapping::Item),
        Just(Wrapping::Sentence),
        Just(Wrapping::Line),
        Just(Wrapping::Array),
    ];
    prop::collection::vec(one, 0..5)
}

/// A secret in one of the shapes that texts give it.
fn shape(shape: usize, name: &str, canary: &str) -> String {
    match shape {
        0 => json!({"a": 1, name: canary}).to_string(),
        1 => json!({"a": 1, name: [{"b": canary}, 5]}).to_string(),
        2 => json!([{"name": name, "value": canary}]).to_string(),
        3 => format!("host=h {name}={canary} user=u"),
        4 => format!("postgres://u:{canary}@h:5432/db?x=1"),
        5 => format!("postgres://h/db?{name}={canary}&x=1"),
        6 => format!("{name}: {canary}"),
        7 => format!("<{name}>{canary}</{name}>"),
        8 => format!("Authorization: Bearer {canary}"),
        9 => format!("-----BEGIN PRIVATE KEY-----\n{canary}\n-----END PRIVATE KEY-----"),
        _ => format!("{name} '{canary}'"),
    }
}

/// Documents whose names and texts may say anything.
fn documents() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[a-z \"\\\\{}\\[\\]:=,'/@é]{0,12}",
        prop::sample::select(vec![
            "password=a,b",
            "postgres://u:p@h",
            "PGPASSWORD",
            "{\"token\":\"a\"}",
            "Secret"
        ])
        .prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    let name = prop_oneof![
        prop::sample::select(
            [NAMES, NEIGHBOURS, &["name", "value", "kind", "data", "tokens"]].concat()
        )
        .prop_map(str::to_owned),
        "[a-z\"\\\\é]{0,6}",
    ];
    leaf.prop_recursive(4, 32, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn a_secret_comes_through_no_nesting(
        canary in "CANARY[a-zA-Z0-9/+._-]{0,12}",
        name in prop::sample::select(NAMES),
        kind in 0_usize..11,
        wrappings in wrappings(),
        percent in any::<bool>(),
    ) {
        let mut text = shape(kind, name, &canary);
        for wrapping in &wrappings {
            text = wrap(&text, *wrapping);
        }
        if percent && kind == 4 {
            text = wrap(&text, Wrapping::Percent);
        }
        let once = masked(&text);
        prop_assert!(!once.contains("CANARY"), "{text}\n{once}");
        prop_assert_eq!(masked(&once), once);
    }

    #[test]
    fn neighbours_stay_in_every_nesting(
        value in "[a-z0-9]{1,8}",
        name in prop::sample::select(NEIGHBOURS),
        kind in 0_usize..4,
        wrappings in wrappings(),
    ) {
        let mut text = shape(kind, name, &value);
        for wrapping in &wrappings {
            text = wrap(&text, *wrapping);
        }
        prop_assert_eq!(masked(&text), text);
    }

    #[test]
    fn text_without_names_of_secrets_is_unchanged(text in "[ a-oq-z0-9{}\\[\\]\"',;=&%\\n-]{0,200}") {
        prop_assume!(!["token", "secret", "cookie", "credential", "key", "sig", "ey", "ew", "mi", "mh", "basic", "bearer", "authori", "identified"]
            .iter().any(|word| text.contains(word)));
        prop_assert_eq!(masked(&text), text);
    }

    #[test]
    fn documents_are_masked_alike_as_texts_and_as_values(document in documents()) {
        let once = masked(&document.to_string());
        let read: Value = serde_json::from_str(&once).unwrap();
        let mut value = document.clone();
        Redactor::new(&[], false).value(&mut value);
        if document.is_object() || document.is_array() {
            prop_assert_eq!(&read, &value, "{}", document);
        }
        prop_assert_eq!(masked(&once), once);
    }

    #[test]
    fn anything_is_masked_without_a_panic_and_twice_is_once(
        parts in prop::collection::vec(prop_oneof![
            ".{0,6}",
            prop::sample::select(vec![
                "password", "token:", "=", ": ", "\n", "\n  - ", "'", "\"", "\\\"", "{", "}", "[", "]", "(", ")", "://", "@",
                "name", "value", "<password>", "</", "-----BEGIN PRIVATE KEY-----", "$$", "%3A", "\\u0070", "\\n", "|\n", "***",
                "Authorization", "Bearer ", ",", ";", "&", "sig=", "kind: Secret\n", "data:\n", "IDENTIFIED BY ", "Key (", ")=(", "--",
            ]).prop_map(str::to_owned),
        ], 0..16),
    ) {
        let text = parts.concat();
        let once = masked(&text);
        prop_assert_eq!(masked(&once), once, "{}", text);
    }
}
