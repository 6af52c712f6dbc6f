//! REST: `/cohorts`, below projects and environments alike.

mod cohorts;
mod persons;
mod upload;

use crate::CohortsState;
use axum::Router;

pub fn routes(state: CohortsState) -> Router {
    web::both_prefixes(|prefix| Router::new().merge(cohorts::routes(prefix)).merge(persons::routes(prefix)).with_state(state.clone()))
}
