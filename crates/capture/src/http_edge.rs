//! What all endpoints do around their own work: preflights, cross-origin headers, methods, plain answers.

use axum::body::Body;
use axum::response::Response;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};

/// The methods of one endpoint, as preflights name them.
#[derive(Clone, Copy)]
pub enum Methods {
    GetAndPost,
    Post,
}

impl Methods {
    fn allow(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Methods::GetAndPost => "GET,POST,OPTIONS",
            Methods::Post => "POST,OPTIONS",
        })
    }

    pub fn permit(self, method: &Method) -> bool {
        match self {
            Methods::GetAndPost => matches!(*method, Method::GET | Method::POST),
            Methods::Post => *method == Method::POST,
        }
    }
}

/// Seconds after which a client should try again.
pub const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");
pub const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

pub fn answer(status: StatusCode, content_type: HeaderValue, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

pub fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

pub fn preflight(methods: Methods, request: &HeaderMap) -> Response {
    let mut response = empty(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(header::ALLOW, methods.allow());
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods.allow());
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    if let Some(names) = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    with_cors(response, request)
}

pub fn method_not_allowed(methods: Methods, request: &HeaderMap) -> Response {
    let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
    response.headers_mut().insert(header::ALLOW, methods.allow());
    with_cors(response, request)
}

/// Lets pages of any origin read the answer. Errors too: without these headers a page sees a network failure, and retries.
pub fn with_cors(mut response: Response, request: &HeaderMap) -> Response {
    const VARY: HeaderValue = HeaderValue::from_static("origin, access-control-request-method, access-control-request-headers");
    const EXPOSE: HeaderValue = HeaderValue::from_static("Retry-After, PostHog-Request-Id");
    let headers = response.headers_mut();
    if let Some(origin) = request.get(header::ORIGIN) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSE);
    }
    headers.insert(header::VARY, VARY);
    response
}

/// A header as text; unreadable ones count as absent.
pub fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
