//! What a server answered.

use serde_json::Value;

/// An answer: its HTTP status, and its body, which is null where it is no JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) body: Value,
    pub(crate) asked: String,
}

impl Answer {
    /// The body of an answer with this status.
    #[track_caller]
    pub(crate) fn code(self, expected: u16) -> Value {
        assert_eq!(self.code, expected, "{self:#?}");
        self.body
    }

    /// The body of a refusal, which is a `Status` that says the same as the HTTP status.
    #[track_caller]
    pub(crate) fn refused(self, code: u16, reason: &str) -> Value {
        let asked = self.asked.clone();
        let body = self.code(code);
        assert_eq!(body["kind"], "Status", "{asked}: {body:#}");
        assert_eq!(body["apiVersion"], "v1", "{asked}: {body:#}");
        assert_eq!(body["status"], "Failure", "{asked}: {body:#}");
        assert_eq!(body["code"], code, "{asked}: {body:#}");
        assert_eq!(body["reason"], reason, "{asked}: {body:#}");
        assert!(body["message"].as_str().is_some_and(|it| !it.is_empty()), "{asked}: {body:#}");
        body
    }

    /// A refusal whose code differs between versions of the server.
    #[track_caller]
    pub(crate) fn failed(self) {
        assert!(self.code >= 400, "{self:#?}");
        assert_eq!(self.body["kind"], "Status", "{self:#?}");
        assert_eq!(self.body["status"], "Failure", "{self:#?}");
    }

    /// A refusal as invalid that names this field.
    #[track_caller]
    pub(crate) fn invalid(self, field: &str) -> Value {
        let body = self.refused(422, "Invalid");
        let causes = body["details"]["causes"].as_array().cloned().unwrap_or_default();
        assert!(causes.iter().any(|cause| cause["field"] == field), "{field}: {body:#}");
        body
    }
}
