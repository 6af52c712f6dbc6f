//! Experiments: flags whose variants are compared by metrics.
//!
//! ```text
//! draft ──launch──► running ◄──pause, resume──► paused
//!   ▲                  └──end, ship a variant──► stopped ──► archived
//!   └──────────────reset─────────────────────────┘
//! ```
//!
//! Invariants:
//! 1. Flags are made and changed only through [`flags::Flags`], so that everything that holds for flags holds for these.
//! 2. Metrics, exposure criteria and statistics are checked by the code that answers queries about them ([`Checks`]): what is stored
//!    can be asked.
//! 3. Results are computed, never edited. Those of days that are over are kept, and anybody can have them computed again.
//!
//! Reading order: [`experiment`] → [`flag`] (what becomes of the flag) → [`store`] → `draft`, `wire` → `routes`.

mod draft;
pub mod experiment;
mod flag;
mod holdout;
mod results;
mod routes;
mod saved_metric;
mod schema;
pub mod store;
mod wire;

pub use routes::{public, routes};
pub use schema::MIGRATIONS;
pub use wire::for_queries;

use db::Db;
use futures::future::BoxFuture;
use model::Clock;
use serde_json::Value;
use std::sync::Arc;
use teams::Team;
use web::{ApiResult, UserSource};

/// Answers a query node of the project, as `POST …/query/` does.
pub type ResultsSource = Arc<dyn Fn(Arc<Team>, Value) -> BoxFuture<'static, ApiResult<Value>> + Send + Sync>;

/// Whether a part of an experiment could be asked about; the text says what is wrong with it.
#[derive(Clone, Copy)]
pub struct Checks {
    pub metric: fn(&Value) -> Result<(), String>,
    pub exposure_criteria: fn(&Value) -> Result<(), String>,
    pub stats_config: fn(&Value) -> Result<(), String>,
}

/// What the routes share. Cheap to clone.
#[derive(Clone)]
pub struct ExperimentsState {
    pub db: Db,
    pub clock: Clock,
    pub users: UserSource,
    pub flags: flags::Flags,
    pub cohorts: cohorts::CohortsState,
    pub results: ResultsSource,
    pub checks: Checks,
}
