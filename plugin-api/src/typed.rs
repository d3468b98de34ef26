//! From what was typed to the arguments of a command, by its manifest: the same code in the host and
//! in an author's tests.

pub mod values;

use crate::args::path_value;
use crate::manifest::{self, ArgKind};
use clap::builder::{OsStringValueParser, PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Arg, ArgAction, ArgMatches};
use serde_json::{Map, Value};

/// One argument of a plugin's command.
#[must_use]
pub fn argument(declared: &manifest::Arg) -> Arg {
    let mut arg = Arg::new(declared.id.clone())
        .help(declared.help.clone())
        .hide(declared.hidden)
        .conflicts_with_all(declared.conflicts.clone());
    for other in &declared.requires {
        arg = arg.requires(other.clone());
    }
    if !declared.positional {
        arg = arg.short(declared.short);
        if let Some(long) = &declared.long {
            arg = arg.long(long.clone());
        }
    }
    if declared.kind == ArgKind::Flag {
        return arg.action(ArgAction::SetTrue);
    }
    let name = declared.value_name.clone();
    arg = arg.value_name(name.unwrap_or_else(|| declared.id.to_uppercase()));
    arg = arg.required(declared.required);
    if let Some(default) = &declared.default {
        arg = arg.default_value(default.clone());
    }
    if declared.multiple {
        arg = arg.action(ArgAction::Append);
        if declared.kind == ArgKind::Enum {
            arg = arg.value_delimiter(',');
        }
    }
    if declared.kind == ArgKind::Integer || declared.kind == ArgKind::Float {
        arg = arg.allow_negative_numbers(true);
    }
    // What stands behind an option is its value, whatever it begins with, as `getopt` has it.
    let is_free = matches!(declared.kind, ArgKind::Text | ArgKind::Pair | ArgKind::Path);
    if is_free && !declared.positional {
        arg = arg.allow_hyphen_values(true);
    }
    if declared.kind == ArgKind::Path {
        // The name of a file need not be text.
        let parser = OsStringValueParser::new();
        return arg.value_parser(TypedValueParser::map(parser, |path| path_value(path.into())));
    }
    if declared.kind == ArgKind::Enum {
        let names: Vec<PossibleValue> = declared
            .values
            .iter()
            .map(|value| PossibleValue::new(value.name.clone()).help(value.help.clone()))
            .collect();
        let parser = PossibleValuesParser::new(names);
        return arg.value_parser(TypedValueParser::map(parser, Value::from));
    }
    let declared = declared.clone();
    arg.value_parser(move |typed: &str| {
        values::parse(declared.kind, typed).and_then(|value| values::within(&declared, value))
    })
}

/// The values of a command's arguments. What was not given and has no default is left out.
#[must_use]
pub fn arguments(declared: &[manifest::Arg], matches: &ArgMatches) -> Map<String, Value> {
    let mut args = Map::new();
    for arg in declared {
        let value = if arg.kind == ArgKind::Flag {
            Some(Value::Bool(matches.get_flag(&arg.id)))
        } else if arg.multiple {
            let values = matches.get_many::<Value>(&arg.id);
            values.map(|values| Value::Array(values.cloned().collect()))
        } else {
            matches.get_one::<Value>(&arg.id).cloned()
        };
        args.extend(value.map(|value| (arg.id.clone(), value)));
    }
    args
}
