//! The headers that every v1 request must have.

use super::error::BatchError;
use super::{ATTEMPT, REQUEST_ID, REQUEST_TIMESTAMP, SDK_INFO};
use crate::decompress::Format;
use crate::http_edge::text;
use crate::outcomes::Reason;
use crate::payload::media_type;
use crate::refusal::{Refusal, check_token};
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName};
use model::Timestamp;
use uuid::Uuid;

const MAX_SDK_INFO: usize = 200;

/// What the headers say.
pub struct Envelope {
    pub token: String,
    pub format: Option<Format>,
    /// Name and version of the library.
    pub lib: Option<(String, String)>,
    pub sent_at: Timestamp,
}

pub fn read_headers(headers: &HeaderMap) -> Result<Envelope, BatchError> {
    let unauthorized = |tag, text: &str, reason| BatchError::new(StatusCode::UNAUTHORIZED, tag, text, reason);
    let unsupported = |tag, text: String| BatchError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, tag, text, Reason::InvalidHeaders);
    let invalid = |text: &str| BatchError::bad("invalid_header_value", text, Reason::InvalidHeaders);
    let Some(authorization) = text(headers, &header::AUTHORIZATION) else {
        return Err(unauthorized("missing_authorization", "the Authorization header is missing", Reason::NoToken));
    };
    let required: [(&str, &HeaderName); 6] = [
        ("Content-Type", &header::CONTENT_TYPE),
        ("User-Agent", &header::USER_AGENT),
        ("PostHog-Sdk-Info", &SDK_INFO),
        ("PostHog-Attempt", &ATTEMPT),
        ("PostHog-Request-Id", &REQUEST_ID),
        ("PostHog-Request-Timestamp", &REQUEST_TIMESTAMP),
    ];
    let missing: Vec<&str> = required.iter().filter(|(_, name)| !headers.contains_key(*name)).map(|(name, _)| *name).collect();
    if !missing.is_empty() {
        return Err(BatchError::bad(
            "missing_required_headers",
            format!("missing headers: {}", missing.join(", ")),
            Reason::InvalidHeaders,
        ));
    }
    let (scheme, token) = authorization.split_once(' ').unwrap_or((authorization, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(invalid("Authorization must use the Bearer scheme"));
    }
    let token = check_token(token).map_err(|error| {
        let refusal = Refusal::InvalidToken(error);
        unauthorized("invalid_api_token", &refusal.to_string(), refusal.reason())
    })?;
    let content_type = text(headers, &header::CONTENT_TYPE).unwrap_or_default();
    if media_type(content_type) != "application/json" {
        return Err(unsupported("unsupported_content_type", format!("{content_type} is not application/json")));
    }
    let encoding = text(headers, &header::CONTENT_ENCODING).unwrap_or_default().trim().to_ascii_lowercase();
    let format = match encoding.as_str() {
        "" | "identity" => None,
        "gzip" => Some(Format::Gzip),
        "deflate" => Some(Format::Deflate),
        "br" => Some(Format::Brotli),
        "zstd" => Some(Format::Zstd),
        other => return Err(unsupported("unsupported_encoding", format!("{other} is none of gzip, deflate, br, zstd"))),
    };
    if Uuid::try_parse(trimmed(headers, &REQUEST_ID)).is_err() {
        return Err(invalid("PostHog-Request-Id is not a UUID"));
    }
    if !trimmed(headers, &ATTEMPT).parse::<u32>().is_ok_and(|attempt| attempt >= 1) {
        return Err(invalid("PostHog-Attempt is not a number from 1 on"));
    }
    let sent_at = Timestamp::parse_rfc3339(trimmed(headers, &REQUEST_TIMESTAMP))
        .ok_or_else(|| invalid("PostHog-Request-Timestamp is not RFC 3339"))?;
    Ok(Envelope { token: token.to_owned(), format, lib: read_sdk_info(trimmed(headers, &SDK_INFO)), sent_at })
}

fn trimmed<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    text(headers, name).unwrap_or_default().trim()
}

/// `posthog-node/5.50.0`; what is malformed is ignored.
fn read_sdk_info(text: &str) -> Option<(String, String)> {
    let (name, version) = text.rsplit_once('/')?;
    let fine = text.len() <= MAX_SDK_INFO && !name.is_empty() && !version.is_empty();
    fine.then(|| (name.to_owned(), version.to_owned()))
}
