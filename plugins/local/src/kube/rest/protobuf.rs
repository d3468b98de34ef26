//! Protobuf of the few kinds that kubectl sends in it (`create namespace`, `create secret`,
//! `create configmap`, `create serviceaccount`, `create service`, `create quota`, `auth can-i`).
//!
//! A field that is not known here is refused, never dropped.

use crate::kube::resource::Resource;
use crate::kube::status::{ApiError, Result};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};

/// What every body starts with.
const MAGIC: &[u8] = b"k8s\0";

/// How a field is read.
#[derive(Clone, Copy)]
enum Field {
    Text,
    Flag,
    Number,
    /// What the server sets itself.
    Ignored,
    Texts,
    TextMap,
    BytesMap,
    Message(Schema),
    /// A list of messages.
    Messages(Schema),
    /// Quantities by name.
    QuantityMap,
    /// A number or a name.
    NumberOrText,
}

/// The fields of a message: number, name, how it is read.
type Schema = &'static [(u64, &'static str, Field)];

const METADATA: Schema = &[
    (1, "name", Field::Text),
    (2, "generateName", Field::Text),
    (3, "namespace", Field::Text),
    (4, "selfLink", Field::Ignored),
    (5, "uid", Field::Ignored),
    (6, "resourceVersion", Field::Ignored),
    (7, "generation", Field::Ignored),
    (8, "creationTimestamp", Field::Ignored),
    (11, "labels", Field::TextMap),
    (12, "annotations", Field::TextMap),
    (14, "finalizers", Field::Texts),
    (17, "managedFields", Field::Ignored),
];

const NAMESPACE: Schema = &[
    (1, "metadata", Field::Message(METADATA)),
    (2, "spec", Field::Message(&[(1, "finalizers", Field::Texts)])),
    (3, "status", Field::Ignored),
];

const SECRET: Schema = &[
    (1, "metadata", Field::Message(METADATA)),
    (2, "data", Field::BytesMap),
    (3, "type", Field::Text),
    (4, "stringData", Field::TextMap),
    (5, "immutable", Field::Flag),
];

const CONFIG_MAP: Schema = &[
    (1, "metadata", Field::Message(METADATA)),
    (2, "data", Field::TextMap),
    (3, "binaryData", Field::BytesMap),
    (4, "immutable", Field::Flag),
];

const SERVICE_ACCOUNT: Schema =
    &[(1, "metadata", Field::Message(METADATA)), (4, "automountServiceAccountToken", Field::Flag)];

const RESOURCE_QUOTA: Schema = &[
    (1, "metadata", Field::Message(METADATA)),
    (2, "spec", Field::Message(&[(1, "hard", Field::QuantityMap), (2, "scopes", Field::Texts)])),
    (3, "status", Field::Ignored),
];

const SERVICE_PORT: Schema = &[
    (1, "name", Field::Text),
    (2, "protocol", Field::Text),
    (3, "port", Field::Number),
    (4, "targetPort", Field::NumberOrText),
    (5, "nodePort", Field::Number),
    (6, "appProtocol", Field::Text),
];

const SERVICE: Schema = &[
    (1, "metadata", Field::Message(METADATA)),
    (
        2,
        "spec",
        Field::Message(&[
            (1, "ports", Field::Messages(SERVICE_PORT)),
            (2, "selector", Field::TextMap),
            (3, "clusterIP", Field::Text),
            (4, "type", Field::Text),
            (5, "externalIPs", Field::Texts),
            (7, "sessionAffinity", Field::Text),
            (8, "loadBalancerIP", Field::Text),
            (10, "externalName", Field::Text),
            (11, "externalTrafficPolicy", Field::Text),
            (12, "healthCheckNodePort", Field::Number),
            (13, "publishNotReadyAddresses", Field::Flag),
            (18, "clusterIPs", Field::Texts),
            (20, "allocateLoadBalancerNodePorts", Field::Flag),
        ]),
    ),
    (3, "status", Field::Ignored),
];

const RESOURCE_ATTRIBUTES: Schema = &[
    (1, "namespace", Field::Text),
    (2, "verb", Field::Text),
    (3, "group", Field::Text),
    (4, "version", Field::Text),
    (5, "resource", Field::Text),
    (6, "subresource", Field::Text),
    (7, "name", Field::Text),
];

const ACCESS_REVIEW: Schema = &[
    (1, "metadata", Field::Message(METADATA)),
    (
        2,
        "spec",
        Field::Message(&[
            (1, "resourceAttributes", Field::Message(RESOURCE_ATTRIBUTES)),
            (
                2,
                "nonResourceAttributes",
                Field::Message(&[(1, "path", Field::Text), (2, "verb", Field::Text)]),
            ),
        ]),
    ),
    (3, "status", Field::Ignored),
];

const RULES_REVIEW: Schema = &[
    (1, "metadata", Field::Message(METADATA)),
    (2, "spec", Field::Message(&[(1, "namespace", Field::Text)])),
    (3, "status", Field::Ignored),
];

/// Reads an object of one of the known kinds.
pub(super) fn decode(resource: &Resource, body: &[u8]) -> Result<Value> {
    let schema = schema(resource).ok_or_else(|| {
        ApiError::unsupported_media(format!(
            "{} is not read from protobuf: send application/json",
            resource.kind
        ))
    })?;
    let unknown = body.strip_prefix(MAGIC).ok_or_else(broken)?;
    let mut object = Map::new();
    let mut raw: &[u8] = &[];
    for entry in Entries(unknown) {
        match entry? {
            (1, Data::Bytes(meta)) => type_meta(meta, &mut object)?,
            (2, Data::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    object.extend(message(schema, raw)?);
    Ok(Value::Object(object))
}

fn schema(resource: &Resource) -> Option<Schema> {
    Some(match resource.kind {
        "Namespace" => NAMESPACE,
        "Secret" => SECRET,
        "ConfigMap" => CONFIG_MAP,
        "ServiceAccount" => SERVICE_ACCOUNT,
        "ResourceQuota" => RESOURCE_QUOTA,
        "Service" => SERVICE,
        "SelfSubjectAccessReview" => ACCESS_REVIEW,
        "SelfSubjectRulesReview" => RULES_REVIEW,
        _ => return None,
    })
}

fn type_meta(bytes: &[u8], object: &mut Map<String, Value>) -> Result<()> {
    let fields: Schema = &[(1, "apiVersion", Field::Text), (2, "kind", Field::Text)];
    object.extend(message(fields, bytes)?);
    Ok(())
}

fn message(schema: Schema, bytes: &[u8]) -> Result<Map<String, Value>> {
    let mut object = Map::new();
    for entry in Entries(bytes) {
        let (number, data) = entry?;
        let known = schema.iter().find(|(known, _, _)| *known == number);
        let (_, name, field) = known.ok_or_else(|| {
            ApiError::unsupported_media(format!(
                "field {number} is not read from protobuf: send application/json"
            ))
        })?;
        read(&mut object, name, *field, data)?;
    }
    Ok(object)
}

fn read(object: &mut Map<String, Value>, name: &str, field: Field, data: Data<'_>) -> Result<()> {
    match (field, data) {
        (Field::Ignored, _) => {}
        (Field::Text, Data::Bytes(bytes)) => {
            let text = text(bytes)?;
            if !text.is_empty() {
                object.insert(name.into(), text.into());
            }
        }
        (Field::Flag, Data::Number(number)) => {
            object.insert(name.into(), (number != 0).into());
        }
        (Field::Number, Data::Number(number)) => {
            // Zero stands for what was not said. A negative one has all of its upper bits set.
            if number != 0 {
                object.insert(name.into(), number.cast_signed().into());
            }
        }
        (Field::NumberOrText, Data::Bytes(bytes)) => {
            if let Some(value) = number_or_text(bytes)? {
                object.insert(name.into(), value);
            }
        }
        (Field::QuantityMap, Data::Bytes(bytes)) => {
            let (key, value) = pair(bytes)?;
            let quantity = message(&[(1, "text", Field::Text)], value)?;
            let quantity = quantity.get("text").cloned().unwrap_or_else(|| "0".into());
            let map = object.entry(name).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(map) = map {
                map.insert(key, quantity);
            }
        }
        (Field::Messages(schema), Data::Bytes(bytes)) => {
            let list = object.entry(name).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(list) = list {
                list.push(message(schema, bytes)?.into());
            }
        }
        (Field::Texts, Data::Bytes(bytes)) => {
            let list = object.entry(name).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(list) = list {
                list.push(text(bytes)?.into());
            }
        }
        (Field::TextMap | Field::BytesMap, Data::Bytes(bytes)) => {
            let (key, value) = pair(bytes)?;
            let value = match field {
                Field::BytesMap => BASE64_STANDARD.encode(value),
                _ => text(value)?,
            };
            let map = object.entry(name).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(map) = map {
                map.insert(key, value.into());
            }
        }
        (Field::Message(schema), Data::Bytes(bytes)) => {
            object.insert(name.into(), message(schema, bytes)?.into());
        }
        _ => return Err(broken()),
    }
    Ok(())
}

/// A number, or a text where the first field says so; nothing where it is the number zero.
fn number_or_text(bytes: &[u8]) -> Result<Option<Value>> {
    let (mut is_text, mut number, mut string) = (false, 0, String::new());
    for entry in Entries(bytes) {
        match entry? {
            (1, Data::Number(kind)) => is_text = kind == 1,
            (2, Data::Number(value)) => number = value,
            (3, Data::Bytes(bytes)) => string = text(bytes)?,
            _ => return Err(broken()),
        }
    }
    Ok(match (is_text, number) {
        (true, _) => Some(string.into()),
        (false, 0) => None,
        (false, number) => Some(number.cast_signed().into()),
    })
}

/// An entry of a map.
fn pair(bytes: &[u8]) -> Result<(String, &[u8])> {
    let (mut key, mut value) = (String::new(), &[][..]);
    for entry in Entries(bytes) {
        match entry? {
            (1, Data::Bytes(bytes)) => key = text(bytes)?,
            (2, Data::Bytes(bytes)) => value = bytes,
            _ => return Err(broken()),
        }
    }
    Ok((key, value))
}

fn text(bytes: &[u8]) -> Result<String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| broken())
}

fn broken() -> ApiError {
    ApiError::bad_request("the object provided is unrecognized: it is no protobuf of Kubernetes")
}

/// What a field holds.
enum Data<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message, as they come.
struct Entries<'a>(&'a [u8]);

impl<'a> Entries<'a> {
    fn number(&mut self) -> Option<u64> {
        let mut number = 0u64;
        for place in 0..10 {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f).checked_shl(place * 7)?;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn entry(&mut self) -> Option<(u64, Data<'a>)> {
        let tag = self.number()?;
        let data = match tag & 7 {
            0 => Data::Number(self.number()?),
            2 => {
                let length = usize::try_from(self.number()?).ok()?;
                let (bytes, rest) = self.0.split_at_checked(length)?;
                self.0 = rest;
                Data::Bytes(bytes)
            }
            _ => return None,
        };
        Some((tag >> 3, data))
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<(u64, Data<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let entry = self.entry();
        if entry.is_none() {
            // What is broken ends here.
            self.0 = &[];
        }
        Some(entry.ok_or_else(broken))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::resource;
    use proptest::prelude::*;
    use serde_json::json;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let length = u8::try_from(bytes.len()).unwrap();
        [&[number << 3 | 2, length], bytes].concat()
    }

    fn secret() -> Vec<u8> {
        let meta = [field(1, b"v1"), field(2, b"Secret")].concat();
        let labels = field(11, &[field(1, b"app"), field(2, b"postgres")].concat());
        let metadata = [field(1, b"s"), field(2, b""), field(8, b""), labels].concat();
        let data = [field(1, b"password"), field(2, b"\xff\x00")].concat();
        let raw = [field(1, &metadata), field(2, &data), field(3, b"Opaque"), vec![5 << 3, 1]];
        [MAGIC.to_vec(), field(1, &meta), field(2, &raw.concat())].concat()
    }

    #[test]
    fn a_secret_is_read() {
        assert_eq!(
            decode(&resource::SECRET, &secret()).unwrap(),
            json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": "s", "labels": {"app": "postgres"}},
                "data": {"password": "/wA="}, "type": "Opaque", "immutable": true,
            })
        );
    }

    #[test]
    fn what_is_not_known_is_refused() {
        assert_eq!(decode(&resource::POD, &secret()).unwrap_err().code, 415);
        let owner = field(1, &field(13, b""));
        let body = [MAGIC.to_vec(), field(2, &owner)].concat();
        assert_eq!(decode(&resource::SECRET, &body).unwrap_err().code, 415);
        assert_eq!(decode(&resource::SECRET, b"{}").unwrap_err().code, 400);
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes: Vec<u8>, cut in 0usize..100) {
            let _ = decode(&resource::SECRET, &[MAGIC.to_vec(), bytes].concat());
            let whole = secret();
            let _ = decode(&resource::SECRET, &whole[..cut.min(whole.len())]);
        }
    }
}
