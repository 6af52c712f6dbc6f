//! The event store as a port: rows go in, HogQL selects come out as Arrow batches.
//!
//! Invariants:
//! 1. When [`EventStore::append`] returns, the rows are durable, the queue position that came with them is durable in the
//!    same commit, and every select that starts afterwards sees them.
//! 2. Rows equal in (team, UTC date of the timestamp, event, distinct id, uuid) are one row, however often and in however
//!    many batches they arrive; the first one stays.
//! 3. A select sees the rows of its own team only. The store adds that guard itself.
//! 4. A person merge changes answers at once and rewrites no row.

use async_trait::async_trait;
use model::{PersonMode, Properties, TeamId, Timestamp};
use std::sync::Arc;
use uuid::Uuid;

mod behave;
pub mod contract;
mod dimensions;
mod select;

pub use behave::{Behave, Behaved};
pub use dimensions::{CohortRow, Dimensions, DistinctIdRow, GroupRow, NoDimensions, PersonRow};
pub use select::{Budget, Column, QueryError, Select, Selected};

/// One finished event.
#[derive(Clone, Debug, PartialEq)]
pub struct EventRow {
    pub team: TeamId,
    pub uuid: Uuid,
    pub event: Arc<str>,
    pub timestamp: Timestamp,
    /// When it was ingested.
    pub created_at: Timestamp,
    pub distinct_id: Arc<str>,
    /// The person as of ingestion; later merges are [`PersonOverride`]s.
    pub person_id: Uuid,
    pub person_created_at: Timestamp,
    pub person_mode: PersonMode,
    pub properties: Properties,
    /// Empty for personless events. Shared between rows of one person.
    pub person_properties: Arc<Properties>,
    pub elements_chain: Arc<str>,
    pub historical_migration: bool,
}

/// "Events of this distinct id now belong to this person."
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonOverride {
    pub team: TeamId,
    pub distinct_id: Arc<str>,
    pub person_id: Uuid,
    /// A higher version wins.
    pub version: i64,
}

#[derive(Clone, Debug, Default)]
pub struct EventBatch {
    pub rows: Vec<EventRow>,
    pub overrides: Vec<PersonOverride>,
    /// The queue offset after the last record that this batch holds. `None` leaves the position as it is.
    pub position: Option<u64>,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No space left; nothing of the batch was stored. Try again later.
    #[error("the event store's disk is full")]
    Full,
    #[error("the event store could not be written: {0:#}")]
    Failed(anyhow::Error),
}

/// What to erase.
#[derive(Clone, Debug)]
pub enum Erase {
    /// All events of these persons (person ids after overrides).
    Persons(TeamId, Vec<Uuid>),
    Team(TeamId),
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StoreStats {
    pub rows: u64,
    pub memory_rows: u64,
    pub segments: u64,
    pub disk_bytes: u64,
    /// Pieces of damaged data that were set aside since the start.
    pub damaged: u64,
}

#[async_trait]
pub trait EventStore: Send + Sync {
    async fn append(&self, batch: EventBatch) -> Result<(), StoreError>;

    /// The position stored with the last append that carried one.
    async fn position(&self) -> anyhow::Result<Option<u64>>;

    async fn select(&self, select: Select) -> Result<Selected, QueryError>;

    /// Feeds rows to an operator, actor by actor.
    async fn behave(&self, behave: Behave) -> Result<Behaved, QueryError>;

    async fn erase(&self, what: Erase) -> anyhow::Result<()>;

    fn stats(&self) -> StoreStats;

    /// Writes the newest rows into segments; used at shutdown and by tests.
    async fn flush(&self) -> anyhow::Result<()>;
}
