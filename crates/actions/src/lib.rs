//! Actions: named sets of events, by event name, page and element.

mod routes;
mod schema;

pub use routes::routes;
pub use schema::MIGRATIONS;

use db::Db;
use model::Clock;
use web::UserSource;

/// What the routes share. Cheap to clone.
#[derive(Clone)]
pub struct ActionsState {
    pub db: Db,
    pub clock: Clock,
    pub users: UserSource,
}
