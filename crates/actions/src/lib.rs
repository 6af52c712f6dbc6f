//! Actions: named sets of events, by event name, page and element.
//!
//! What steps mean as a condition on events is decided where queries are; [`ActionsState::check`] asks there before an action is
//! stored. Reading order: [`action`] (noun) → [`store`] (SQL) → `wire` → `routes`.

mod action;
mod routes;
mod schema;
pub mod store;
mod wire;

pub use action::{Action, Matching, Step, read_steps};
pub use routes::routes;
pub use schema::MIGRATIONS;

use db::Db;
use futures::future::BoxFuture;
use model::Clock;
use std::sync::Arc;
use teams::Team;
use web::{ApiResult, UserSource};

/// Fails with what is wrong with an action's steps, as a condition on the project's events.
pub type Check = Arc<dyn Fn(Arc<Team>, Action) -> BoxFuture<'static, ApiResult<()>> + Send + Sync>;

/// What the routes share. Cheap to clone.
#[derive(Clone)]
pub struct ActionsState {
    pub db: Db,
    pub clock: Clock,
    pub users: UserSource,
    pub check: Check,
}
