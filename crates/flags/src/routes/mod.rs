//! The URL space of this crate.

mod definitions;
mod flags;

use crate::Flags;
use axum::Router;
use axum::routing::{any, get};

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
        .route("/api/early_access_features", get(crate::early_access::list))
        .layer(axum::middleware::from_fn(web::any_origin))
        .route("/flags/definitions", get(definitions::by_token).options(definitions::methods))
        .route("/api/feature_flag/local_evaluation", get(definitions::by_token).options(definitions::methods))
        .with_state(state.clone())
        .merge(web::both_prefixes(of_project));
    state.authenticator.guard(routes)
}

#[cfg(test)]
mod tests;
