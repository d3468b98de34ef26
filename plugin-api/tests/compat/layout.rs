//! The types that cross the border, as abi_stable describes them to the host that opens a library.

use abi_stable::StableAbi;
use abi_stable::type_layout::{TLData, TLField, TLFields, TypeLayout};
use std::collections::BTreeMap;
use std::fmt::Write;
use toygres_plugin_api::abi::{BodyObject, HostObject, PluginModuleRef};
use toygres_plugin_api::abi::{HttpRequest, HttpResponse, symbol};
use toygres_plugin_api::batch::RowBatch;
use toygres_plugin_api::manifest::{ABI_VERSION, MAGIC, SECTION};
use toygres_plugin_api::protocol::{CONFIRMED_HEADER, Method};

#[test]
#[cfg(target_pointer_width = "64")]
fn the_border_is_as_agreed() {
    let mut types = BTreeMap::new();
    for root in [
        <PluginModuleRef as StableAbi>::LAYOUT,
        <HostObject as StableAbi>::LAYOUT,
        <BodyObject as StableAbi>::LAYOUT,
        <HttpRequest as StableAbi>::LAYOUT,
        <HttpResponse as StableAbi>::LAYOUT,
        <RowBatch as StableAbi>::LAYOUT,
    ] {
        describe(root, &mut types);
    }
    let mut text = format!(
        "border {ABI_VERSION}\n  symbol: {}\n  section: {SECTION}\n  magic: {MAGIC:?}\n  \
         header of a confirmation: {CONFIRMED_HEADER}\n\nmethods\n",
        symbol("a-name")
    );
    for method in Method::ALL {
        let _ = writeln!(text, "  {}: {method:?}", *method as u32);
    }
    for described in types.values() {
        text.push('\n');
        text.push_str(described);
    }
    super::agreed("border.txt", &text);
}

/// A type and all that its fields are made of.
fn describe(layout: &'static TypeLayout, types: &mut BTreeMap<String, String>) {
    let name = layout.full_type().to_string();
    if types.contains_key(&name) {
        return;
    }
    let mut text = format!(
        "{name}\n  size: {}, alignment: {}, {:?}\n",
        layout.size(),
        layout.alignment(),
        layout.repr_attr()
    );
    let mut inner = Vec::new();
    match layout.data() {
        TLData::Primitive(primitive) => {
            let _ = writeln!(text, "  primitive: {primitive:?}");
        }
        TLData::Opaque => text.push_str("  opaque\n"),
        TLData::Struct { fields } => describe_fields(fields, &mut text, &mut inner),
        TLData::Union { fields } => describe_fields(fields, &mut text, &mut inner),
        TLData::PrefixType(prefix) => {
            let last = prefix.first_suffix_field;
            let _ = writeln!(text, "  every version has the first {last} fields");
            describe_fields(prefix.fields, &mut text, &mut inner);
        }
        TLData::Enum(data) => {
            let names: Vec<&str> = data.variant_names_iter().collect();
            let _ = writeln!(text, "  variants: {}", names.join(", "));
            for field in data.fields.iter() {
                let _ = writeln!(text, "  {}: {}", field.name(), shown(&field));
                inner.push(field.layout());
            }
        }
    }
    inner.extend(layout.generics().type_params().iter().map(|layout| layout()));
    types.insert(name, text);
    for layout in inner {
        describe(layout, types);
    }
}

fn describe_fields(fields: TLFields, text: &mut String, inner: &mut Vec<&'static TypeLayout>) {
    let mut offset = 0;
    for field in fields.iter() {
        let layout = field.layout();
        // What a C compiler does, and `repr(C)` promises to do.
        offset = usize::next_multiple_of(offset, layout.alignment().max(1));
        let _ = writeln!(text, "  {} at {offset}: {}", field.name(), shown(&field));
        offset += layout.size();
        inner.push(layout);
        for function in field.function_range().iter() {
            let _ = writeln!(text, "    {}", function.to_string().replace('\n', " "));
            let types = function.param_type_layouts.iter().chain(function.return_type_layout());
            inner.extend(types.map(|layout| layout()));
        }
    }
}

/// A type's name, without what is said besides of fields that hold functions.
fn shown(field: &TLField) -> String {
    if field.is_function() { "function".to_owned() } else { field.full_type().to_string() }
}
