//! `derive(Args)`.

use crate::attributes::{about, docs, kebab, paragraphs, text, texts, types};
use crate::json::{Pieces, optional, string, strings};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Field, Fields, LitChar, LitStr, Path, Result, Type};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(input, "the arguments of a command are a struct"));
    };
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(&input.generics, "a command's arguments have no generics"));
    }
    let fields: Vec<Argument<'_>> = match &data.fields {
        Fields::Named(named) => named.named.iter().map(Argument::read).collect::<Result<_>>()?,
        Fields::Unit => Vec::new(),
        Fields::Unnamed(_) => {
            return Err(Error::new_spanned(input, "the fields of an arguments struct have names"));
        }
    };
    let command = Command::read(input)?;
    check_references(&fields)?;

    let mut pieces = Pieces::default();
    pieces.text(command.before_args());
    for (n, field) in fields.iter().enumerate() {
        if n > 0 {
            pieces.text(",");
        }
        field.describe(&mut pieces);
    }
    pieces.text("]");
    command.describe_result(&mut pieces);
    pieces.text("}");

    let (ident, name, scope, manifest) =
        (&input.ident, &command.name, command.scope.tokens(), pieces.joined());
    let reads = fields.iter().map(|field| {
        let (ident, id, kind) = (&field.field.ident, &field.id, &field.field.ty);
        quote!(#ident: <#kind as ::toygres_plugin_api::args::Argument>::from_value(args.get(#id))?)
    });
    let body = if matches!(data.fields, Fields::Unit) {
        quote!({
            let _ = args;
            Ok(Self)
        })
    } else {
        quote!({ let _ = args; Ok(Self { #(#reads),* }) })
    };
    let complete = complete(&fields);
    Ok(quote! {
        #[automatically_derived]
        impl ::toygres_plugin_api::args::Args for #ident {
            const MANIFEST: &'static str = #manifest;
            const NAME: &'static str = #name;
            const SCOPE: ::toygres_plugin_api::manifest::Scope = #scope;

            fn from_args(
                args: &::toygres_plugin_api::args::Arguments,
            ) -> ::toygres_plugin_api::Result<Self> #body

            #complete
        }
    })
}

/// `Args::complete`, where a field names a function that knows its values.
fn complete(fields: &[Argument<'_>]) -> Option<TokenStream> {
    let known = fields.iter().filter_map(|field| Some((&field.id, field.complete.as_ref()?)));
    let arms: Vec<TokenStream> = known
        .map(|(id, function)| {
            quote! {
                #id => ::std::option::Option::Some(::std::boxed::Box::pin(
                    #function(context, asked.begun.as_str()),
                )),
            }
        })
        .collect();
    (!arms.is_empty()).then(|| {
        quote! {
            fn complete<'a>(
                context: &'a ::toygres_plugin_api::Context,
                asked: &'a ::toygres_plugin_api::protocol::Complete,
            ) -> ::std::option::Option<::toygres_plugin_api::args::Completing<'a>> {
                match asked.arg.as_str() {
                    #(#arms)*
                    _ => ::std::option::Option::None,
                }
            }
        }
    })
}

/// Where a command hangs.
#[derive(Default, Clone, Copy)]
enum Scope {
    #[default]
    Server,
    Top,
    Local,
}

impl Scope {
    fn parse(name: &LitStr) -> Result<Self> {
        match name.value().as_str() {
            "server" => Ok(Self::Server),
            "top" => Ok(Self::Top),
            "local" => Ok(Self::Local),
            _ => Err(Error::new_spanned(name, "a scope is \"server\", \"top\" or \"local\"")),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Top => "top",
            Self::Local => "local",
        }
    }

    fn tokens(self) -> TokenStream {
        match self {
            Self::Server => quote!(::toygres_plugin_api::manifest::Scope::Server),
            Self::Top => quote!(::toygres_plugin_api::manifest::Scope::Top),
            Self::Local => quote!(::toygres_plugin_api::manifest::Scope::Local),
        }
    }
}

/// `consent = "typed"` or `consent = "asked"`.
fn consent(text: LitStr) -> Result<LitStr> {
    match text.value().as_str() {
        "typed" | "asked" => Ok(text),
        _ => Err(Error::new_spanned(text, "a consent is \"typed\" or \"asked\"")),
    }
}

/// `grace = "30s"`, in whole seconds.
fn seconds(text: &LitStr) -> Result<u64> {
    let value = text.value();
    let number = value.strip_suffix('s').and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| Error::new_spanned(text, "whole seconds, such as \"30s\""))
}

/// What the command's answer looks like.
#[derive(Default)]
enum Answer {
    #[default]
    Undeclared,
    List,
    Rows(Type),
    Detail(Type),
}

/// What stands on the struct.
#[derive(Default)]
struct Command {
    name: String,
    about: String,
    long_about: String,
    category: Option<String>,
    scope: Scope,
    mutating: bool,
    consent: Option<LitStr>,
    here: bool,
    grace_ms: u64,
    watchable: bool,
    hidden: bool,
    aliases: Vec<String>,
    examples: Vec<String>,
    route: Option<String>,
    formats: Vec<String>,
    checks: bool,
    answer: Answer,
    also: Vec<Type>,
}

impl Command {
    fn read(input: &DeriveInput) -> Result<Self> {
        let docs = docs(&input.attrs);
        let mut command = Self {
            name: kebab(&input.ident.to_string()),
            about: about(&docs),
            long_about: paragraphs(&docs),
            ..Self::default()
        };
        if command.about.is_empty() {
            let what = "a command needs a doc comment: it is its help";
            return Err(Error::new_spanned(&input.ident, what));
        }
        for attribute in input.attrs.iter().filter(|found| found.path().is_ident("command")) {
            attribute.parse_nested_meta(|meta| {
                let key = meta.path.require_ident()?.to_string();
                match key.as_str() {
                    "name" => command.name = text(&meta)?,
                    "category" => command.category = Some(text(&meta)?),
                    "scope" => command.scope = Scope::parse(&meta.value()?.parse()?)?,
                    "mutating" => command.mutating = true,
                    "consent" => command.consent = Some(consent(meta.value()?.parse()?)?),
                    "here" => command.here = true,
                    "grace" => command.grace_ms = seconds(&meta.value()?.parse()?)? * 1000,
                    "watchable" => command.watchable = true,
                    "hidden" => command.hidden = true,
                    "aliases" => command.aliases = texts(&meta)?,
                    "examples" => command.examples = texts(&meta)?,
                    "route" => command.route = Some(text(&meta)?),
                    "formats" => command.formats = texts(&meta)?,
                    "checks" => command.checks = true,
                    "list" => command.answer = Answer::List,
                    "rows" => command.answer = Answer::Rows(meta.value()?.parse()?),
                    "also" => command.also = types(&meta)?,
                    "detail" => command.answer = Answer::Detail(meta.value()?.parse()?),
                    _ => {
                        return Err(meta.error(
                            "known here: name, category, scope, mutating, consent, here, grace, \
                             watchable, hidden, aliases, examples, route, formats, checks, list, rows, detail, also",
                        ));
                    }
                }
                Ok(())
            })?;
        }
        Ok(command)
    }

    fn before_args(&self) -> String {
        format!(
            "{{\"name\":{},\"scope\":{},\"about\":{},\"long_about\":{},\"category\":{},\
             \"mutating\":{},\"consent\":{},\"here\":{},\"grace_ms\":{},\"watchable\":{},\"hidden\":{},\"aliases\":{},\"examples\":{},\
             \"route\":{},\"formats\":{},\"checks\":{},\"args\":[",
            string(&self.name),
            string(self.scope.name()),
            string(&self.about),
            string(&self.long_about),
            string(self.category.as_deref().unwrap_or_default()),
            self.mutating,
            string(&self.consent.as_ref().map_or_else(|| "asked".to_owned(), LitStr::value)),
            self.here,
            self.grace_ms,
            self.watchable,
            self.hidden,
            strings(&self.aliases),
            strings(&self.examples),
            optional(self.route.as_deref()),
            strings(&self.formats),
            self.checks,
        )
    }

    fn describe_result(&self, pieces: &mut Pieces) {
        let (list, schema) = match &self.answer {
            Answer::Undeclared => return,
            Answer::List => (true, None),
            Answer::Rows(kind) => (true, Some(kind)),
            Answer::Detail(kind) => (false, Some(kind)),
        };
        pieces.text(format!(",\"result\":{{\"list\":{list},\"schema\":"));
        match schema {
            Some(kind) => {
                pieces.constant(quote!(<#kind as ::toygres_plugin_api::Schema>::SCHEMA));
            }
            None => pieces.text("null"),
        }
        pieces.text(",\"also\":[");
        for (n, kind) in self.also.iter().enumerate() {
            if n > 0 {
                pieces.text(",");
            }
            pieces.constant(quote!(<#kind as ::toygres_plugin_api::Schema>::SCHEMA));
        }
        pieces.text("]}");
    }
}

/// One field of the struct.
struct Argument<'a> {
    field: &'a Field,
    id: String,
    long: Option<String>,
    short: Option<char>,
    positional: bool,
    value_name: Option<String>,
    default: Option<String>,
    conflicts: Vec<String>,
    requires: Vec<String>,
    hidden: bool,
    follows: bool,
    mutates: bool,
    reveals: bool,
    writes: bool,
    complete: Option<Path>,
    complete_values: Vec<String>,
}

impl<'a> Argument<'a> {
    fn read(field: &'a Field) -> Result<Self> {
        let id = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
        let id = id.trim_start_matches("r#").to_owned();
        let mut argument = Self {
            field,
            id: id.clone(),
            long: None,
            short: None,
            positional: false,
            value_name: None,
            default: None,
            conflicts: Vec::new(),
            requires: Vec::new(),
            hidden: false,
            follows: false,
            mutates: false,
            reveals: false,
            writes: false,
            complete: None,
            complete_values: Vec::new(),
        };
        for attribute in field.attrs.iter().filter(|found| found.path().is_ident("arg")) {
            attribute.parse_nested_meta(|meta| {
                let key = meta.path.require_ident()?.to_string();
                let has_value = meta.input.peek(syn::Token![=]);
                match key.as_str() {
                    "long" if has_value => argument.long = Some(text(&meta)?),
                    "long" => argument.long = Some(kebab(&id)),
                    "short" if has_value => {
                        argument.short = Some(meta.value()?.parse::<LitChar>()?.value());
                    }
                    "short" => argument.short = id.chars().next(),
                    "positional" => argument.positional = true,
                    "value_name" => argument.value_name = Some(text(&meta)?),
                    "default" => argument.default = Some(text(&meta)?),
                    "conflicts" => argument.conflicts = texts(&meta)?,
                    "requires" => argument.requires = texts(&meta)?,
                    "hidden" => argument.hidden = true,
                    "follows" => argument.follows = true,
                    "mutates" => argument.mutates = true,
                    "reveals" => argument.reveals = true,
                    "writes" => argument.writes = true,
                    "complete" => argument.complete = Some(meta.value()?.parse()?),
                    "complete_values" => argument.complete_values = texts(&meta)?,
                    _ => {
                        return Err(meta.error(
                            "known here: long, short, positional, value_name, default, \
                             conflicts, requires, hidden, follows, mutates, reveals, writes, \
                             complete, complete_values",
                        ));
                    }
                }
                Ok(())
            })?;
        }
        argument.check()?;
        Ok(argument)
    }

    fn check(&self) -> Result<()> {
        let flag = matches!(&self.field.ty, Type::Path(path) if path.path.is_ident("bool"));
        if (self.reveals || self.follows || self.mutates) && !flag {
            return Err(Error::new_spanned(
                self.field,
                "only a flag (`bool`) `reveals`, `follows` or `mutates`",
            ));
        }
        if flag && (self.complete.is_some() || !self.complete_values.is_empty()) {
            return Err(Error::new_spanned(self.field, "a flag (`bool`) has no value to complete"));
        }
        let named = self.long.is_some() || self.short.is_some();
        if self.positional == named {
            let what = "an argument is either `positional` or has `long` or `short`";
            return Err(Error::new_spanned(self.field, what));
        }
        Ok(())
    }

    fn describe(&self, pieces: &mut Pieces) {
        let kind = &self.field.ty;
        let argument = quote!(<#kind as ::toygres_plugin_api::args::Argument>);
        let boolean = quote!(::toygres_plugin_api::args::constant::boolean);
        let open = self.default.is_none();
        pieces.text(format!(
            "{{\"id\":{},\"long\":{},\"short\":{},\"positional\":{},\"value_name\":{},\
             \"help\":{},\"default\":{},\"conflicts\":{},\"requires\":{},\"hidden\":{},\
             \"follows\":{},\"mutates\":{},\"reveals\":{},\"writes\":{},\"completes\":{},\
             \"suggestions\":{},",
            string(&self.id),
            optional(self.long.as_deref()),
            optional(self.short.map(String::from).as_deref()),
            self.positional,
            optional(self.value_name.as_deref()),
            string(&paragraphs(&docs(&self.field.attrs))),
            optional(self.default.as_deref()),
            strings(&self.conflicts),
            strings(&self.requires),
            self.hidden,
            self.follows,
            self.mutates,
            self.reveals,
            self.writes,
            self.complete.is_some(),
            suggestions(&self.complete_values),
        ));
        pieces.constant(quote!(#argument::SPEC));
        pieces.text(",\"required\":");
        pieces.constant(quote!(#boolean(#argument::REQUIRED && #open)));
        pieces.text(",\"multiple\":");
        pieces.constant(quote!(#boolean(#argument::MULTIPLE)));
        pieces.text("}");
    }
}

/// Values that may be typed, each with what it means behind ` - `.
fn suggestions(values: &[String]) -> String {
    let values = values.iter().map(|value| {
        let (name, help) = value.split_once(" - ").unwrap_or((value, ""));
        serde_json::json!({"name": name.trim(), "help": help.trim()})
    });
    serde_json::Value::from_iter(values).to_string()
}

/// `conflicts` and `requires` name fields of the same struct.
fn check_references(fields: &[Argument<'_>]) -> Result<()> {
    for field in fields {
        for other in field.conflicts.iter().chain(&field.requires) {
            if !fields.iter().any(|candidate| &candidate.id == other) {
                let what = format!("there is no field `{other}`");
                return Err(Error::new_spanned(field.field, what));
            }
        }
    }
    Ok(())
}
