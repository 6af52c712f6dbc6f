use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

/// What SDK endpoints answer between them. A preflight that allows more than one of them does is harmless.
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, OPTIONS, HEAD");

/// Lets pages of every origin read the answer, errors included: without these headers a 4xx looks like a network failure to a page and
/// is sent again. Answers every OPTIONS by itself. Use with `axum::middleware::from_fn`, and only around endpoints that know their
/// caller by a token in the request, never by a cookie.
pub async fn any_origin(request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let mut response = match *request.method() {
        Method::OPTIONS => preflight(request.headers()),
        _ => next.run(request).await,
    };
    let headers = response.headers_mut();
    match origin {
        // Browsers refuse `*` for requests with credentials, which some SDK versions send.
        Some(origin) => {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        None => {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        }
    }
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Retry-After, PostHog-Request-Id"));
    response
}

fn preflight(asked: &HeaderMap) -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ALLOW, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    if let Some(names) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    headers.append(header::VARY, HeaderValue::from_static("Access-Control-Request-Method, Access-Control-Request-Headers"));
    response
}

#[cfg(test)]
mod tests {
    use super::any_origin;
    use crate::testing::send;
    use axum::{Router, body::Body, middleware::from_fn, routing::get};
    use http::{Method, Request, StatusCode, header};

    fn router() -> Router {
        Router::new().route("/x", get(async || StatusCode::UNAUTHORIZED)).layer(from_fn(any_origin))
    }

    fn asking(method: Method, origin: Option<&str>) -> Request<Body> {
        let mut request = Request::builder().method(method).uri("/x").header("access-control-request-headers", "content-type, x-test");
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin);
        }
        request.body(Body::empty()).unwrap()
    }

    #[tokio::test]
    async fn errors_are_readable_by_the_page_that_asked() {
        let response = send(&router(), asking(Method::GET, Some("https://shop.example"))).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "https://shop.example");
        assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        let response = send(&router(), asking(Method::GET, None)).await;
        assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    }

    #[tokio::test]
    async fn preflight_allows_the_headers_it_was_asked_for() {
        let response = send(&router(), asking(Method::OPTIONS, Some("https://shop.example"))).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_HEADERS], "content-type, x-test");
        assert_eq!(response.headers()[header::ALLOW], "GET, POST, OPTIONS, HEAD");
    }
}
