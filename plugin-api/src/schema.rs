//! What a result looks like, for the manifest: a JSON schema written at compile time.

use crate::args::constant;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;

/// A type whose JSON schema is known at compile time; `derive(Schema)` implements it for structs
/// with named fields and for enums without fields.
pub trait Schema {
    /// The JSON schema.
    const SCHEMA: &'static str;
}

macro_rules! schema {
    ($($schema:literal: $($kind:ty),+;)+) => {$($(
        impl Schema for $kind {
            const SCHEMA: &'static str = $schema;
        }
    )+)+};
}

schema! {
    r#"{"type":"string"}"#: String, &str, crate::args::Time;
    r#"{"type":"integer"}"#: i16, i32, i64, u16, u32, u64, usize;
    r#"{"type":"number"}"#: f32, f64;
    r#"{"type":"boolean"}"#: bool;
    "{}": Value, serde_json::Map<String, Value>;
}

/// The most bytes of a schema within another: an array's length cannot depend on a type
/// parameter, so the pieces are joined in a buffer of fixed size. A larger one fails to compile.
const MOST: usize = 32 * 1024;

/// The schema of a list, an optional value or a map of `T`.
struct Around<T>(PhantomData<T>);

impl<T: Schema> Around<T> {
    const LIST: [&'static str; 3] = [r#"{"type":"array","items":"#, T::SCHEMA, "}"];
    const OPTION: [&'static str; 3] = [r#"{"anyOf":["#, T::SCHEMA, r#",{"type":"null"}]}"#];
    const MAP: [&'static str; 3] = [r#"{"type":"object","additionalProperties":"#, T::SCHEMA, "}"];
    const LIST_BYTES: [u8; MOST] = constant::join(&Self::LIST);
    const OPTION_BYTES: [u8; MOST] = constant::join(&Self::OPTION);
    const MAP_BYTES: [u8; MOST] = constant::join(&Self::MAP);
}

const fn head<'a>(bytes: &'a [u8; MOST], parts: &[&str]) -> &'a str {
    constant::text(bytes.split_at(constant::length(parts)).0)
}

impl<T: Schema> Schema for Vec<T> {
    const SCHEMA: &'static str = head(&Around::<T>::LIST_BYTES, &Around::<T>::LIST);
}

impl<T: Schema> Schema for Option<T> {
    const SCHEMA: &'static str = head(&Around::<T>::OPTION_BYTES, &Around::<T>::OPTION);
}

impl<T: Schema> Schema for BTreeMap<String, T> {
    const SCHEMA: &'static str = head(&Around::<T>::MAP_BYTES, &Around::<T>::MAP);
}

impl<T: Schema> Schema for HashMap<String, T> {
    const SCHEMA: &'static str = head(&Around::<T>::MAP_BYTES, &Around::<T>::MAP);
}

impl<T: Schema> Schema for Box<T> {
    const SCHEMA: &'static str = T::SCHEMA;
}
