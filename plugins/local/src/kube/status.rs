//! What a request is answered when it fails: a `Status` object.

use super::resource::Resource;
use serde_json::{Value, json};
use std::fmt;

/// The result of every verb.
pub(crate) type Result<T, E = ApiError> = std::result::Result<T, E>;

/// A refusal or a failure, with what clients decide by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ApiError {
    /// HTTP status.
    pub(crate) code: u16,
    /// The machine's word for it (`NotFound`, `AlreadyExists`, …); empty where there is none.
    pub(crate) reason: &'static str,
    /// One line for people.
    pub(crate) message: String,
    /// What it is about.
    details: Option<Box<Value>>,
    /// A token that goes on where an expired list stopped.
    pub(crate) proceed: Option<String>,
}

/// One reason why an object is not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause {
    /// `FieldValueRequired`, `FieldValueInvalid`, `FieldValueNotSupported`, ….
    pub(crate) reason: &'static str,
    /// What is wrong with the field.
    pub(crate) message: String,
    /// Path of the field (`spec.replicas`).
    pub(crate) field: String,
}

impl Cause {
    /// A field that has to be there.
    pub(crate) fn required(field: impl Into<String>, detail: &str) -> Self {
        let message = if detail.is_empty() {
            "Required value".into()
        } else {
            format!("Required value: {detail}")
        };
        Self { reason: "FieldValueRequired", message, field: field.into() }
    }

    /// A field with a value that cannot be.
    pub(crate) fn invalid(field: impl Into<String>, value: &Value, detail: &str) -> Self {
        let message = format!("Invalid value: {}: {detail}", shown(value));
        Self { reason: "FieldValueInvalid", message, field: field.into() }
    }

    /// A field with a value out of none of the known ones.
    pub(crate) fn unsupported(field: impl Into<String>, value: &Value, known: &[&str]) -> Self {
        let known: Vec<_> = known.iter().map(|word| format!("\"{word}\"")).collect();
        let message =
            format!("Unsupported value: {}: supported values: {}", shown(value), known.join(", "));
        Self { reason: "FieldValueNotSupported", message, field: field.into() }
    }

    /// A field that may not be set, or not be changed.
    pub(crate) fn forbidden(field: impl Into<String>, detail: &str) -> Self {
        let message = format!("Forbidden: {detail}");
        Self { reason: "FieldValueForbidden", message, field: field.into() }
    }

    /// A value that is there twice.
    pub(crate) fn duplicate(field: impl Into<String>, value: &Value) -> Self {
        let message = format!("Duplicate value: {}", shown(value));
        Self { reason: "FieldValueDuplicate", message, field: field.into() }
    }
}

fn shown(value: &Value) -> String {
    value.to_string()
}

impl ApiError {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None, proceed: None }
    }

    fn about(mut self, resource: &Resource, name: &str) -> Self {
        let mut details = json!({});
        if !name.is_empty() {
            details["name"] = name.into();
        }
        if !resource.group.is_empty() {
            details["group"] = resource.group.into();
        }
        details["kind"] = resource.plural.into();
        self.details = Some(Box::new(details));
        self
    }

    /// The request makes no sense (400).
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// No token, or a wrong one (401).
    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// Not allowed (403).
    pub(crate) fn forbidden(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!("{resource} \"{name}\" is forbidden: {why}");
        Self::new(403, "Forbidden", message).about(resource, name)
    }

    /// Not allowed, because the namespace is going away (403).
    pub(crate) fn terminating(resource: &Resource, name: &str, namespace: &str) -> Self {
        let why = format!(
            "unable to create new content in namespace {namespace} because it is being terminated"
        );
        let cause = Cause {
            reason: "NamespaceTerminating",
            message: format!("namespace {namespace} is being terminated"),
            field: "metadata.namespace".into(),
        };
        Self::forbidden(resource, name, &why).with_causes(&[cause])
    }

    /// No such object (404).
    pub(crate) fn not_found(resource: &Resource, name: &str) -> Self {
        let message = format!("{resource} \"{name}\" not found");
        Self::new(404, "NotFound", message).about(resource, name)
    }

    /// No such path (404).
    pub(crate) fn no_path() -> Self {
        let mut error =
            Self::new(404, "NotFound", "the server could not find the requested resource");
        error.details = Some(Box::new(json!({})));
        error
    }

    /// The path exists, and this method on it does not (405).
    pub(crate) fn method_not_allowed() -> Self {
        let mut error = Self::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        );
        error.details = Some(Box::new(json!({})));
        error
    }

    /// None of the formats asked for can be given (406).
    pub(crate) fn not_acceptable() -> Self {
        Self::new(
            406,
            "NotAcceptable",
            "only the following media types are accepted: application/json, application/yaml",
        )
    }

    /// The name is taken (409).
    pub(crate) fn already_exists(resource: &Resource, name: &str) -> Self {
        let message = format!("{resource} \"{name}\" already exists");
        Self::new(409, "AlreadyExists", message).about(resource, name)
    }

    /// The name is still taken, by an object that is going (409).
    pub(crate) fn still_exists(resource: &Resource, name: &str) -> Self {
        let mut error = Self::already_exists(resource, name);
        error.message = format!("object is being deleted: {}", error.message);
        error
    }

    /// The object is not what the request was made for (409).
    pub(crate) fn conflict(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {resource} \"{name}\": {why}");
        Self::new(409, "Conflict", message).about(resource, name)
    }

    /// The object was changed since it was read (409).
    pub(crate) fn changed(resource: &Resource, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version \
                   and try again";
        Self::conflict(resource, name, why)
    }

    /// What was asked for lies too far back (410).
    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// The body is larger than `limit` bytes (413).
    pub(crate) fn too_large(limit: usize) -> Self {
        Self::new(413, "RequestEntityTooLarge", format!("limit is {limit}"))
    }

    /// The body's format is not understood (415).
    pub(crate) fn unsupported_media(message: impl Into<String>) -> Self {
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// The object is not valid (422).
    pub(crate) fn invalid(resource: &Resource, name: &str, causes: &[Cause]) -> Self {
        let mut error = Self::new(422, "Invalid", "").about(resource, name).with_causes(causes);
        error.message =
            format!("{} \"{name}\" is invalid{}", resource.qualified_kind(), told(causes));
        if let Some(details) = &mut error.details {
            details["kind"] = resource.kind.into();
        }
        error
    }

    /// The patch cannot be applied to the object as it is (422).
    pub(crate) fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(422, "Invalid", message)
    }

    /// The server itself failed (500).
    pub(crate) fn internal(message: impl fmt::Display) -> Self {
        let mut error =
            Self::new(500, "InternalError", format!("Internal error occurred: {message}"));
        error.details = Some(Box::new(json!({"causes": [{"message": message.to_string()}]})));
        error
    }

    /// A version was asked for that does not exist yet (504).
    pub(crate) fn too_new(wanted: u64, current: u64) -> Self {
        let message = format!("Timeout: Too large resource version: {wanted}, current: {current}");
        let mut error = Self::new(504, "Timeout", message);
        error.details = Some(Box::new(json!({
            "causes": [{
                "reason": "ResourceVersionTooLarge", "message": "Too large resource version"
            }],
            "retryAfterSeconds": 1,
        })));
        error
    }

    fn with_causes(mut self, causes: &[Cause]) -> Self {
        let rows: Vec<_> = causes
            .iter()
            .map(|cause| {
                json!({"reason": cause.reason, "message": cause.message, "field": cause.field})
            })
            .collect();
        let details = self.details.get_or_insert_with(|| Box::new(json!({})));
        details["causes"] = rows.into();
        self
    }

    /// The `Status` object.
    pub(crate) fn to_value(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
        });
        if let Some(token) = &self.proceed {
            status["metadata"]["continue"] = token.as_str().into();
        }
        if let Some(details) = &self.details {
            status["details"] = Value::clone(details);
        }
        status["code"] = self.code.into();
        status
    }
}

/// The causes in one line, as they follow `… is invalid`.
fn told(causes: &[Cause]) -> String {
    let told: Vec<_> =
        causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
    match told.as_slice() {
        [] => String::new(),
        [one] => format!(": {one}"),
        many => format!(": [{}]", many.join(", ")),
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ApiError {}

impl From<ApiError> for toygres_plugin_api::Error {
    fn from(error: ApiError) -> Self {
        let retryable = matches!(error.code, 409 | 410 | 500 | 504);
        Self::failed("the Kubernetes stand-in refused a request").cause(error).retryable(retryable)
    }
}

/// The `Status` of a deletion that is done.
pub(crate) fn deleted(resource: &Resource, name: &str, uid: &str) -> Value {
    let mut details = json!({"name": name});
    if !resource.group.is_empty() {
        details["group"] = resource.group.into();
    }
    details["kind"] = resource.plural.into();
    details["uid"] = uid.into();
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
        "details": details,
    })
}
