//! The HTTP API against its own document: `/api/openapi.json` is valid OpenAPI 3.1, and whatever an
//! endpoint is sent, it answers as it says there, with a status, a content type and a body that are
//! written down. Nothing that is sent makes it break.
//!
//! The requests are made from the document, so that a new command is tested from its first day.

#[path = "../support/mod.rs"]
mod support;

mod check;
mod document;
mod plane;
mod requests;
mod values;
mod whole;
