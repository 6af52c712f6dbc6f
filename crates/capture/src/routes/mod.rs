//! Every endpoint, with and without a trailing slash. The router may be nested under a prefix.

mod ai;
mod otel;
mod replay;
mod report;
mod v0;
mod v1;

pub use ai::blob_text;
pub use otel::decode_traces;
pub use report::decode_report;
pub use v1::decode_batch;

use crate::Capture;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use std::future::Future;
use std::sync::Arc;

pub fn routes(capture: Arc<Capture>) -> Router {
    let mut router = Router::new();
    for path in ["/e", "/capture", "/track", "/batch", "/i/v0/e", "/i/v0/ai/batch"] {
        router = both(router, path, move |capture, request| v0::serve(capture, v0::Endpoint::Events { engage: false }, path, request));
    }
    router = both(router, "/engage", |capture, request| v0::serve(capture, v0::Endpoint::Events { engage: true }, "/engage", request));
    router = both(router, "/s", |capture, request| v0::serve(capture, v0::Endpoint::Replay, "/s", request));
    router = both(router, "/test/black_hole", |capture, request| v0::serve(capture, v0::Endpoint::BlackHole, "/test/black_hole", request));
    router = both(router, "/i/v1/analytics/events", |capture, request| v1::serve(capture, v1::Lane::Analytics, request));
    router = both(router, "/i/v1/ai/events", |capture, request| v1::serve(capture, v1::Lane::Ai, request));
    router = both(router, "/i/v0/ai", ai::serve);
    // Exporters that are given the endpoint as a base add the signal's own path.
    router = both(router, "/i/v0/ai/otel", otel::serve);
    router = both(router, "/i/v0/ai/otel/v1/traces", otel::serve);
    router = both(router, "/report", report::serve);
    router.with_state(capture)
}

fn both<F, Fut>(router: Router<Arc<Capture>>, path: &str, serve: F) -> Router<Arc<Capture>>
where
    F: Fn(Arc<Capture>, Request) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Response> + Send + 'static,
{
    let handler = any(move |State(capture): State<Arc<Capture>>, request: Request| serve(capture, request));
    router.route(path, handler.clone()).route(&format!("{path}/"), handler)
}
