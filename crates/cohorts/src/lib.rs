//! Cohorts: named sets of persons, static or computed from what persons are and did.

mod cohort;
mod routes;
mod schema;
pub mod store;

pub use cohort::Cohort;
pub use routes::routes;
pub use schema::MIGRATIONS;

use db::Db;
use events::{Dimensions, EventStore};
use model::Clock;
use std::sync::Arc;
use web::UserSource;

/// What the routes share. Cheap to clone.
#[derive(Clone)]
pub struct CohortsState {
    pub db: Db,
    pub clock: Clock,
    pub users: UserSource,
    pub store: Arc<dyn EventStore>,
    pub dimensions: Arc<dyn Dimensions>,
}
