//! The URL space of this crate.

mod definitions;
mod flags;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{any, get},
};

use crate::{Flags, decode::MAX_BODY_BYTES};

pub fn all(state: Flags) -> Router {
    let of_project = |prefix: &str| {
        Router::new()
            .route(&format!("{prefix}/feature_flags/local_evaluation"), get(definitions::of_project))
            .route(&format!("{prefix}/feature_flags/{{key}}/remote_config"), get(definitions::remote_config))
            .with_state(state.clone())
    };
    let routes = Router::new()
        .route("/flags", any(flags::flags))
        .route("/decide", any(flags::decide))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(axum::middleware::from_fn(web::any_origin))
        .route("/flags/definitions", get(definitions::by_token))
        .route("/api/feature_flag/local_evaluation", get(definitions::by_token))
        .with_state(state.clone())
        .merge(web::both_prefixes(of_project));
    state.authenticator.guard(routes)
}

#[cfg(test)]
mod tests;
