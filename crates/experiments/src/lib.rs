//! Experiments: flags whose variants are compared by metrics.

mod routes;
mod schema;

pub use routes::routes;
pub use schema::MIGRATIONS;

use db::Db;
use model::Clock;
use web::UserSource;

/// What the routes share. Cheap to clone.
#[derive(Clone)]
pub struct ExperimentsState {
    pub db: Db,
    pub clock: Clock,
    pub users: UserSource,
    pub flags: flags::Flags,
}
