//! `Accept`: in which form an answer is wanted.

use crate::kube::status::{ApiError, Result};

/// The shape of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// The objects.
    Whole,
    /// Rows with columns for people; the version of `meta.k8s.io` that was asked for.
    Table(&'static str),
    /// The metadata alone.
    Partial(&'static str),
}

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writing {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

/// The form that is wanted most among those that can be given.
pub(super) fn wanted(header: &str) -> Result<(Shape, Writing)> {
    if header.trim().is_empty() {
        return Ok((Shape::Whole, Writing::Json));
    }
    let found = header.split(',').find_map(one);
    found.ok_or_else(ApiError::not_acceptable)
}

/// A form, where it is one that can be given.
fn one(text: &str) -> Option<(Shape, Writing)> {
    let mut parts = text.split(';').map(str::trim);
    let writing = match parts.next()? {
        "application/json" | "*/*" | "application/*" => Writing::Json,
        "application/yaml" => Writing::Yaml,
        _ => return None,
    };
    let parameters: Vec<_> = parts.filter_map(|part| part.split_once('=')).collect();
    let value = |name: &str| parameters.iter().find(|(known, _)| *known == name).map(|(_, v)| *v);
    let version = match value("v") {
        None | Some("v1") => "v1",
        Some("v1beta1") => "v1beta1",
        Some(_) => return None,
    };
    match (value("as"), value("g")) {
        (None, _) => Some((Shape::Whole, writing)),
        (Some("Table"), Some("meta.k8s.io")) => Some((Shape::Table(version), writing)),
        (Some("PartialObjectMetadata" | "PartialObjectMetadataList"), Some("meta.k8s.io")) => {
            Some((Shape::Partial(version), writing))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_form_that_can_be_given_is_taken() {
        let json = |shape| (shape, Writing::Json);
        for (header, expected) in [
            ("", json(Shape::Whole)),
            ("*/*", json(Shape::Whole)),
            ("application/json, */*", json(Shape::Whole)),
            ("application/vnd.kubernetes.protobuf,application/json", json(Shape::Whole)),
            (
                "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
                json(Shape::Table("v1")),
            ),
            ("application/json;as=Table;g=meta.k8s.io;v=v1beta1", json(Shape::Table("v1beta1"))),
            ("application/json;as=Table;g=meta.k8s.io;v=v9,application/json", json(Shape::Whole)),
            (
                "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
                json(Shape::Partial("v1")),
            ),
            (
                "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json",
                json(Shape::Whole),
            ),
            ("application/yaml", (Shape::Whole, Writing::Yaml)),
        ] {
            assert_eq!(wanted(header).unwrap(), expected, "{header}");
        }
        for header in ["text/html", "application/vnd.kubernetes.protobuf"] {
            assert_eq!(wanted(header).unwrap_err().code, 406, "{header}");
        }
    }
}
