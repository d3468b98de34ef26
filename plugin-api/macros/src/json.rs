//! Pieces of JSON text, and the tokens that join them at compile time.

use proc_macro2::TokenStream;
use quote::quote;

/// A JSON string literal, quotes included.
pub(crate) fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A JSON string, or `null`.
pub(crate) fn optional(text: Option<&str>) -> String {
    text.map_or_else(|| "null".to_owned(), string)
}

/// A JSON array of strings.
pub(crate) fn strings(texts: &[String]) -> String {
    serde_json::Value::from(texts).to_string()
}

/// Constant text put together of literal pieces and constant expressions.
#[derive(Default)]
pub(crate) struct Pieces(Vec<TokenStream>);

impl Pieces {
    pub(crate) fn text(&mut self, text: impl AsRef<str>) {
        let text = text.as_ref();
        self.0.push(quote!(#text));
    }

    pub(crate) fn constant(&mut self, expression: TokenStream) {
        self.0.push(expression);
    }

    /// The pieces as a slice of `&str`.
    pub(crate) fn slice(&self) -> TokenStream {
        let pieces = &self.0;
        quote!(&[#(#pieces),*])
    }

    /// An expression of type `&'static str`.
    pub(crate) fn joined(&self) -> TokenStream {
        let slice = self.slice();
        quote! {{
            const PARTS: &[&str] = #slice;
            const BYTES: [u8; ::toygres_plugin_api::args::constant::length(PARTS)] =
                ::toygres_plugin_api::args::constant::join(PARTS);
            ::toygres_plugin_api::args::constant::text(&BYTES)
        }}
    }
}
