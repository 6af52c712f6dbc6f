//! REST: `/persons`, `/groups`, `/groups_types`, below projects and environments alike.

mod groups;
mod persons;

use axum::Router;
use db::Db;
use events::{Dimensions, EventStore};
use model::Clock;
use std::sync::Arc;

#[derive(Clone)]
pub struct PeopleState {
    pub db: Db,
    pub store: Arc<dyn EventStore>,
    pub clock: Clock,
    /// Tells who is in a cohort.
    pub dimensions: Arc<dyn Dimensions>,
}

pub fn routes(state: PeopleState) -> Router {
    web::both_prefixes(|prefix| Router::new().merge(persons::routes(prefix)).merge(groups::routes(prefix)).with_state(state.clone()))
}
