//! `feature_flags` and `scheduled_changes` of a project, and copying between the projects of an organization.

mod bulk;
mod copy;
mod draft;
mod explain;
mod files;
mod flags;
mod history;
mod listing;
mod scheduled;

use crate::Flags;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use web::{Access, ApiError, ApiResult};

/// A whole project's flags as a file, and some room.
const MAX_BODY_BYTES: usize = 64 << 20;

/// What people who sign in, and their keys, do with flags and early access features.
pub fn routes(state: Flags) -> Router {
    let of_project = |prefix: &str| {
        let flags = format!("{prefix}/feature_flags");
        let one = format!("{flags}/{{id}}");
        Router::new()
            .route(&flags, get(flags::list).post(flags::create))
            .route(&format!("{flags}/activity"), get(history::of_all))
            .route(&format!("{flags}/my_flags"), get(explain::my_flags))
            .route(&format!("{flags}/evaluation_reasons"), get(explain::reasons))
            .route(&format!("{flags}/explain"), post(explain::unsaved))
            .route(&format!("{flags}/user_blast_radius"), post(explain::blast_radius))
            .route(&format!("{flags}/bulk_keys"), post(bulk::keys))
            .route(&format!("{flags}/bulk_update"), post(bulk::update))
            .route(&format!("{flags}/export"), get(files::export))
            .route(&format!("{flags}/import"), post(files::import).layer(DefaultBodyLimit::max(MAX_BODY_BYTES)))
            .route(&one, get(flags::retrieve).patch(flags::change).put(flags::change).delete(flags::refuse_delete))
            .route(&format!("{one}/status"), get(history::status))
            .route(&format!("{one}/activity"), get(history::of_one))
            .route(&format!("{one}/dependent_flags"), get(history::dependents))
            .route(&format!("{one}/versions"), get(history::versions))
            .route(&format!("{one}/revert"), post(history::revert))
            .route(&format!("{one}/explain"), post(explain::saved))
            .merge(scheduled::routes(prefix))
            .merge(crate::early_access::routes(prefix))
            .with_state(state.clone())
    };
    let of_organization = Router::new()
        .route("/api/organizations/{organization}/feature_flags/copy_flags", post(copy::copy))
        .route("/api/organizations/{organization}/feature_flags/{key}", get(copy::everywhere))
        .with_state(state.clone());
    web::both_prefixes(of_project).merge(of_organization)
}

/// The flag that a path names, by id or by key.
async fn named(state: &Flags, access: &Access, name: &str) -> ApiResult<crate::Flag> {
    let by_id = match name.parse() {
        Ok(id) => state.flag(access.team.id, id).await,
        Err(_) => Err(ApiError::not_found()),
    };
    match by_id {
        Err(error) if error.status() == http::StatusCode::NOT_FOUND => {
            state.flag_by_key(access.team.id, name).await?.ok_or_else(ApiError::not_found)
        }
        known => known,
    }
}
