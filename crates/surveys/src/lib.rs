//! Surveys: questions that browser SDKs show, and what people answered.

mod routes;
mod schema;

pub use routes::routes;
pub use schema::MIGRATIONS;

use db::Db;
use events::{Dimensions, EventStore};
use model::Clock;
use std::sync::Arc;
use web::UserSource;

/// What the routes share. Cheap to clone.
#[derive(Clone)]
pub struct SurveysState {
    pub db: Db,
    pub clock: Clock,
    pub users: UserSource,
    pub flags: flags::Flags,
    pub store: Arc<dyn EventStore>,
    pub dimensions: Arc<dyn Dimensions>,
}
