//! `derive(ValueEnum)`.

use crate::attributes::{docs, kebab, paragraphs, text};
use crate::json::string;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Result};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(input, "the values of an option are an enum"));
    };
    let mut idents = Vec::new();
    let mut names = Vec::new();
    let mut values = Vec::new();
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(Error::new_spanned(variant, "a value has no fields"));
        }
        let mut name = kebab(&variant.ident.to_string());
        for attribute in variant.attrs.iter().filter(|found| found.path().is_ident("value")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("name") {
                    name = text(&meta)?;
                    return Ok(());
                }
                Err(meta.error("known here: name"))
            })?;
        }
        let help = paragraphs(&docs(&variant.attrs));
        values.push(format!("{{\"name\":{},\"help\":{}}}", string(&name), string(&help)));
        names.push(name);
        idents.push(&variant.ident);
    }
    let ident = &input.ident;
    let spec = format!("\"kind\":\"enum\",\"values\":[{}]", values.join(","));
    Ok(quote! {
        #[automatically_derived]
        impl ::toygres_plugin_api::args::Argument for #ident {
            const SPEC: &'static str = #spec;

            fn from_value(
                value: ::std::option::Option<&::toygres_plugin_api::args::ArgumentValue>,
            ) -> ::toygres_plugin_api::Result<Self> {
                match value.and_then(|value| value.as_str()) {
                    #(::std::option::Option::Some(#names) => Ok(Self::#idents),)*
                    _ => Err(::toygres_plugin_api::args::unknown_value(&[#(#names),*], value)),
                }
            }
        }

        #[automatically_derived]
        impl ::toygres_plugin_api::args::ValueEnum for #ident {
            fn name(&self) -> &'static str {
                match self {
                    #(Self::#idents => #names,)*
                }
            }
        }
    })
}
