//! Persons and groups: who an event belongs to, what is known about them, and how two become one.
//!
//! Invariants:
//! 1. A distinct id belongs to exactly one person of its project. A person without distinct ids is one that was just deleted.
//! 2. Every change to a project's persons, distinct ids or groups raises the project's counter ([`store::bump`]) in the same
//!    transaction. Whoever holds copies (ingest, the event store) compares counters instead of being told.
//! 3. Whenever a distinct id that events may already carry gets another person, an `events::PersonOverride` with a higher
//!    version follows. Versions of one distinct id only grow, even when its person is deleted in between.
//! 4. Merged persons leave a tombstone with everything that undoing the merge needs.
//!
//! Reading order: [`identity`] and [`update`] (pure rules) → [`store`] and [`changes`] (SQL) → `wire` → `routes`.

mod actions;
pub mod changes;
mod dimensions;
pub mod editor;
pub mod filter;
pub mod identity;
mod list;
mod related;
mod routes;
pub mod sample;
mod schema;
pub mod store;
pub mod update;
pub mod wire;

pub use changes::{ApplyError, Attached, Changes, Merge};
pub use dimensions::People;
pub use routes::{PeopleState, routes};
pub use schema::MIGRATIONS;
pub use update::{Effect, Trait, TraitPlaces, Update};

use model::{GroupTypeIndex, Properties, Timestamp};
use std::sync::Arc;
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    pub uuid: Uuid,
    pub created_at: Timestamp,
    pub properties: Arc<Properties>,
    /// True once an identify or alias named this person.
    pub is_identified: bool,
    pub version: i64,
    /// Rounded down to the hour.
    pub last_seen_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub index: GroupTypeIndex,
    pub key: Arc<str>,
    pub properties: Arc<Properties>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq)]
pub struct GroupType {
    pub name: Arc<str>,
    pub index: GroupTypeIndex,
    pub name_singular: Option<String>,
    pub name_plural: Option<String>,
    pub default_columns: Option<serde_json::Value>,
}

/// Group types that one project may have.
pub const MAX_GROUP_TYPES: usize = 5;
