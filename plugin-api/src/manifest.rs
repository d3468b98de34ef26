//! What a plugin says of itself and its commands: bare data.
//!
//! `plugin!` writes it as JSON into a section of the library file at compile time; the host reads
//! it from the file without opening the library, so help, completion and every version check run
//! no code of the plugin. Unknown keys are ignored and missing ones have defaults, so that hosts
//! and plugins of different versions read each other.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The section of the library file that holds the manifest (ELF).
pub const SECTION: &str = ".toygres.manifest";
/// The segment and section that hold the manifest (Mach-O).
pub const SECTION_MACHO: &str = "__DATA,__toygres";
/// The manifest's first bytes in the section; what follows is JSON up to the section's end or a
/// NUL byte.
pub const MAGIC: &str = "toygres-manifest-1\n";
/// The version of the border, `major.minor`: a host opens plugins of its own major only.
pub const ABI_VERSION: &str = "1.0";

/// The version of this crate.
pub const SDK_VERSION: &str = env!("CARGO_PKG_VERSION");
/// The compiler that this crate was built with.
pub const RUSTC: &str = env!("TOYGRES_RUSTC");
/// The target that this crate was built for.
pub const TARGET: &str = env!("TOYGRES_TARGET");

/// What a plugin says of itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Manifest {
    /// The plugin's name, `[a-z][a-z0-9-]*`.
    pub name: String,
    /// The plugin's own version.
    pub version: String,
    /// One line: what it is for.
    pub description: String,
    /// The border it was built for, `major.minor`.
    pub abi: String,
    /// The version of `toygres-plugin-api` it was built with.
    pub sdk: String,
    /// The compiler it was built with.
    pub rustc: String,
    /// The target it was built for (`x86_64-unknown-linux-gnu`).
    pub target: String,
    /// The abilities of the host that it cannot do without, by name (`kube`, `workflows`, …).
    pub needs: Vec<String>,
    /// Its commands.
    pub commands: Vec<Command>,
}

/// One command.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Command {
    /// As typed: `stale-backups`.
    pub name: String,
    /// Under `toygres server`, or directly under `toygres`.
    pub scope: Scope,
    /// One line for lists of commands.
    pub about: String,
    /// The whole doc comment.
    pub long_about: String,
    /// The heading it stands under in help.
    pub category: String,
    /// It changes something: it gets the ability to only after a confirmation.
    pub mutating: bool,
    /// How the operator consents to what a mutating command changes.
    pub consent: Consent,
    /// It is about the machine it is typed on: it is never sent to a server to be run there.
    pub here: bool,
    /// How long the host waits for it to end after an interruption, in milliseconds; 0 leaves
    /// that to the host.
    pub grace_ms: u64,
    /// `--watch` makes sense.
    pub watchable: bool,
    /// Not listed in help.
    pub hidden: bool,
    /// Other names.
    pub aliases: Vec<String>,
    /// Its options and positional arguments, in the order of help.
    pub args: Vec<Arg>,
    /// The result: a list or a detail, and its JSON schema where declared.
    pub result: ResultShape,
    /// Formats of its own beside the host's, such as `prometheus`: the report has a ready-made
    /// text for each ([`crate::report::Report::texts`]).
    pub formats: Vec<String>,
    /// Its rows are checks of something's health, for whoever gathers those: see
    /// [`crate::report::CHECK_KEYS`].
    pub checks: bool,
    /// Its endpoint below `/api/server`, where it differs from `/<name>`.
    pub route: Option<String>,
    /// Lines for the end of the help.
    pub examples: Vec<String>,
}

/// Where a command hangs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// `toygres server NAME`.
    #[default]
    Server,
    /// `toygres NAME`.
    Top,
    /// `toygres local NAME`.
    Local,
}

/// How the operator consents to what a mutating command changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// By typing the command: `create NAME` needs no second word.
    Typed,
    /// By answering the question that the command asks; so too where a host does not know what a
    /// newer plugin wants.
    #[default]
    #[serde(other)]
    Asked,
}

/// The shape of a command's data.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResultShape {
    /// An array of rows: `jsonl`, `csv` and `--columns` make sense.
    pub list: bool,
    /// JSON schema of a row (list) or of the object (detail); `null` where not declared.
    pub schema: Option<Value>,
    /// JSON schemas of the whole data where an argument asks for something else.
    pub also: Vec<Value>,
}

/// An option, a flag or a positional argument.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Arg {
    /// The name of the struct's field; the key of its value in the arguments.
    pub id: String,
    /// `--long`, without the dashes; absent for a positional.
    pub long: Option<String>,
    /// `-s`.
    pub short: Option<char>,
    /// Taken by position, not by name.
    pub positional: bool,
    /// Shown in help as `<NAME>`.
    pub value_name: Option<String>,
    /// The doc comment.
    pub help: String,
    /// What its value must look like.
    pub kind: ArgKind,
    /// The smallest number allowed, for [`ArgKind::Integer`].
    pub min: Option<i64>,
    /// The largest number allowed, for [`ArgKind::Integer`].
    pub max: Option<u64>,
    /// The only values allowed, for [`ArgKind::Enum`].
    pub values: Vec<ArgValue>,
    /// Values that a shell offers, though others may be typed too.
    pub suggestions: Vec<ArgValue>,
    /// The plugin knows values that a shell can offer, and answers when it is asked for them
    /// ([`crate::protocol::Complete`]). One that does not say so is never asked.
    pub completes: bool,
    /// The value where none is given, as one would type it.
    pub default: Option<String>,
    /// One must be given.
    pub required: bool,
    /// May be given more than once.
    pub multiple: bool,
    /// Ids of arguments it cannot stand beside.
    pub conflicts: Vec<String>,
    /// Ids of arguments it needs beside it.
    pub requires: Vec<String>,
    /// A flag with which a command that only reads changes something, after a confirmation.
    pub mutates: bool,
    /// A flag with which the command goes on until it is interrupted, and shows what it sees
    /// meanwhile: it makes no sense where one document is the answer.
    pub follows: bool,
    /// A flag that asks for secrets: with it this run masks none, as with `--show-secrets`.
    pub reveals: bool,
    /// Of a path: the command may write the file. It lies on the machine of whoever asks, so that a
    /// server sends back what was written.
    pub writes: bool,
    /// Not listed in help.
    pub hidden: bool,
}

/// What an argument's value must look like. The value crosses as the JSON type named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArgKind {
    /// Present or not: a boolean.
    Flag,
    /// Any text: a string. Kinds this host does not know are taken as text.
    #[default]
    Text,
    /// A whole number: a number.
    Integer,
    /// A number.
    Float,
    /// `90s`, `15m`, `1d12h`: whole milliseconds as a number.
    Duration,
    /// A point in time (`2h`, RFC 3339, a date, `today`, `@epoch`): RFC 3339 in UTC.
    Time,
    /// A point in time among the records of a database, as [`Self::Time`]; but a distance such as
    /// `2h` counts back from the database's clock and crosses as whole milliseconds: `7200000ms`.
    RecordTime,
    /// One of `values`: a string.
    Enum,
    /// A file or folder: a string.
    Path,
    /// `NAME=VALUE`: a string.
    Pair,
}

/// One value of an enum argument.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ArgValue {
    /// As typed.
    pub name: String,
    /// What it means.
    pub help: String,
}
