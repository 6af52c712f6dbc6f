//! Insights: PostHog's query nodes, answered over the event store; saved insights; the events list.
//!
//! ```text
//! node (JSON) ──nodes──► typed node ──kinds──► HogQL tree ──run──► event store ──cells──► rows ──kinds──► PostHog's answer
//! ```
//!
//! Invariants:
//! 1. Nothing a client writes becomes query text: features build trees, constants stay constants.
//! 2. A cached answer is the answer: it is served only while the data it was computed from is unchanged, unless the client asks for
//!    a fast answer rather than the newest ([`staleness`]).
//! 3. Every query has a deadline, a memory budget and a row bound, can be cancelled, and at most a fixed number run at once.
//! 4. Exactly one table, [`kinds::KINDS`], says which query nodes exist.
//!
//! Start at [`kinds`]; [`answer`] is what happens around every query (cache, concurrency, background runs).

mod action_steps;
mod answer;
mod cache;
mod catalog;
mod cells;
mod compare;
mod conditions;
mod dates;
mod elements;
pub mod experiment;
mod failure;
mod fairness;
mod formula;
pub mod golden;
mod jobs;
mod kinds;
mod legacy;
mod members;
mod nodes;
mod overrides;
mod routes;
mod run;
mod semver;
mod sessions;
mod staleness;
mod store;

pub use routes::routes;
pub use store::MIGRATIONS;

use cache::Answers;
use db::Db;
use events::{Budget, Dimensions, EventStore};
use experiment::ExperimentSource;
use futures::future::BoxFuture;
use jobs::Jobs;
use model::{Clock, TeamId, Timestamp};
use moka::sync::Cache;
use query::PropertyTypes;
use run::Purpose;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use web::UserSource;

/// Where the types of a project's properties come from.
pub type PropertyTypesSource = Arc<dyn Fn(TeamId) -> BoxFuture<'static, anyhow::Result<Arc<PropertyTypes>>> + Send + Sync>;

/// What the routes share. Cheap to clone.
#[derive(Clone)]
pub struct InsightsState {
    pub(crate) engine: Arc<Engine>,
    pub(crate) db: Db,
    pub(crate) users: UserSource,
}

pub struct Parts {
    pub events: Arc<dyn EventStore>,
    pub dimensions: Arc<dyn Dimensions>,
    pub property_types: PropertyTypesSource,
    pub experiments: ExperimentSource,
    pub users: UserSource,
    pub db: Db,
    pub clock: Clock,
    pub limits: Limits,
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Queries that run at the same time. The rest of the machine belongs to ingestion.
    pub concurrent: usize,
    /// Queries that wait for their turn; more are refused with 429.
    pub waiting: usize,
    /// How long one that somebody waits for waits for its turn before it is refused with 503.
    pub patience: Duration,
    pub interactive_deadline: Duration,
    /// For background runs and exports.
    pub long_deadline: Duration,
    /// Memory and rows of one select. The deadline in it is not used.
    pub budget: Budget,
    /// Points (bucket and breakdown value) fetched to choose from. With more of them the store chooses, which costs a second scan.
    pub groups: usize,
    /// Events fetched at a time while a download runs.
    pub export_page: usize,
    pub cache_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            concurrent: 4,
            waiting: 64,
            patience: Duration::from_secs(30),
            interactive_deadline: Duration::from_secs(60),
            long_deadline: Duration::from_secs(600),
            budget: Budget::default(),
            groups: 400_000,
            export_page: 10_000,
            cache_bytes: 64 << 20,
        }
    }
}

impl Limits {
    /// Running and waiting queries of one project.
    fn of_one_project(&self) -> usize {
        (self.concurrent + self.waiting * 3 / 4).max(self.concurrent + 1)
    }

    fn deadline(&self, purpose: Purpose) -> Duration {
        match purpose {
            Purpose::Api => self.interactive_deadline,
            Purpose::Export => self.long_deadline,
        }
    }
}

/// The part of the state that answers queries.
pub(crate) struct Engine {
    pub store: Arc<dyn EventStore>,
    pub dimensions: Arc<dyn Dimensions>,
    pub db: Db,
    pub property_types: PropertyTypesSource,
    pub experiments: ExperimentSource,
    pub clock: Clock,
    pub limits: Limits,
    pub answers: Answers,
    pub jobs: Jobs,
    /// When each project's first event was, as of a number of rows in the store.
    pub catalogs: Cache<TeamId, Arc<catalog::Catalog>>,
    pub first_events: Cache<TeamId, (u64, Option<Timestamp>)>,
    /// Looking for a first event happens before a query has its turn: one at a time.
    pub first_event_turn: tokio::sync::Mutex<()>,
    pub turns: Semaphore,
    /// Background runs, which may take minutes, leave a turn and half of the waiting places to people who wait for an answer.
    pub background_turns: Semaphore,
    pub background_places: Arc<Semaphore>,
    pub queue: Semaphore,
    pub places: fairness::Places,
}

impl InsightsState {
    pub fn new(parts: Parts) -> InsightsState {
        let limits = parts.limits;
        let engine = Engine {
            store: parts.events,
            dimensions: parts.dimensions,
            db: parts.db.clone(),
            property_types: parts.property_types,
            experiments: parts.experiments,
            clock: parts.clock,
            limits,
            answers: Answers::new(limits.cache_bytes),
            jobs: Jobs::new(),
            catalogs: Cache::new(10_000),
            first_events: Cache::new(10_000),
            first_event_turn: tokio::sync::Mutex::default(),
            turns: Semaphore::new(limits.concurrent),
            background_turns: Semaphore::new(limits.concurrent.saturating_sub(1).max(1)),
            background_places: Arc::new(Semaphore::new((limits.waiting / 2).max(1))),
            queue: Semaphore::new(limits.concurrent + limits.waiting),
            places: fairness::Places::default(),
        };
        InsightsState { engine: Arc::new(engine), db: parts.db, users: parts.users }
    }
}
