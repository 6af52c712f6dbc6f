//! Ingestion: from the queue's records to stored events with their persons.
//!
//! Invariants:
//! 1. The event store's position says what is ingested. It commits together with the rows; everything else follows it.
//! 2. A batch may be processed again after a crash at any point. Rows collapse in the store; persons, groups, heatmaps and
//!    warnings are not written twice, because their transaction records how far they are (see [`writer`]).
//! 3. Events of one distinct id are decided in the order of the queue.
//! 4. No event costs SQL of its own: a batch reads what it needs with a few statements and writes in one transaction.
//! 5. An event that is not stored is counted under a [`Reason`], with an example and how to fix it.
//!
//! Reading order: [`steps`] (what happens to each event, the visible list) → [`persons`] (whose it is) → [`writer`] (the batch)
//! → [`worker`] (the loop).

mod bots;
mod cookieless;
mod cookieless_store;
pub mod decoder;
mod elements;
pub mod event;
mod geo;
mod heatmaps;
pub mod names;
mod outcomes;
pub mod parse;
mod persons;
mod restrictions;
mod schema;
pub mod steps;
mod store;
mod worker;
mod writer;

pub use cookieless::Sighting;
pub use cookieless_store::cookieless_id;
pub use geo::Geo;
pub use outcomes::{Dropped, Outcomes, Reason, Snapshot, Warned};
pub use schema::MIGRATIONS;
pub use steps::STEPS;
pub use worker::{Ingest, Lag};

use db::Db;
use definitions::Definitions;
use events::{EventRow, EventStore};
use model::Clock;
use queue::Queue;
use std::path::PathBuf;
use std::sync::Arc;
use teams::Teams;

/// Called with every batch of new events, in order.
pub type LiveFeed = Arc<dyn Fn(&[EventRow]) + Send + Sync>;

/// What ingestion works with.
#[derive(Clone)]
pub struct Ports {
    pub queue: Arc<dyn Queue>,
    pub store: Arc<dyn EventStore>,
    pub db: Db,
    pub teams: Teams,
    pub definitions: Arc<Definitions>,
    pub live: LiveFeed,
    pub clock: Clock,
}

#[derive(Clone, Debug)]
pub struct Config {
    /// A city database in MaxMind's format; without one, events get no place.
    pub geoip_database: Option<PathBuf>,
    /// Queue records decoded at once.
    pub batch_bytes: usize,
    /// Distinct ids and persons kept in memory while events arrive, together. A person takes one to two kilobytes.
    pub cached_persons: usize,
    /// Sixteen random bytes, for the salts of cookieless ids.
    pub random: fn() -> [u8; 16],
}

impl Default for Config {
    fn default() -> Self {
        Config { geoip_database: None, batch_bytes: 4 << 20, cached_persons: 200_000, random: rand::random }
    }
}
