//! Secrets within JSON values.

use super::known::Place;
use super::names::{self, Secrecy};
use super::places::place_of;
use super::{MASK, Redactor};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// The fields of a setting with what is said of it.
pub(crate) const SETTING: &[&str] = &["value", "source", "env", "place", "secret"];

impl Redactor {
    /// The value, which anybody may have written, with every secret masked.
    pub fn value(&self, value: &mut Value) {
        self.value_at(value, Place::Free);
    }

    /// The value of such a place with every secret masked.
    pub(crate) fn value_at(&self, value: &mut Value, place: Place) {
        if self.show {
            return;
        }
        match value {
            Value::String(text) => self.in_place(text, place),
            Value::Array(values) => self.mask_items(values, place),
            Value::Object(fields) => {
                self.mask_names(fields);
                self.mask_fields(fields, place);
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    pub(crate) fn in_place(&self, text: &mut String, place: Place) {
        if let Cow::Owned(masked) = self.text_at(text, place) {
            *text = masked;
        }
    }

    /// The items of a list; a value may follow its option or the name of its header.
    fn mask_items(&self, values: &mut [Value], place: Place) {
        if let [Value::String(name), value @ Value::String(_)] = values
            && names::is_header(name)
        {
            return self.mask_value(value, names::secrecy(name), place);
        }
        let mut option = Secrecy::None;
        for value in values {
            let next = value.as_str().map_or(Secrecy::None, names::secrecy_of_option);
            self.mask_value(value, option, place);
            option = next;
        }
    }

    fn mask_fields(&self, fields: &mut Map<String, Value>, outer: Place) {
        let secret_object = fields.get("kind").and_then(Value::as_str) == Some("Secret");
        let named = fields.iter().filter(|(name, _)| names::names_another(name));
        let mut named = named.filter_map(|(_, value)| value.as_str().map(names::secrecy));
        let named = named.rfind(|secrecy| *secrecy != Secrecy::None);
        for (name, value) in fields {
            let whole = names::holds_secrets(name, secret_object);
            let secrecy = match (names::secrecy(name), named) {
                _ if whole => Secrecy::Whole,
                (Secrecy::None, Some(secrecy)) if names::holds_named(name) => secrecy,
                (secrecy, _) => secrecy,
            };
            self.mask_value(value, secrecy, place_of(name, outer));
        }
    }

    /// Masks secrets within names, which foreign documents may hold.
    fn mask_names(&self, fields: &mut Map<String, Value>) {
        let masked = |name: &String| self.text_at(name, Place::Ours).into_owned();
        if fields.keys().any(|name| masked(name) != *name) {
            let renamed = std::mem::take(fields).into_iter();
            *fields = renamed.map(|(name, value)| (masked(&name), value)).collect();
        }
    }

    /// Masks every text and number below a name that says this; an empty text hides nothing.
    pub(crate) fn mask_value(&self, value: &mut Value, secrecy: Secrecy, place: Place) {
        if secrecy == Secrecy::None {
            return self.value_at(value, place);
        }
        match value {
            Value::String(text) if text.is_empty() => {}
            Value::String(text) if !secrecy.hides(text) => self.in_place(text, place),
            Value::Number(number) if !secrecy.hides(&number.to_string()) => {}
            Value::String(_) | Value::Number(_) => *value = Value::from(MASK),
            Value::Array(values) => {
                values.iter_mut().for_each(|value| self.mask_value(value, secrecy, place));
            }
            Value::Object(fields) if is_setting(fields) => {
                let value = fields.get_mut("value").into_iter();
                value.for_each(|value| self.mask_value(value, secrecy, place));
            }
            Value::Object(fields) => {
                self.mask_names(fields);
                fields.values_mut().for_each(|value| self.mask_value(value, secrecy, place));
            }
            Value::Null | Value::Bool(_) => {}
        }
    }
}

/// A setting with what is said of it (`server config`): where it comes from is no secret.
fn is_setting(fields: &Map<String, Value>) -> bool {
    fields.get("secret") == Some(&Value::Bool(true))
        && fields.keys().all(|name| SETTING.contains(&name.as_str()))
}
