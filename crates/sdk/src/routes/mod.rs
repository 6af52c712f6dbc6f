//! The URL space of this crate, one file per prefix.

mod array;
mod licences;
mod lists;
mod statics;

use axum::{Router, routing::get};

use crate::Sdk;

pub fn all() -> Router<Sdk> {
    Router::new()
        .route("/array/{token}/config", get(array::config))
        .route("/array/{token}/config.js", get(array::config_script))
        .route("/array/{token}/array.js", get(array::preloaded_sdk))
        .route("/static/{file}", get(statics::script))
        .route("/static/{version}/{file}", get(statics::versioned_script))
        .route("/licenses", get(licences::list))
        .route("/licenses/{file}", get(licences::text))
        .route("/api/product_tours", get(lists::product_tours))
        .route("/api/conversations/v1/widget/{*rest}", axum::routing::any(lists::conversations))
}

#[cfg(test)]
mod tests;
