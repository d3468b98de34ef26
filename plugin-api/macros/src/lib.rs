//! The macros of `toygres-plugin-api`. They write the manifest as constant text, so that it lies
//! in the library file and no code has to run to read it.

mod args;
mod attributes;
mod enums;
mod json;
mod plugin;
mod schema;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct the arguments of a command; its doc comment is the command's help and its
/// fields' doc comments are the help of the options.
///
/// On the struct, `#[command(…)]`: `name`, `category`, `scope = "server" | "top" | "local"`,
/// `mutating`, `watchable`, `hidden`, `aliases = [..]`, `examples = [..]`, `route`,
/// `formats = [..]` (texts that the report brings ready-made), `checks` (its rows are health checks),
/// and the result:
/// `rows = Type` or `detail = Type` (a `Schema`), or `list`.
///
/// On a field, `#[arg(…)]`: `long` or `long = "name"`, `short` or `short = 'x'`, `positional`,
/// `value_name`, `default = "as typed"`, `conflicts = ["field"]`, `requires = ["field"]`, `hidden`, and for
/// the completion of its value in a shell `complete_values = ["value", "value - what it means"]` or
/// `complete = function`, an `async fn(&Context, &str) -> Result<Vec<Candidate>>` that gets what is
/// typed of the value.
#[proc_macro_derive(Args, attributes(command, arg))]
pub fn derive_args(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    args::derive(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes an enum without fields the values of an option; `#[value(name = "…")]` renames one.
#[proc_macro_derive(ValueEnum, attributes(value))]
pub fn derive_value_enum(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    enums::derive(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Writes the JSON schema of a result at compile time, from what serde would write: structs with
/// named fields and enums without fields, with serde's `rename`, `rename_all` and `skip`.
#[proc_macro_derive(Schema, attributes(serde))]
pub fn derive_schema(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    schema::derive(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes the crate a plugin: `plugin! { name: "acme-backups", commands: [ stale_backups ] }`.
///
/// Also `description: "…"` and `needs: ["kube"]`. A command is the path of its function, whose
/// arguments struct has the same name in camel case in the same module, or
/// `ArgsStruct => function`.
#[proc_macro]
pub fn plugin(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as plugin::Plugin);
    plugin::expand(&input).into()
}
