use crate::ApiError;
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::any;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use http::{HeaderName, HeaderValue};

/// Our own pages run our own scripts only. Styles may be inline (charts and the editor set them); images may come from anywhere
/// over HTTPS, because people's avatars and event properties point there; workers and the replay frame use blobs.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob: https:; \
    font-src 'self' data:; connect-src 'self'; media-src 'self' blob: data:; worker-src 'self' blob:; frame-src 'self' blob:; \
    frame-ancestors 'self'; base-uri 'self'; form-action 'self'; object-src 'none'";

const DEFAULTS: [(HeaderName, &str); 3] =
    [(X_FRAME_OPTIONS, "SAMEORIGIN"), (X_CONTENT_TYPE_OPTIONS, "nosniff"), (REFERRER_POLICY, "strict-origin-when-cross-origin")];

/// Browser protections for the app and its API. A handler that sets one of these headers itself keeps its own.
pub fn security_headers(router: Router) -> Router {
    router.layer(from_fn(protect))
}

async fn protect(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let page = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let headers = response.headers_mut();
    for (name, value) in DEFAULTS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if page {
        headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(POLICY));
    }
    response
}

/// JSON answers for unknown paths under `/api` and for methods that a path does not have. Call it on the finished API router;
/// paths elsewhere stay free for the app's page.
pub fn fallbacks(router: Router) -> Router {
    let unknown = || async { ApiError::not_found_as("API endpoint not found.") };
    router
        .route("/api", any(unknown))
        .route("/api/{*endpoint}", any(unknown))
        .method_not_allowed_fallback(|| async { ApiError::method_not_allowed() })
}
