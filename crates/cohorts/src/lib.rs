//! Cohorts: named sets of persons, static or computed from what persons are and did.
//!
//! Invariants:
//! 1. The members that count are the rows with the cohort's `version`. A computation writes its rows under a version of its own and
//!    swaps in one statement: a reader sees the old members or the new ones.
//! 2. Every write that changes a definition or a membership raises the project's counter ([`store::version`]) in its transaction.
//! 3. Cohorts never name each other in a circle.
//!
//! Reading order: [`cohort`] and [`criteria`] (pure) → [`store`] and [`members`] (SQL) → [`calculate`] → [`manage`] → `routes`.
//! What criteria mean as a query is decided where queries are: [`CohortsState::find`].

pub mod calculate;
mod cohort;
pub mod criteria;
mod csv;
mod manage;
pub mod members;
mod routes;
mod schema;
pub mod store;
mod wire;

pub use cohort::{Cohort, is_circular, reachable};
pub use criteria::Criteria;
pub use manage::SCOPE;
pub use members::WithCohorts;
pub use routes::routes;
pub use schema::MIGRATIONS;
pub use store::NewCohort;

use db::Db;
use futures::future::BoxFuture;
use model::Clock;
use std::sync::Arc;
use std::time::Duration;
use teams::{Team, Teams};
use uuid::Uuid;
use web::{ApiResult, UserSource};

/// Whose ids are asked for.
#[derive(Clone, Debug)]
pub enum Wanted {
    Criteria(Criteria),
    /// The persons that an `ActorsQuery` or an insight's actors are, as JSON.
    Query(serde_json::Value),
}

/// Answers with the persons of the project that are meant.
pub type Finder = Arc<dyn Fn(Arc<Team>, Wanted) -> BoxFuture<'static, ApiResult<Vec<Uuid>>> + Send + Sync>;

/// What the routes share. Cheap to clone.
#[derive(Clone)]
pub struct CohortsState {
    pub db: Db,
    pub clock: Clock,
    pub users: UserSource,
    pub teams: Teams,
    pub find: Finder,
}

/// Follows merges of persons and computes cohorts when they are due, for as long as the process runs. Several processes may.
pub async fn keep_up(state: CohortsState) {
    const PAUSE: Duration = Duration::from_secs(2);
    const MOST: usize = 10;
    loop {
        loop {
            match members::follow_merges(&state.db).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::error!(error = format!("{error:#}"), "cohorts could not follow merged persons");
                    break;
                }
            }
        }
        if let Err(error) = calculate::due(&state, MOST).await {
            tracing::error!(error = format!("{error:#}"), "cohorts that are due could not be computed");
        }
        tokio::time::sleep(PAUSE).await;
    }
}
