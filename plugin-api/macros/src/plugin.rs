//! `plugin!`: the manifest's section, the exported header, and the choice of the command.

use crate::attributes::camel;
use crate::json::{Pieces, string, strings};
use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, LitStr, Path, Result, Token, bracketed};

pub(crate) struct Plugin {
    name: LitStr,
    description: String,
    needs: Vec<String>,
    commands: Vec<Entry>,
}

/// One command: its arguments struct and its function.
struct Entry {
    args: Path,
    function: Path,
}

impl Parse for Plugin {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let (mut name, mut description, mut needs) = (None, String::new(), Vec::new());
        let mut commands = Vec::new();
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            input.parse::<Token![:]>()?;
            match key.to_string().as_str() {
                "name" => name = Some(checked_name(input.parse()?)?),
                "description" => description = input.parse::<LitStr>()?.value(),
                "needs" => needs = list::<LitStr>(input)?.iter().map(LitStr::value).collect(),
                "commands" => commands = list::<Entry>(input)?.into_iter().collect(),
                _ => {
                    let what = "known here: name, description, needs, commands";
                    return Err(Error::new_spanned(key, what));
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        let name = name.ok_or_else(|| input.error("a plugin needs a `name`"))?;
        Ok(Self { name, description, needs, commands })
    }
}

fn checked_name(name: LitStr) -> Result<LitStr> {
    let text = name.value();
    let begins = text.starts_with(|first: char| first.is_ascii_lowercase());
    let goes_on = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if begins && text.chars().all(goes_on) {
        return Ok(name);
    }
    Err(Error::new_spanned(name, "a plugin's name is lower case letters, digits and dashes"))
}

fn list<T: Parse>(input: ParseStream<'_>) -> Result<Punctuated<T, Token![,]>> {
    let content;
    bracketed!(content in input);
    content.parse_terminated(T::parse, Token![,])
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let first: Path = input.parse()?;
        if input.peek(Token![=>]) {
            input.parse::<Token![=>]>()?;
            return Ok(Self { args: first, function: input.parse()? });
        }
        let mut args = first.clone();
        if let Some(last) = args.segments.last_mut() {
            last.ident = Ident::new(&camel(&last.ident.to_string()), last.ident.span());
        }
        Ok(Self { args, function: first })
    }
}

pub(crate) fn expand(plugin: &Plugin) -> TokenStream {
    let manifest = manifest(plugin);
    // The name makes the symbols its own: several plugins may be linked into one binary. The host
    // knows it from the manifest before it asks for the symbol (`abi::symbol`).
    let name = plugin.name.value().replace('-', "_");
    let header_symbol = format!("TOYGRES_PLUGIN_{name}");
    let manifest_symbol = format!("TOYGRES_MANIFEST_{name}");
    let choices = plugin.commands.iter().map(|Entry { args, function }| {
        quote! {
            if invocation.command == <#args as Args>::NAME
                && invocation.scope == <#args as Args>::SCOPE
            {
                if let Some(asked) = &invocation.complete {
                    return Some(::toygres_plugin_api::run::candidates(
                        <#args as Args>::complete(context, asked),
                    ));
                }
                return Some(Box::pin(async move {
                    let args = <#args as Args>::from_args(&invocation.args)?;
                    #function(context, args).await
                }));
            }
        }
    });
    quote! {
        /// This plugin, for a binary that it is linked into.
        #[allow(unreachable_pub, reason = "the crate may be a library alone")]
        pub static TOYGRES_PLUGIN: ::toygres_plugin_api::bundle::Bundled = {
            use ::std::boxed::Box;
            use ::std::option::Option::{self, None, Some};
            use ::toygres_plugin_api::args::Args;

            const PARTS: &[&str] = #manifest;

            #[used]
            #[unsafe(export_name = #manifest_symbol)]
            #[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__toygres"))]
            #[cfg_attr(not(target_os = "macos"), unsafe(link_section = ".toygres.manifest"))]
            pub static MANIFEST: [
                u8;
                ::toygres_plugin_api::args::constant::length(PARTS)
            ] = ::toygres_plugin_api::args::constant::join(PARTS);

            #[unsafe(export_name = #header_symbol)]
            pub static HEADER: ::toygres_plugin_api::abi::LibHeader =
                ::toygres_plugin_api::abi::header(construct);

            extern "C" fn construct() -> ::toygres_plugin_api::abi::Constructed {
                ::toygres_plugin_api::abi::module(run)
            }

            extern "C" fn run(
                host: ::toygres_plugin_api::abi::HostObject,
                invocation: ::toygres_plugin_api::abi::Bytes<u8>,
            ) -> ::toygres_plugin_api::abi::Bytes<u8> {
                ::toygres_plugin_api::run::run(host, &invocation, dispatch).into()
            }

            fn dispatch<'a>(
                context: &'a ::toygres_plugin_api::Context,
                invocation: &'a ::toygres_plugin_api::protocol::Invocation,
            ) -> Option<::toygres_plugin_api::run::Running<'a>> {
                #(#choices)*
                None
            }

            ::toygres_plugin_api::bundle::Bundled::new(&MANIFEST, run)
        };
    }
}

/// The manifest as pieces of constant text.
fn manifest(plugin: &Plugin) -> TokenStream {
    let mut pieces = Pieces::default();
    pieces.constant(quote!(::toygres_plugin_api::manifest::MAGIC));
    pieces.text(format!(
        "{{\"name\":{},\"description\":{},\"needs\":{},\"version\":\"",
        string(&plugin.name.value()),
        string(&plugin.description),
        strings(&plugin.needs),
    ));
    pieces.constant(quote!(env!("CARGO_PKG_VERSION")));
    for (key, constant) in
        [("abi", "ABI_VERSION"), ("sdk", "SDK_VERSION"), ("rustc", "RUSTC"), ("target", "TARGET")]
    {
        let constant = Ident::new(constant, plugin.name.span());
        pieces.text(format!("\",\"{key}\":\""));
        pieces.constant(quote!(::toygres_plugin_api::manifest::#constant));
    }
    pieces.text("\",\"commands\":[");
    for (n, Entry { args, .. }) in plugin.commands.iter().enumerate() {
        if n > 0 {
            pieces.text(",");
        }
        pieces.constant(quote!(<#args as ::toygres_plugin_api::args::Args>::MANIFEST));
    }
    pieces.text("]}\n");
    pieces.slice()
}
