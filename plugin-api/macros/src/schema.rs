//! `derive(Schema)`: follows what serde would write.

use crate::attributes::{kebab, text};
use crate::json::{Pieces, string};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Data, DeriveInput, Error, Fields, Result};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(&input.generics, "a result's type has no generics"));
    }
    let serde = Serde::read(&input.attrs)?;
    let mut pieces = Pieces::default();
    match &input.data {
        Data::Struct(data) => object(&data.fields, &serde, &mut pieces)?,
        Data::Enum(data) => {
            let mut names = Vec::new();
            for variant in &data.variants {
                if !matches!(variant.fields, Fields::Unit) {
                    return Err(Error::new_spanned(variant, "only enums without fields"));
                }
                names.push(serde.name(&variant.ident.to_string(), &variant.attrs)?);
            }
            let names = serde_json::Value::from(names);
            pieces.text(format!("{{\"type\":\"string\",\"enum\":{names}}}"));
        }
        Data::Union(_) => return Err(Error::new_spanned(input, "a union has no schema")),
    }
    let (ident, schema) = (&input.ident, pieces.joined());
    Ok(quote! {
        #[automatically_derived]
        impl ::toygres_plugin_api::Schema for #ident {
            const SCHEMA: &'static str = #schema;
        }
    })
}

fn object(fields: &Fields, serde: &Serde, pieces: &mut Pieces) -> Result<()> {
    let Fields::Named(fields) = fields else {
        return Err(Error::new_spanned(fields, "the fields of a result have names"));
    };
    let mut required = Vec::new();
    pieces.text("{\"type\":\"object\",\"properties\":{");
    for field in &fields.named {
        let own = Serde::read(&field.attrs)?;
        if own.skip {
            continue;
        }
        let ident = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
        let name = serde.name(ident.trim_start_matches("r#"), &field.attrs)?;
        let comma = if required.is_empty() { "" } else { "," };
        pieces.text(format!("{comma}{}:", string(&name)));
        let kind = &field.ty;
        pieces.constant(quote!(<#kind as ::toygres_plugin_api::Schema>::SCHEMA));
        required.push(name);
    }
    pieces.text(format!("}},\"required\":{}}}", serde_json::Value::from(required)));
    Ok(())
}

/// What serde's attributes say, as far as names go.
#[derive(Default)]
struct Serde {
    rename: Option<String>,
    rename_all: Option<String>,
    skip: bool,
}

impl Serde {
    fn read(attributes: &[Attribute]) -> Result<Self> {
        let mut serde = Self::default();
        for attribute in attributes.iter().filter(|found| found.path().is_ident("serde")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("rename") {
                    serde.rename = Some(text(&meta)?);
                } else if meta.path.is_ident("rename_all") {
                    serde.rename_all = Some(text(&meta)?);
                } else if meta.path.is_ident("skip") || meta.path.is_ident("skip_serializing") {
                    serde.skip = true;
                } else if meta.path.is_ident("flatten") {
                    return Err(meta.error("a flattened field has no schema of its own"));
                } else if meta.input.peek(syn::Token![=]) {
                    meta.value()?.parse::<syn::Expr>()?;
                }
                Ok(())
            })?;
        }
        Ok(serde)
    }

    fn name(&self, ident: &str, attributes: &[Attribute]) -> Result<String> {
        if let Some(name) = Self::read(attributes)?.rename {
            return Ok(name);
        }
        Ok(match self.rename_all.as_deref() {
            Some("snake_case") => kebab(ident).replace('-', "_"),
            Some("kebab-case") => kebab(ident),
            Some("lowercase") => ident.to_lowercase(),
            Some("UPPERCASE") => ident.to_uppercase(),
            Some("camelCase") => {
                let camel = crate::attributes::camel(ident);
                let mut letters = camel.chars();
                letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect()
            }
            _ => ident.to_owned(),
        })
    }
}
