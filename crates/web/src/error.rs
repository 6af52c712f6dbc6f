use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

pub type ApiResult<T> = Result<T, ApiError>;

/// What an API call answers when it fails: `{"type", "code", "detail", "attr"}`, as PostHog's clients parse it.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    kind: &'static str,
    code: Cow<'static, str>,
    detail: Cow<'static, str>,
    attr: Option<Cow<'static, str>>,
    extra: Map<String, Value>,
    retry_after_seconds: Option<u64>,
}

impl ApiError {
    fn new(status: StatusCode, kind: &'static str, code: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) -> Self {
        ApiError { status, kind, code: code.into(), detail: detail.into(), attr: None, extra: Map::new(), retry_after_seconds: None }
    }

    /// 400: the request was understood and refused.
    pub fn validation(code: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "validation_error", code, detail)
    }

    /// 400 with code `invalid_input`.
    pub fn invalid(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::validation("invalid_input", detail)
    }

    /// 400 with code `required` for a missing field.
    pub fn required(field: &'static str) -> Self {
        Self::validation("required", "This field is required.").attr(field)
    }

    /// 400 for a body that is not JSON at all.
    pub fn unreadable(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", "parse_error", detail)
    }

    /// 401 without credentials.
    pub fn unauthenticated() -> Self {
        Self::authentication("not_authenticated", "Authentication credentials were not provided.")
    }

    /// 401 with credentials that do not hold.
    pub fn authentication(code: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "authentication_error", code, detail)
    }

    /// 403 with code `permission_denied`.
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::forbidden_as("permission_denied", detail)
    }

    /// 403 with a code of its own.
    pub fn forbidden_as(code: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "authentication_error", code, detail)
    }

    pub fn not_found() -> Self {
        Self::not_found_as("Not found.")
    }

    /// 404 that says what is missing.
    pub fn not_found_as(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "invalid_request", "not_found", detail)
    }

    pub fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request", "method_not_allowed", "Method not allowed.")
    }

    pub fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, "invalid_request", "conflict", detail)
    }

    /// 413.
    pub fn too_large(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request", "request_too_large", detail)
    }

    /// 429.
    pub fn throttled(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "throttled_error", "throttled", detail)
    }

    /// 503.
    pub fn unavailable(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "server_error", "service_unavailable", detail)
    }

    /// 504.
    pub fn timeout(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, "server_error", "timeout", detail)
    }

    /// Names the field at fault.
    pub fn attr(mut self, attr: impl Into<Cow<'static, str>>) -> Self {
        self.attr = Some(attr.into());
        self
    }

    /// Another member of the answer.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(name.to_owned(), value.into());
        self
    }

    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    pub fn code(&self) -> &str {
        &self.code
    }

    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.status.as_u16(), self.code, self.detail)
    }
}

impl std::error::Error for ApiError {}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut body = json!({"type": self.kind, "code": self.code, "detail": self.detail, "attr": self.attr});
        if let Some(object) = body.as_object_mut() {
            object.extend(self.extra);
        }
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after_seconds {
            response.headers_mut().insert(HeaderName::from_static("retry-after"), HeaderValue::from(seconds));
        }
        response
    }
}

/// What a handler did not expect. The cause goes to the log, once; the client learns only that it is not its fault.
impl From<anyhow::Error> for ApiError {
    fn from(error: anyhow::Error) -> Self {
        let error = match error.downcast::<ApiError>() {
            Ok(known) => return known,
            Err(error) => error,
        };
        tracing::error!(error = format!("{error:#}"), "request failed");
        if db::is_disk_full(&error) {
            return ApiError::unavailable("The server has no disk space left. Free some and try again.").retry_after(30);
        }
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "error", "A server error occurred.")
    }
}
