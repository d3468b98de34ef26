//! Arguments: what `derive(Args)` writes, and the types that can stand in an arguments struct.

use crate::context::{Context, Db, Query, Session};
use crate::error::{Error, Result};
use crate::protocol::{Candidate, Complete};
use serde_json::{Map, Value};
use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

/// The arguments of one command; `derive(Args)` implements it.
pub trait Args: Sized {
    /// The command's part of the manifest, as JSON.
    const MANIFEST: &'static str;

    /// The command's name.
    const NAME: &'static str;

    /// The command's scope, as in the manifest.
    const SCOPE: crate::manifest::Scope;

    /// Reads the struct from the arguments that the host parsed.
    ///
    /// # Errors
    /// When an argument is missing or of another type: the host and the plugin disagree then.
    fn from_args(args: &Map<String, Value>) -> Result<Self>;

    /// What may be typed for an argument; `None` where the plugin knows nothing of that.
    fn complete<'a>(context: &'a Context, asked: &'a Complete) -> Option<Completing<'a>> {
        let _nothing_is_known = (context, asked);
        None
    }
}

/// Values being looked for.
pub type Completing<'a> = Pin<Box<dyn Future<Output = Result<Vec<Candidate>>> + 'a>>;

/// A type that can stand in an arguments struct.
pub trait Argument: Sized {
    /// `"kind":"…"` and, for enums, `"values":[…]`: a piece of the manifest.
    const SPEC: &'static str;
    /// Whether one must be given where there is no default.
    const REQUIRED: bool = true;
    /// Whether it may be given more than once.
    const MULTIPLE: bool = false;

    /// Reads it from what the host parsed; `None` where it was not given.
    ///
    /// # Errors
    /// When the value is of another type.
    fn from_value(value: Option<&Value>) -> Result<Self>;
}

/// The arguments as the host sends them: id → value.
#[doc(hidden)]
pub type Arguments = Map<String, Value>;
/// One argument as the host sends it.
#[doc(hidden)]
pub type ArgumentValue = Value;

/// An enum whose variants are the values of an option; `derive(ValueEnum)` implements it.
pub trait ValueEnum {
    /// The variant as typed.
    fn name(&self) -> &'static str;
}

/// A path as the value that crosses: a text, or an object that holds its bytes where it is none.
#[doc(hidden)]
#[must_use]
pub fn path_value(path: PathBuf) -> Value {
    match path.into_os_string().into_string() {
        Ok(text) => Value::from(text),
        Err(path) => serde_json::json!({PATH_BYTES: path.into_vec()}),
    }
}

/// The path that crossed as a value.
#[doc(hidden)]
#[must_use]
pub fn path_of(value: &Value) -> Option<PathBuf> {
    if let Some(text) = value.as_str() {
        return Some(PathBuf::from(text));
    }
    let bytes = value.get(PATH_BYTES)?.as_array()?;
    let bytes: Option<Vec<u8>> = bytes.iter().map(|byte| byte.as_u64()?.try_into().ok()).collect();
    Some(PathBuf::from(OsString::from_vec(bytes?)))
}

/// The key of a path's bytes, as serde has it.
const PATH_BYTES: &str = "Unix";

/// What a derived enum answers to a value it does not know.
#[doc(hidden)]
#[must_use]
pub fn unknown_value(known: &[&str], value: Option<&Value>) -> Error {
    wrong(&format!("one of {}", known.join(", ")), value)
}

fn wrong(expected: &str, value: Option<&Value>) -> Error {
    let found = value.map_or_else(|| "nothing".to_owned(), Value::to_string);
    Error::plugin(format!("an argument should be {expected} but the host sent `{found}`"))
        .hint("the plugin was built against another manifest than it carries; rebuild it")
}

macro_rules! argument {
    ($kind:ty, $name:literal $($more:literal)*, $expected:literal, $read:expr) => {
        impl Argument for $kind {
            const SPEC: &'static str = concat!("\"kind\":\"", $name, "\"" $(, $more)*);

            fn from_value(value: Option<&Value>) -> Result<Self> {
                let read: fn(&Value) -> Option<Self> = $read;
                value.and_then(read).ok_or_else(|| wrong($expected, value))
            }
        }
    };
}

/// A whole number, and the smallest and largest that the type holds.
macro_rules! whole_number {
    ($($kind:ty, $least:literal, $most:literal;)+) => {$(
        argument!(
            $kind,
            "integer" ",\"min\":" $least ",\"max\":" $most,
            "a whole number",
            |value| match value.as_i64() {
                Some(number) => number.try_into().ok(),
                None => value.as_u64()?.try_into().ok(),
            }
        );
    )+};
}

argument!(String, "text", "text", |value| value.as_str().map(str::to_owned));
argument!(PathBuf, "path", "a path", path_of);
argument!(Duration, "duration", "milliseconds", |value| value.as_u64().map(Duration::from_millis));
whole_number! {
    i64, "-9223372036854775808", "9223372036854775807";
    u64, "0", "18446744073709551615";
    i32, "-2147483648", "2147483647";
    u32, "0", "4294967295";
    u16, "0", "65535";
    usize, "0", "18446744073709551615";
}
argument!(f64, "float", "a number", Value::as_f64);
argument!(Time, "time", "a time", |value| value.as_str().map(|text| Time(text.to_owned())));
argument!(RecordTime, "record_time", "a time", |value| {
    value.as_str().map(|text| RecordTime(text.to_owned()))
});
argument!(Pair, "pair", "NAME=VALUE", |value| {
    let (name, value) = value.as_str()?.split_once('=')?;
    Some(Pair { name: name.to_owned(), value: value.to_owned() })
});

impl Argument for bool {
    const SPEC: &'static str = "\"kind\":\"flag\"";
    const REQUIRED: bool = false;

    fn from_value(value: Option<&Value>) -> Result<Self> {
        value
            .map_or(Ok(false), |found| found.as_bool().ok_or_else(|| wrong("true or false", value)))
    }
}

impl<T: Argument> Argument for Option<T> {
    const SPEC: &'static str = T::SPEC;
    const REQUIRED: bool = false;

    fn from_value(value: Option<&Value>) -> Result<Self> {
        match value {
            None | Some(Value::Null) => Ok(None),
            given => T::from_value(given).map(Some),
        }
    }
}

impl<T: Argument> Argument for Vec<T> {
    const SPEC: &'static str = T::SPEC;
    const REQUIRED: bool = false;
    const MULTIPLE: bool = true;

    fn from_value(value: Option<&Value>) -> Result<Self> {
        let values = match value {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(values)) => values,
            other => return Err(wrong("a list", other)),
        };
        values.iter().map(|value| T::from_value(Some(value))).collect()
    }
}

/// A point in time, RFC 3339 in UTC; the host has resolved `2h`, `today` and the like.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(String);

impl Time {
    /// As RFC 3339 in UTC.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A point in time among the records of a database. What was typed as a distance (`2h`) counts back
/// from that database's clock: this machine's may be minutes off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordTime(String);

impl RecordTime {
    /// The point in time by the clock of the metadata database, which is asked where it must be.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn resolve(&self, db: &Db) -> Result<Time> {
        self.resolve_by(|sql| db.query(sql)).await
    }

    /// The same on the connection of a session.
    ///
    /// # Errors
    /// As for [`Self::resolve`].
    pub async fn resolve_in(&self, session: &Session) -> Result<Time> {
        self.resolve_by(|sql| session.query(sql)).await
    }

    async fn resolve_by(&self, query: impl FnOnce(&'static str) -> Query) -> Result<Time> {
        #[derive(serde::Deserialize)]
        struct Resolved {
            at: String,
        }
        let Some(ms) = self.0.strip_suffix("ms").filter(|ms| ms.parse::<u64>().is_ok()) else {
            return Ok(Time(self.0.clone()));
        };
        let sql = "SELECT now() - $1::interval AS at";
        let resolved: Resolved = query(sql).bind(format!("{ms} milliseconds")).fetch_one().await?;
        Ok(Time(resolved.at))
    }
}

/// `NAME=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// Before the first `=`.
    pub name: String,
    /// Behind it.
    pub value: String,
}

/// Puts constant pieces of text together at compile time; `plugin!` and `derive(Args)` use it.
#[doc(hidden)]
pub mod constant {
    /// The length of all parts together.
    #[must_use]
    pub const fn length(parts: &[&str]) -> usize {
        let mut total = 0;
        let mut n = 0;
        while n < parts.len() {
            total += parts[n].len();
            n += 1;
        }
        total
    }

    /// All parts, one after the other; `N` is their [`length`].
    #[must_use]
    pub const fn join<const N: usize>(parts: &[&str]) -> [u8; N] {
        let mut all = [0; N];
        let mut at = 0;
        let mut n = 0;
        while n < parts.len() {
            let part = parts[n].as_bytes();
            let mut i = 0;
            while i < part.len() {
                all[at] = part[i];
                at += 1;
                i += 1;
            }
            n += 1;
        }
        all
    }

    /// The joined bytes as text.
    #[must_use]
    pub const fn text(bytes: &[u8]) -> &str {
        match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(_) => panic!("joined text is UTF-8"),
        }
    }

    /// `"true"` or `"false"`.
    #[must_use]
    pub const fn boolean(value: bool) -> &'static str {
        if value { "true" } else { "false" }
    }
}
