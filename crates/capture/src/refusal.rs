//! Why the lenient endpoints refuse a request, in the words that SDKs and people know from PostHog.

use crate::outcomes::Reason;
use http::StatusCode;
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The body could not be unpacked into text.
    Decode(String),
    /// The text is not JSON, or not JSON of a known shape.
    Parse(String),
    /// An object without `event` outside `/engage`.
    NoEventName,
    NoPayload,
    NoEvent,
    EmptyEventName,
    NoDistinctId,
    InvalidCookielessMode,
    NoSnapshotData,
    NoSessionId,
    InvalidSessionId,
    /// A field that only one endpoint needs.
    Invalid(String),
    NoToken,
    DifferentTokens,
    InvalidToken(TokenError),
    Stalled,
    TooLarge(String),
    Unavailable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    Empty,
    TooLong,
    NotAscii,
    PersonalApiKey,
    NullByte,
}

impl TokenError {
    pub fn as_str(self) -> &'static str {
        match self {
            TokenError::Empty => "empty",
            TokenError::TooLong => "too_long",
            TokenError::NotAscii => "not_ascii",
            TokenError::PersonalApiKey => "personal_api_key",
            TokenError::NullByte => "null_byte",
        }
    }
}

/// Checks only the shape: whether a project has this token is found out later, so that a valid request is never slow.
pub fn check_token(token: &str) -> Result<&str, TokenError> {
    let token = token.trim();
    if token.is_empty() {
        Err(TokenError::Empty)
    } else if token.len() > 64 {
        Err(TokenError::TooLong)
    } else if !token.is_ascii() {
        Err(TokenError::NotAscii)
    } else if token.starts_with("phx_") {
        Err(TokenError::PersonalApiKey)
    } else if token.contains('\0') {
        Err(TokenError::NullByte)
    } else {
        Ok(token)
    }
}

impl Refusal {
    pub fn status(&self) -> StatusCode {
        match self {
            Refusal::NoToken | Refusal::DifferentTokens | Refusal::InvalidToken(_) => StatusCode::UNAUTHORIZED,
            Refusal::Stalled => StatusCode::REQUEST_TIMEOUT,
            Refusal::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    pub fn reason(&self) -> Reason {
        match self {
            Refusal::Decode(_) => Reason::Undecodable,
            Refusal::Parse(_) => Reason::Unparsable,
            Refusal::NoEventName | Refusal::EmptyEventName => Reason::NoEventName,
            Refusal::NoPayload | Refusal::NoEvent => Reason::Empty,
            Refusal::NoDistinctId => Reason::NoDistinctId,
            Refusal::InvalidCookielessMode | Refusal::Invalid(_) => Reason::InvalidField,
            Refusal::NoSnapshotData | Refusal::NoSessionId | Refusal::InvalidSessionId => Reason::InvalidReplay,
            Refusal::NoToken => Reason::NoToken,
            Refusal::DifferentTokens => Reason::DifferentTokens,
            Refusal::InvalidToken(TokenError::PersonalApiKey) => Reason::PersonalApiKey,
            Refusal::InvalidToken(_) => Reason::InvalidToken,
            Refusal::Stalled => Reason::Stalled,
            Refusal::TooLarge(_) => Reason::TooLarge,
            Refusal::Unavailable => Reason::Unavailable,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Decode(detail) => write!(f, "failed to decode request: {detail}"),
            Refusal::Parse(detail) => write!(f, "failed to parse request: {detail}"),
            Refusal::NoEventName => f.write_str("failed to hydrate events from request: non-engage request missing event name attribute"),
            Refusal::NoPayload => f.write_str("request missing data payload"),
            Refusal::NoEvent => f.write_str("request holds no event"),
            Refusal::EmptyEventName => f.write_str("event submitted with an empty event name"),
            Refusal::NoDistinctId => f.write_str("event submitted without a distinct_id"),
            Refusal::InvalidCookielessMode => f.write_str("event submitted with invalid cookieless mode"),
            Refusal::NoSnapshotData => f.write_str("replay event submitted without snapshot data"),
            Refusal::NoSessionId => f.write_str("replay event submitted without session id"),
            Refusal::InvalidSessionId => f.write_str("replay event has invalid session id"),
            Refusal::Invalid(detail) => f.write_str(detail),
            Refusal::NoToken => f.write_str("event submitted without an api_key"),
            Refusal::DifferentTokens => f.write_str("batch submitted with inconsistent api_key values"),
            Refusal::InvalidToken(error) => write!(f, "API key is not valid: {}", error.as_str()),
            Refusal::Stalled => f.write_str("request body was not received in time"),
            Refusal::TooLarge(detail) => write!(f, "maximum event size exceeded: {detail}"),
            Refusal::Unavailable => f.write_str("transient error, please retry"),
        }
    }
}
