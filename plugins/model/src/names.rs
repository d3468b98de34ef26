//! Names of orchestrations and instances.

/// The type of an orchestration or activity: the last segment of a name that may be qualified
/// (`toygres::orchestration::create-instance`).
#[must_use]
pub fn short(name: &str) -> &str {
    name.rsplit("::").next().filter(|last| !last.is_empty()).unwrap_or(name)
}

/// The Kubernetes name of the database instance that an orchestration is about.
///
/// From its input where that says so, else from its id (`create-<k8s_name>`), sub-orchestrations
/// from their root's.
#[must_use]
pub fn k8s_name(id: &str, input: &serde_json::Value) -> Option<String> {
    if let Some(name) = input.get("k8s_name").and_then(serde_json::Value::as_str) {
        return Some(name.to_owned());
    }
    let root = id.split("::").next().unwrap_or(id);
    // What the control plane itself starts, whatever the name looks like; other kinds only where
    // the rest is a Kubernetes name for sure.
    let own = ["create-", "delete-", "health-"].iter().find_map(|kind| root.strip_prefix(kind));
    let other = || {
        let rest = root.split_once('-').map(|(_, name)| without_number(name));
        rest.filter(|name| has_suffix(name))
    };
    let name = own.map(without_number).or_else(other)?;
    Some(name.to_owned()).filter(|name| !name.is_empty())
}

/// The same without the number by which a later orchestration for one instance is told from the first:
/// `health-a-00000001-2` is the second monitor of `a-00000001`.
fn without_number(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((first, number)) if !has_suffix(name) && has_suffix(first) && is_number(number) => {
            first
        }
        _ => name,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether an orchestration is about the instance of this name, by either of its names.
///
/// A Kubernetes name that was given elsewhere may end in anything: only the name that is asked for tells
/// whether a number behind it belongs to it.
#[must_use]
pub fn is_about(id: &str, name: &str) -> bool {
    let root = id.split("::").next().unwrap_or(id);
    let numbered = |rest: &str| {
        rest == name
            || rest
                .strip_prefix(name)
                .and_then(|end| end.strip_prefix('-'))
                .is_some_and(|end| is_number(end) && end.len() < 8)
    };
    let own = ["create-", "delete-", "health-"].iter().find_map(|kind| root.strip_prefix(kind));
    own.is_some_and(numbered)
        || k8s_name(id, &serde_json::Value::Null).is_some_and(|k8s_name| {
            k8s_name == name || user_name(&k8s_name, &serde_json::Value::Null) == name
        })
}

/// `…-a1b2c3d4`, as the control plane ends every Kubernetes name.
fn has_suffix(name: &str) -> bool {
    name.rsplit_once('-').is_some_and(|(name, suffix)| {
        !name.is_empty() && suffix.len() == 8 && suffix.chars().all(|c| c.is_ascii_alphanumeric())
    })
}

/// The name that its user gave an instance: `proddb` of `proddb-a1b2c3d4`.
#[must_use]
pub fn user_name<'a>(k8s_name: &'a str, input: &'a serde_json::Value) -> &'a str {
    if let Some(name) = input.get("user_name").and_then(serde_json::Value::as_str) {
        return name;
    }
    match k8s_name.rsplit_once('-') {
        Some((name, _)) if has_suffix(k8s_name) => name,
        _ => k8s_name,
    }
}

#[cfg(test)]
mod tests {
    use super::{is_about, k8s_name, short, user_name};
    use serde_json::{Value, json};

    #[test]
    fn names_are_found_in_every_form() {
        assert_eq!(short("toygres::orchestration::create-instance"), "create-instance");
        assert_eq!(short("create-instance"), "create-instance");
        assert_eq!(short("odd::"), "odd::");
        let id = "create-my-db-a1b2c3d4::sub::2";
        assert_eq!(k8s_name(id, &Value::Null).as_deref(), Some("my-db-a1b2c3d4"));
        assert_eq!(k8s_name("x", &json!({"k8s_name": "y"})).as_deref(), Some("y"));
        assert_eq!(k8s_name("nightly", &Value::Null), None);
        assert_eq!(k8s_name("nightly-report", &Value::Null), None);
        assert_eq!(k8s_name("rotate-a-a1b2c3d4", &Value::Null).as_deref(), Some("a-a1b2c3d4"));
        for id in ["health-a-a1b2c3d4-2", "delete-a-a1b2c3d4-13", "rotate-a-a1b2c3d4-2::sub::1"] {
            assert_eq!(k8s_name(id, &Value::Null).as_deref(), Some("a-a1b2c3d4"), "{id}");
        }
        assert_eq!(user_name("my-db-a1b2c3d4", &Value::Null), "my-db");
        assert_eq!(user_name("plain", &Value::Null), "plain");
        assert_eq!(user_name("a-a1b2c3d4", &json!({"user_name": "b"})), "b");
    }

    #[test]
    fn every_orchestration_of_an_instance_is_about_it() {
        for (id, name, about) in [
            ("health-mydb-84ac288f", "mydb", true),
            ("health-mydb-84ac288f-2", "mydb", true),
            ("health-mydb-84ac288f-2", "mydb-84ac288f", true),
            ("delete-mydb-84ac288f-3::sub::2", "mydb", true),
            ("health-abandoned-db-xyz123-2", "abandoned-db-xyz123", true),
            ("health-abandoned-db-xyz123", "abandoned-db", false),
            ("health-mydb-84ac288f", "my", false),
            ("health-mydb-2-84ac288f", "mydb", false),
            ("health-mydb-2-84ac288f-2", "mydb-2", true),
            ("nightly", "nightly", false),
        ] {
            assert_eq!(is_about(id, name), about, "{id} {name}");
        }
    }
}
