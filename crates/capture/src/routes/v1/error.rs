//! Refusals of a whole v1 request: JSON with a tag that SDKs branch on.

use crate::http_edge::{JSON, RETRY_AFTER, answer};
use crate::outcomes::Reason;
use crate::refusal::Refusal;
use axum::response::Response;
use http::StatusCode;
use http::header;
use serde_json::json;

/// A refusal of the whole request.
#[derive(Debug)]
pub struct BatchError {
    pub status: StatusCode,
    pub tag: &'static str,
    pub description: String,
    pub reason: Reason,
}

impl BatchError {
    pub fn new(status: StatusCode, tag: &'static str, description: impl Into<String>, reason: Reason) -> Self {
        BatchError { status, tag, description: description.into(), reason }
    }

    pub fn bad(tag: &'static str, description: impl Into<String>, reason: Reason) -> Self {
        BatchError::new(StatusCode::BAD_REQUEST, tag, description, reason)
    }

    pub fn tag(&self) -> &'static str {
        self.tag
    }
}
pub fn refused(error: &BatchError) -> Response {
    let body = json!({ "error": error.tag, "error_description": error.description, "error_uri": "https://posthog.com/docs/api" });
    let mut response = answer(error.status, JSON, body.to_string());
    if matches!(error.status.as_u16(), 408 | 500 | 503 | 504) {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    response
}

pub fn busy() -> BatchError {
    BatchError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "service_unavailable",
        "the server cannot store events now, please retry",
        Reason::Unavailable,
    )
}

pub fn body_error(refusal: Refusal) -> BatchError {
    match refusal {
        Refusal::TooLarge(detail) => too_large(detail),
        Refusal::Stalled => {
            BatchError::new(StatusCode::REQUEST_TIMEOUT, "body_read_timeout", "the body was not received in time", Reason::Stalled)
        }
        Refusal::Unavailable => busy(),
        other => BatchError::bad("request_decoding_error", other.to_string(), Reason::Undecodable),
    }
}

pub fn too_large(detail: String) -> BatchError {
    BatchError::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", detail, Reason::TooLarge)
}
